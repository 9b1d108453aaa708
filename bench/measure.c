#include "bench/measure.h"

void measure_init(struct measure *m)
{
    *m = (struct measure){.from_us = INT64_MAX, .to_us = INT64_MAX};
}

void measure_next(struct measure *m)
{
    m->from_us = m->to_us = INT64_MAX;
    m->sent = m->acked = m->delivered = 0;
    m->acked_meanwhile = m->delivered_meanwhile = 0;
    m->ack = m->delivery = (struct histogram){0};
}

static bool is_within(const struct measure *m, int64_t us)
{
    return us >= m->from_us && us < m->to_us;
}

void measure_sent(struct measure *m, int64_t planned_us)
{
    m->sent += is_within(m, planned_us);
}

void measure_acked(struct measure *m, int64_t planned_us, int64_t now_us)
{
    m->n_acked++;
    m->acked_meanwhile += is_within(m, now_us);
    if (!is_within(m, planned_us))
        return;
    m->acked++;
    histogram_add(&m->ack, now_us - planned_us);
}

void measure_delivered(struct measure *m, int64_t planned_us, int64_t now_us)
{
    m->n_delivered++;
    m->delivered_meanwhile += is_within(m, now_us);
    if (!is_within(m, planned_us))
        return;
    m->delivered++;
    histogram_add(&m->delivery, now_us - planned_us);
}

/** The server's word, fit for any report: other than its plain characters, each is a '?'. */
static void clean(char out[MEASURE_CODE_SIZE], str code)
{
    size_t n = 0;

    for (; n < code.len && n < MEASURE_CODE_SIZE - 1; n++) {
        const char c = code.ptr[n];
        out[n] = '?';
        if (c > ' ' && c <= '~' && c != '"' && c != '\\')
            out[n] = c;
    }
    out[n] = '\0';
}

void measure_error(struct measure *m, str text)
{
    char code[MEASURE_CODE_SIZE];

    clean(code, text);
    m->n_errors++;
    for (size_t i = 0; i < m->n_codes; i++) {
        if (strcmp(m->errors[i].code, code) == 0) {
            m->errors[i].n++;
            return;
        }
    }
    if (m->n_codes == MEASURE_CODES_MAX)
        return;
    struct measure_error *e = &m->errors[m->n_codes++];
    memcpy(e->code, code, sizeof(e->code));
    e->n = 1;
}

void measure_refused(struct measure *m, str code)
{
    if (m->n_refused++ == 0)
        clean(m->first_refusal, code);
    measure_error(m, code);
}
