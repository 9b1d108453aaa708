#include "store/pg_refusal.h"

// What a beginning of SQLSTATE means; another one is PG_ERROR.
static const struct {
    const char *begin;
    enum pg_refusal refusal;
} meanings[] = {
    {"08", PG_LOST},     {"57P0", PG_LOST}, // it shuts down, has crashed, or starts
    {"40003", PG_LOST},                     // it does not know whether it has committed
    {"40001", PG_AGAIN},                    // serialization
    {"40P01", PG_AGAIN},                    // deadlock
    {"55P03", PG_AGAIN},                    // lock_timeout
    {"57014", PG_AGAIN},                    // statement_timeout
    {"26000", PG_AGAIN},                    // not prepared: by one that was refused
    {"42P05", PG_AGAIN},                    // prepared already: likewise
};

enum pg_refusal pg_refusal_of(const PGresult *r, bool is_read_only)
{
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const str sqlstate = str_of(PQresultErrorField(r, PG_DIAG_SQLSTATE));

    // Not said by the server, or the last that it says.
    if (sqlstate.len == 0 || (severity && strcmp(severity, "ERROR") != 0))
        return PG_LOST;
    // Who could write, and can't any more, is connected to a server that another has replaced.
    if (!is_read_only && str_eq(sqlstate, STR("25006")))
        return PG_LOST;
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (str_starts(sqlstate, str_of(meanings[i].begin)))
            return meanings[i].refusal;
    }
    return PG_ERROR;
}

str pg_refusal_line(const char *text)
{
    static const char behind[] = " failed: ";
    const str all = str_of(text ? text : "");
    str line = {all.ptr, str_find(all, '\n')};

    if (!str_starts(line, STR("connection to server ")))
        return line;
    const char *at = memmem(line.ptr, line.len, behind, sizeof(behind) - 1);
    if (at)
        str_take(&line, (size_t)(at - line.ptr) + sizeof(behind) - 1);
    return line;
}

str pg_refusal_why(const PGresult *r)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (!sqlstate || !message)
        return pg_refusal_line(PQresultErrorMessage(r)); // libpq's own
    return strncmp(sqlstate, "22", 2) == 0 ? STR("what it was given")
                                           : pg_refusal_line(message);
}
