#include "doctor/ask.h"

#include "base/err.h"
#include "doctor/judge.h"

struct asked {
    struct asker *asker;
    struct answer *answer;
};

int asker_init(struct asker *a, const char *ca_file)
{
    *a = (struct asker){0};
    int r = loop_new(&a->loop);
    if (r < 0)
        return err_up(r);
    r = fetcher_new(
        &a->fetcher, a->loop,
        &(struct fetcher_config){.name = "doctor", .ca_file = ca_file, .max_running = 1});
    return r < 0 ? err_up(r) : 0;
}

void asker_fini(struct asker *a)
{
    fetcher_free(a->fetcher);
    if (a->loop)
        loop_free(a->loop);
}

static void on_answer(void *arg, int r, const char *why, const struct fetch_answer *answer)
{
    struct asked *q = arg;
    struct answer *out = q->answer;
    int full = 0;

    out->r = r;
    out->why = why;
    if (answer) {
        out->status = answer->status;
        full |= buf_add(&out->head, answer->head);
        full |= buf_add(&out->body, answer->body);
        assert(full == 0);
    }
    loop_stop(q->asker->loop);
}

void ask(struct asker *a, const struct fetch *what, struct answer *out)
{
    struct asked q = {a, out};
    struct fetch f = *what;
    const int64_t asked_ns = loop_now_ns();

    *out = (struct answer){0};
    f.timeout_ms = f.timeout_ms ? f.timeout_ms : DOCTOR_ASK_MS;
    f.max_bytes = f.max_bytes ? f.max_bytes : DOCTOR_ANSWER_MAX;
    f.wants_head = true;
    buf_init(&out->head, FETCH_HEAD_MAX);
    buf_init(&out->body, f.max_bytes);
    loop_run_once(a->loop); // its time is that of its last turn
    fetcher_ask(a->fetcher, &f, on_answer, &q);
    loop_run(a->loop);
    out->took_ms = (loop_now_ns() - asked_ns) / 1000000;
    out->unix_ms = clock_unix_ms(loop_wall_clock()) - out->took_ms / 2;
}

void answer_fini(struct answer *a)
{
    buf_fini(&a->head);
    buf_fini(&a->body);
}

str answer_field(const struct answer *a, str name)
{
    return fetch_field(buf_str(&a->head), name);
}

bool answer_ahead_ms(const struct answer *a, int64_t *ahead_ms)
{
    const int64_t date_s = judge_date(answer_field(a, STR("Date")));
    uint64_t age_s = 0; // of one that a cache has kept

    if (date_s < 0)
        return false;
    if (str_to_u64(answer_field(a, STR("Age")), INT32_MAX, &age_s) != 0)
        age_s = 0;
    *ahead_ms = (date_s + (int64_t)age_s) * 1000 + 500 - a->unix_ms; // it is cut to seconds
    return true;
}
