#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/sqlite.h"

#define APPLICATION_ID 1349676153 // "Prly": how file(1), and we, know a store

/**
 * Version i + 1 is made of version i by migrations[i]. One that was released never changes.
 *
 * Accounts and conversations are integers in here: index pages are most of what a write costs.
 * The log is `message`; all else about a conversation is in its two rows of `member`, one a
 * side, which a group writes once for all of its messages. Both sides repeat what they share
 * (last_seq, last_at_ms, message_pos, receipt_pos), so that a side is read by one row.
 *
 * `sender` is a side: 0 is conversation.a, whose bytes are the smaller, 1 is b. `ordinal` is
 * the message's number among those of its sender in the conversation, so that messages are
 * counted by looking at one: up to seq s there are s of both senders.
 *
 * Sessions, nonces and revocations (auth/store.h) know nothing of all that: who signs in may
 * never have written, so that accounts are bytes in there. A session is found by its name, as
 * its tokens have it, and by its account, the one refreshed longest ago first; all three by
 * when they are over, for the writer removes a few of those with each change. What a contract
 * wallet has signed in by may be long, and comes last in the row: whoever looks for a session
 * that ends need not read so far. A position of `revocation` is never given again
 * (AUTOINCREMENT), also where its row is gone: who has read up to it has seen all up to it.
 */
static const char *const migrations[] = {
    "CREATE TABLE meta ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  epoch INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"     // the last one given, whatever became of its row
    "  conversations INTEGER NOT NULL" // that were ever made
    ") STRICT;"
    "INSERT INTO meta VALUES (1, 0, 0, 0);"

    "CREATE TABLE account ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  bytes BLOB NOT NULL UNIQUE"
    ") STRICT;"

    "CREATE TABLE conversation ("
    "  id INTEGER PRIMARY KEY,"
    "  kind INTEGER NOT NULL,"
    "  a INTEGER NOT NULL REFERENCES account,"
    "  b INTEGER NOT NULL REFERENCES account,"
    "  context TEXT NOT NULL,"
    "  first_seq INTEGER NOT NULL,"
    "  UNIQUE (kind, a, b, context)"
    ") STRICT;"

    "CREATE TABLE member ("
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  account INTEGER NOT NULL REFERENCES account,"
    "  peer INTEGER NOT NULL REFERENCES account,"
    "  side INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL DEFAULT 0,"
    "  last_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  n_from_peer INTEGER NOT NULL DEFAULT 0,"
    "  accepted INTEGER NOT NULL DEFAULT 0,"
    "  blocked INTEGER NOT NULL DEFAULT 0,"
    "  delivered_seq INTEGER NOT NULL DEFAULT 0,"
    "  delivered_n INTEGER NOT NULL DEFAULT 0," // messages from the peer up to it
    "  delivered_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  delivered_pos INTEGER NOT NULL DEFAULT 0,"
    "  read_seq INTEGER NOT NULL DEFAULT 0,"
    "  read_n INTEGER NOT NULL DEFAULT 0,"
    "  read_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  read_pos INTEGER NOT NULL DEFAULT 0,"
    "  message_pos INTEGER NOT NULL DEFAULT 0,"    // of the last message
    "  receipt_pos INTEGER NOT NULL DEFAULT 0,"    // of the last move of a mark of either side
    "  is_undelivered INTEGER NOT NULL DEFAULT 0," // n_from_peer > delivered_n
    "  is_unread INTEGER NOT NULL DEFAULT 0,"      // n_from_peer > read_n
    "  PRIMARY KEY (conversation, account)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX member_by_message ON member (account, message_pos);"
    "CREATE INDEX member_by_receipt ON member (account, receipt_pos) WHERE receipt_pos > 0;"
    "CREATE INDEX member_undelivered ON member (account) WHERE is_undelivered = 1;"
    "CREATE INDEX member_unread ON member (account) WHERE is_unread = 1;"

    "CREATE TABLE message ("
    "  position INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  seq INTEGER NOT NULL,"
    "  sender INTEGER NOT NULL,"
    "  ordinal INTEGER NOT NULL,"
    "  created_at_ms INTEGER NOT NULL,"
    "  reply_to INTEGER NOT NULL,"
    "  type TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  digest BLOB NOT NULL,"
    "  content TEXT NOT NULL,"
    "  UNIQUE (conversation, seq),"
    "  UNIQUE (conversation, sender, key)"
    ") STRICT;",

    "CREATE TABLE session ("
    "  id INTEGER PRIMARY KEY," // in the order of their beginnings
    "  name TEXT NOT NULL UNIQUE,"
    "  account BLOB NOT NULL,"
    "  generation INTEGER NOT NULL," // of the current refresh token
    "  began_at_ms INTEGER NOT NULL,"
    "  refreshed_at_ms INTEGER NOT NULL," // when that was first given out
    "  expires_at_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX session_by_account ON session (account, refreshed_at_ms);"
    "CREATE INDEX session_by_expiry ON session (expires_at_ms);"

    "CREATE TABLE nonce ("
    "  bytes BLOB PRIMARY KEY,"
    "  until_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX nonce_by_until ON nonce (until_ms);"

    "CREATE TABLE revocation ("
    "  position INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  session TEXT,"               // its name, or NULL: all
    "  account BLOB,"               // of this account
    "  before_ms INTEGER NOT NULL," // that were issued up to then
    "  until_ms INTEGER NOT NULL,"
    "  CHECK ((session IS NULL) <> (account IS NULL))"
    ") STRICT;"
    "CREATE UNIQUE INDEX revocation_of_session ON revocation (session)"
    "  WHERE session IS NOT NULL;"
    "CREATE UNIQUE INDEX revocation_of_account ON revocation (account)"
    "  WHERE account IS NOT NULL;"
    "CREATE INDEX revocation_by_until ON revocation (until_ms);",

    "ALTER TABLE session ADD COLUMN proof_chain INTEGER NOT NULL DEFAULT 0;" // 0: none
    "ALTER TABLE session ADD COLUMN proof_digest BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE session ADD COLUMN proof_signature BLOB NOT NULL DEFAULT x'';",
};

#define VERSION ((int64_t)COUNT_OF(migrations))

/** A directory that was just made is there after a power cut only if its parent says so. */
static int make_dir(const char *dir)
{
    char parent[SQLITE_FILE_PATH_SIZE];

    if (mkdir(dir, 0700) < 0)
        return errno == EEXIST ? 0 : err_fault(-errno, "make %s", dir);
    snprintf(parent, sizeof(parent), "%s/..", dir);
    const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_fault(-errno, "open %s", parent);
    const int r = fsync(fd) < 0 ? err_fault(-errno, "sync %s", parent) : 0;
    close(fd);
    return r;
}

static int refuse_taken(int fd, const char *dir)
{
    char pid[16] = "";

    if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
        return err_fault(-errno, "read %s/lock", dir);
    return err_fault(-EBUSY, "process %s has opened %s: stop it, or choose another directory",
                     pid, dir);
}

static int lock(int *fd, const char *dir)
{
    char path[SQLITE_FILE_PATH_SIZE];
    char pid[16];

    snprintf(path, sizeof(path), "%s/lock", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return err_fault(-errno, "open %s", path);
    // Not fcntl(): its locks do not hold off this same process, and go with any close().
    if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK ? refuse_taken(*fd, dir)
                                    : err_fault(-errno, "lock %s", path);
    }

    // And this one only says who we are, to whoever asks (store_sqlite_holder()).
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(*fd, F_SETLK, &whole) < 0)
        return err_fault(-errno, "lock %s", path);

    const int n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if (ftruncate(*fd, 0) < 0 || pwrite(*fd, pid, (size_t)n, 0) != n)
        return err_fault(errno ? -errno : -EIO, "write %s", path);
    return 0;
}

static int ask_holder(pid_t *pid, int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_GETLK, &whole) < 0)
        return err_fault(-errno, "ask who has the lock");
    if (whole.l_type == F_UNLCK) {
        *pid = 0;
    } else {
        *pid = whole.l_pid > 0 ? whole.l_pid : -1;
    }
    return 0;
}

int store_sqlite_holder(pid_t *pid, const char *dir)
{
    char path[SQLITE_FILE_PATH_SIZE];

    *pid = 0;
    if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
        return err_fault(-ENAMETOOLONG, "%s", dir);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_fault(-errno, "open %s", path);
    const int r = ask_holder(pid, fd);
    close(fd);
    return r;
}

/** SQLite would make it for everybody to read; its log gets the mode that the database has. */
static int make_database(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_fault(-errno, "open %s", path);
    close(fd);
    return 0;
}

int sqlite_file_take(int *fd, const char *dir, char path[SQLITE_FILE_PATH_SIZE])
{
    *fd = -1;
    if (snprintf(path, SQLITE_FILE_PATH_SIZE, "%s/parley.db", dir) >= SQLITE_FILE_PATH_SIZE)
        return err_fault(-ENAMETOOLONG, "%s", dir);
    int r = make_dir(dir);
    if (r == 0)
        r = lock(fd, dir);
    if (r == 0)
        r = make_database(path);
    return r < 0 ? err_up(r) : 0;
}

/** Is this database new, or one of ours that we know? */
static int check(struct sqlite_db *d, int64_t *version)
{
    int64_t id = 0;
    int64_t n_tables = 0;

    int r = sqlite_db_number(d, "PRAGMA application_id", &id);
    if (r == 0)
        r = sqlite_db_number(d, "PRAGMA user_version", version);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT count(*) FROM sqlite_schema", &n_tables);
    if (r < 0)
        return r;
    if (id != APPLICATION_ID && (id != 0 || n_tables > 0)) {
        return err_fault(-EINVAL,
                         "parley.db is no store of Parley's: choose another directory");
    }
    if (*version > VERSION) {
        return err_fault(-EINVAL,
                         "parley.db has version %lld, this Parley knows %lld: run a newer one, "
                         "or restore a backup",
                         (long long)*version, (long long)VERSION);
    }
    return 0;
}

static int apply(struct sqlite_db *d, int64_t version, uint64_t epoch)
{
    char end[160];
    int r = 0;

    for (int64_t i = version; r == 0 && i < VERSION; i++)
        r = sqlite_db_exec(d, migrations[i]);
    if (r < 0)
        return r;
    snprintf(end, sizeof(end), "PRAGMA application_id = %d; PRAGMA user_version = %lld;",
             APPLICATION_ID, (long long)VERSION);
    r = sqlite_db_exec(d, end);
    if (r == 0 && version == 0) {
        snprintf(end, sizeof(end), "UPDATE meta SET epoch = %lld", (long long)epoch);
        r = sqlite_db_exec(d, end);
    }
    return r == 0 ? sqlite_db_exec(d, "COMMIT") : r;
}

int sqlite_file_migrate(struct sqlite_db *d, uint64_t epoch)
{
    int64_t version = 0;

    int r = check(d, &version);
    if (r < 0)
        return err_up(r);
    if (version == VERSION)
        return 0;
    r = sqlite_db_exec(d, "BEGIN IMMEDIATE");
    if (r == 0)
        r = apply(d, version, epoch);
    return r < 0 ? err_up(r) : 0; // what is not committed is gone when d is closed
}
