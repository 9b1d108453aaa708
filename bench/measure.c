#include "bench/measure.h"

void measure_init(struct measure *m)
{
    *m = (struct measure){.from_us = INT64_MAX, .to_us = INT64_MAX};
}

static bool is_within(const struct measure *m, int64_t us)
{
    return us >= m->from_us && us < m->to_us;
}

void measure_sent(struct measure *m, int64_t planned_us)
{
    m->n_sent++;
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
    if (!is_within(m, planned_us))
        return;
    m->delivered++;
    histogram_add(&m->delivery, now_us - planned_us);
}

void measure_error(struct measure *m, str code)
{
    m->n_errors++;
    if (code.len >= MEASURE_CODE_SIZE)
        code.len = MEASURE_CODE_SIZE - 1;
    for (size_t i = 0; i < m->n_codes; i++) {
        if (str_eq(str_of(m->errors[i].code), code)) {
            m->errors[i].n++;
            return;
        }
    }
    if (m->n_codes == MEASURE_CODES_MAX)
        return;
    struct measure_error *e = &m->errors[m->n_codes++];
    str_copy(e->code, code);
    e->code[code.len] = '\0';
    e->n = 1;
}

void measure_refused(struct measure *m, str code)
{
    m->n_refused++;
    measure_error(m, code);
}
