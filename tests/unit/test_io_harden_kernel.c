/** What a process that has limited itself says, on this kernel and on others; and who looks
 * into it. */
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "io/harden_calls.h"
#include "io/harden_refused.h"
#include "io/loop.h"
#include "support/harden_world.h"

#if !IS_WATCHED
// Others, of the same user.

/** A child of nobody's, limited or not, that waits. */
static pid_t start_victim(bool is_limited)
{
    int ends[2];
    char c = 0;

    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 &&
            (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
             setresuid(NOBODY, NOBODY, NOBODY) != 0))
            _exit(1);
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // as one that was started so
        if (is_limited)
            limit_with(NULL);
        (void)!write(ends[1], "x", 1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &c, 1), 1);
    close(ends[0]);
    return pid;
}

static pid_t victim;
static const char *victim_file;

static int look_into(void)
{
    char path[64];

    if (geteuid() == 0 &&
        (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
        return -errno;
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim, victim_file);
    return open_at(path, O_RDONLY);
}

static void others_of_the_same_user_do_not_look_into_it(void **state)
{
    static const char *const names[] = {"environ", "mem", "maps"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names) * 2; i++) {
        const bool is_limited = i % 2;
        victim_file = names[i / 2];
        victim = start_victim(is_limited);
        expect_int(victim_file, in_child(look_into, false), is_limited ? -EACCES : 0);
        kill(victim, SIGKILL);
        assert_int_equal(waitpid(victim, NULL, 0), victim);
    }
}
#endif

// What it says.

static void try_a_mount(void *arg)
{
    (void)arg;
    assert_int_equal(mount_something(), -EPERM);
}

/** On two threads, one of which is made later. */
static void do_what_is_refused(void)
{
    struct loop_thread thread;

    limit_with(NULL);
    for (int i = 0; i < 3; i++)
        try_a_mount(NULL);
    assert_int_equal(map_both(), -EPERM);
    assert_int_equal(loop_thread_start(&thread, "later", try_a_mount, NULL), 0);
    loop_thread_join(&thread);
    assert_int_equal(syscall(SYS_reboot, 0, 0, 0, NULL), -1);
    assert_int_equal(done(syscall(999)), -ENOSYS); // newer than we: it is not there
}

static void says_each_refused_call_once(void **state)
{
    char log[8192];
    char want[64];

    (void)state;
    if (!HARDEN_SAYS_REFUSED)
        skip();
    hear(log, sizeof(log), do_what_is_refused);
    expect_int(log, count(log, "event=io_call_refused"), 3);
    (void)snprintf(want, sizeof(want), "event=io_call_refused call=%d", SYS_mount);
    expect_int(log, count(log, want), 1);
    (void)snprintf(want, sizeof(want), "event=io_call_refused call=%d first=0\n", SYS_reboot);
    expect_int(log, count(log, want), 1);
    expect_int(log, count(log, " level=error layer=io event=io_call_refused"), 3);
}

static int version;
static int no_prctl = -1; // an option that the kernel lacks
static bool is_without_cores;
static bool is_without_calls;

static int files_version(void)
{
    return version;
}

static int set(int option, unsigned long value)
{
    return option == no_prctl ? -EINVAL : done(prctl(option, value, 0, 0, 0));
}

static int no_core(void)
{
    return is_without_cores ? -EPERM : 0;
}

static int load_calls(const struct sock_fprog *filter)
{
    return is_without_calls ? -EINVAL : harden_calls_load(filter);
}

static void limit_on_another(void)
{
    static const struct harden_kernel kernel = {no_core, set, files_version, load_calls};

    limit_with(&kernel);
    if (version >= HARDEN_FILES_MIN && no_prctl != PR_SET_NO_NEW_PRIVS)
        assert_int_equal(read_outside(), -EACCES);
}

static void goes_on_without_what_the_kernel_lacks(void **state)
{
    static const struct {
        const char *name;
        int version;
        int prctl;
        bool cores, calls;
        const char *lacks[3];
        const char *result;
    } all[] = {
        {"no Landlock",
         -ENOSYS,
         -1,
         false,
         false,
         {"what=files errno=38"},
         "files=off calls=seccomp"},
        {"Landlock is off",
         -EOPNOTSUPP,
         -1,
         false,
         false,
         {"what=files errno=95"},
         "files=off calls=seccomp"},
        {"its first version",
         1,
         -1,
         false,
         false,
         {"what=files errno=95"},
         "files=off calls=seccomp"},
        {"2",
         2,
         -1,
         false,
         false,
         {"what=ports", "what=signals"},
         "files=landlock-2 calls=seccomp"},
        {"3",
         3,
         -1,
         false,
         false,
         {"what=ports", "what=signals"},
         "files=landlock-3 calls=seccomp"},
        {"4", 4, -1, false, false, {"what=signals"}, "files=landlock-4 calls=seccomp"},
        {"5", 5, -1, false, false, {"what=signals"}, "files=landlock-5 calls=seccomp"},
        {"6", 6, -1, false, false, {NULL}, "files=landlock-6 calls=seccomp"},
        {"7", 7, -1, false, false, {NULL}, "files=landlock-7 calls=seccomp"},
        {"one to come", 99, -1, false, false, {NULL}, "files=landlock-7 calls=seccomp"},
        {"no seccomp",
         7,
         -1,
         false,
         true,
         {"what=calls errno=22"},
         "files=landlock-7 calls=off"},
        {"cores may not be forbidden",
         7,
         -1,
         true,
         false,
         {"what=core errno=1"},
         "core=allowed"},
        {"privileges can't be given up",
         -ENOSYS,
         PR_SET_NO_NEW_PRIVS,
         false,
         false,
         {"what=privileges errno=22", "what=files"},
         "privileges=allowed"},
    };
    char log[8192];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i].version > w->version && all[i].version <= HARDEN_FILES_NEWEST) {
            print_message("skip %s: the kernel's Landlock is %d\n", all[i].name, w->version);
            continue;
        }
        version = all[i].version;
        no_prctl = all[i].prctl;
        is_without_cores = all[i].cores;
        is_without_calls = all[i].calls;
        hear(log, sizeof(log), limit_on_another);
        unsigned n = 0;
        for (; n < COUNT_OF(all[i].lacks) && all[i].lacks[n]; n++)
            expect_int(log, count(log, all[i].lacks[n]), 1);
        expect_int(log, count(log, "level=warn layer=io event=io_hardening_lacks"), n);
        expect_int(log, count(log, all[i].result), 1);
        expect_int(log, count(log, "level=info layer=io event=io_hardened"), 1);
    }
}

static void limit_beside_a_program(void)
{
    const struct harden_path paths[] = {{w->data, true}};
    struct harden_config c = config_of(paths, COUNT_OF(paths));

    c.is_running_others = true;
    harden(&c);
    assert_int_equal(read_outside(), 0);
    assert_int_equal(run_a_program(), 0);
    assert_int_equal(gain(), -EPERM);
}

static void a_program_that_it_runs_is_not_limited(void **state)
{
    char log[4096];

    (void)state;
    hear(log, sizeof(log), limit_beside_a_program);
    expect_int(log, count(log, "files=off calls=off core=none"), 1);
    expect_int(log, count(log, "why=\"--media-scan runs a program\""), 1);
}

static char set_uid[64]; // a program of root's, which anybody may run as root

/** @return 0: who runs it is root */
static int run_as_root(void)
{
    char to[64];
    char said[16] = "";

    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return -errno;
    (void)snprintf(to, sizeof(to), "%s -u", set_uid);
    FILE *out = popen(to, "re"); // NOLINT(cert-env33-c): our own words
    assert_non_null(out);
    assert_non_null(fgets(said, sizeof(said), out));
    (void)pclose(out);
    return str_eq(str_of(said), STR("0\n")) ? 0 : -EPERM;
}

static int run_as_root_limited(void)
{
    struct harden_config c = config_of(NULL, 0);

    c.is_running_others = true;
    harden(&c);
    return run_as_root();
}

static void a_program_that_it_runs_gains_nothing(void **state)
{
    char folder[] = "/var/tmp/parley-test-XXXXXX"; // set-user-ID counts there
    char command[160];

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder));
    (void)snprintf(set_uid, sizeof(set_uid), "%s/id", folder);
    (void)snprintf(command, sizeof(command),
                   "chmod 755 %s && cp /usr/bin/id %s && chmod 4755 %s", folder, set_uid,
                   set_uid);
    const int r = system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe): likewise
    assert_int_equal(r, 0);
    const int without = in_child(run_as_root, false);
    const int with = in_child(run_as_root_limited, false);
    assert_int_equal(unlink(set_uid), 0);
    assert_int_equal(rmdir(folder), 0);
    if (without != 0) {
        print_message("skip it: set-user-ID does not count in /var/tmp\n");
        skip();
    }
    assert_int_equal(with, -EPERM);
}

static void limit_ports(void)
{
    struct harden_config c = config_of(NULL, 0);

    c.port = HARDEN_NO_PORT;
    harden(&c);
    assert_int_equal(bind_ours(), -EACCES);
    assert_int_equal(bind_any(), -EACCES);
}

static void limit_no_ports(void)
{
    struct harden_config c = config_of(NULL, 0);

    c.port = HARDEN_ANY_PORT;
    c.abstract_sockets = true;
    harden(&c);
    assert_int_equal(bind_any(), 0);
    assert_int_equal(connect_abstract(), 0);
}

static void ports_and_sockets_are_as_they_are_told(void **state)
{
    char log[4096];

    (void)state;
    if (w->version < HARDEN_FILES_BIND)
        skip();
    hear(log, sizeof(log), limit_ports);
    hear(log, sizeof(log), limit_no_ports);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harden_setup, harden_teardown)
    const struct CMUnitTest tests[] = {
#if !IS_WATCHED // who has to look into itself
        TEST(others_of_the_same_user_do_not_look_into_it),
#endif
        TEST(says_each_refused_call_once),
        TEST(goes_on_without_what_the_kernel_lacks),
        TEST(a_program_that_it_runs_is_not_limited),
        TEST(a_program_that_it_runs_gains_nothing),
        TEST(ports_and_sockets_are_as_they_are_told),
    };
    return cmocka_run_group_tests_name("io_harden_kernel", tests, NULL, NULL);
}
