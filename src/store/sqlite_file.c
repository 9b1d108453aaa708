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
 * (last_seq, the marks that are known), so that a side is read by one row; what only one of
 * them sees as the other does not has a column for each (last_at_ms and the positions).
 *
 * `sender` is a side: 0 is conversation.a, whose bytes are the smaller, 1 is b. `ordinal` is
 * the message's number among those of its sender in the conversation, so that messages are
 * counted by looking at one: up to seq s there are s of both senders. Bytes don't add up to s:
 * each message has what its sender has sent and got until then. A long content goes on in other
 * pages, so that it is last: whoever counts need not read so far.
 *
 * A tally of what a side has from its peer is raw (all of it: n_from_peer, bytes_from_peer,
 * block_*, after_*), or of what is not withheld (the marks'). What a block withholds is a range
 * of the peer's messages and never a flag of each, so that blocking costs the same for one as
 * for all that a mailbox holds (docs/decisions/0015): the block that is on is in the member's
 * row and has no end, those that are over have a row of `withheld` each. They do not overlap
 * and are found by their ends: the first that ends at or behind a message has it, or says what
 * was withheld before.
 *
 * `due_pos` is the position of a side's first message that is neither delivered nor withheld,
 * and 0 where there is none: an account's conversations in that order are the order in which
 * the reader comes to them, and it need not look into those to come. Where the message is gone
 * it is any position below what there is.
 *
 * Sessions, nonces and revocations (auth/store.h) know nothing of all that: who signs in may
 * never have written, so that accounts are bytes in there. A session is found by its name, as
 * its tokens have it, and by its account, the one refreshed longest ago first; all three by
 * when they are over, for the writer removes a few of those with each change. What a contract
 * wallet has signed in by may be long, and comes last in the row: whoever looks for a session
 * that ends need not read so far. A position of `revocation` is never given again
 * (AUTOINCREMENT), also where its row is gone: who has read up to it has seen all up to it.
 *
 * Uploads (chat/uploads.h) are as apart: accounts are bytes, for who announces a file may never
 * have written. What a message keeps is a row of `attachment`, and the upload's until_ms is 0
 * while there is one: so the index of those that may end has none that is kept. Triggers let go
 * of them, so that whoever takes a message away does it in the same transaction, also with
 * sqlite3; a message that comes pays nothing for that. A position in `attachment` is that of
 * its message. Of an account's quota there is one number (store/upload_quota.h), and what an
 * upload has taken of it stays with the upload.
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

    "ALTER TABLE account ADD COLUMN seen_ms INTEGER NOT NULL DEFAULT 0;"

    "ALTER TABLE message RENAME TO message_3;"
    "CREATE TABLE message ("
    "  position INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  seq INTEGER NOT NULL,"
    "  sender INTEGER NOT NULL,"
    "  ordinal INTEGER NOT NULL,"
    "  sent_bytes INTEGER NOT NULL," // of contents, by its sender, with this one
    "  got_bytes INTEGER NOT NULL,"  // of contents, by the other side until then
    "  created_at_ms INTEGER NOT NULL,"
    "  reply_to INTEGER NOT NULL,"
    "  type TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  digest BLOB NOT NULL,"
    "  content TEXT NOT NULL,"
    "  UNIQUE (conversation, seq),"
    "  UNIQUE (conversation, sender, key)"
    ") STRICT;"
    // The sums are looked up for each message, and not the messages for each sum: a window
    // function with contents in its rows would have all of them in memory.
    "INSERT INTO message SELECT m.position, m.conversation, m.seq, m.sender, m.ordinal,"
    "  s.sent, s.sent_by_both - s.sent, m.created_at_ms, m.reply_to, m.type, m.key, m.digest,"
    "  m.content"
    "  FROM message_3 m CROSS JOIN"
    "  (SELECT position,"
    "    sum(size) OVER (PARTITION BY conversation, sender ORDER BY seq) AS sent,"
    "    sum(size) OVER (PARTITION BY conversation ORDER BY seq) AS sent_by_both"
    "    FROM (SELECT position, conversation, sender, seq, length(CAST(content AS BLOB)) AS "
    "size"
    "      FROM message_3)) s"
    "  ON s.position = m.position ORDER BY m.position;"
    "DROP TABLE message_3;"

    "ALTER TABLE member RENAME TO member_3;"
    "CREATE TABLE member ("
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  account INTEGER NOT NULL REFERENCES account,"
    "  peer INTEGER NOT NULL REFERENCES account,"
    "  side INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL DEFAULT 0,"
    "  n_from_peer INTEGER NOT NULL DEFAULT 0,"
    "  bytes_from_peer INTEGER NOT NULL DEFAULT 0," // of contents
    "  last_at_ms INTEGER NOT NULL DEFAULT 0,"      // of the last message, see message_pos
    "  accepted INTEGER NOT NULL DEFAULT 0,"
    "  blocked INTEGER NOT NULL DEFAULT 0,"
    "  block_seq INTEGER NOT NULL DEFAULT 0,"   // behind it all of the peer's is withheld
    "  block_n INTEGER NOT NULL DEFAULT 0,"     // messages of the peer up to it
    "  block_bytes INTEGER NOT NULL DEFAULT 0," // likewise
    "  withheld_n INTEGER NOT NULL DEFAULT 0,"  // by blocks that are over
    "  withheld_bytes INTEGER NOT NULL DEFAULT 0,"
    "  delivered_seq INTEGER NOT NULL DEFAULT 0,"
    "  delivered_n INTEGER NOT NULL DEFAULT 0," // messages up to it, none that is withheld
    "  delivered_bytes INTEGER NOT NULL DEFAULT 0,"
    "  delivered_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  delivered_pos INTEGER NOT NULL DEFAULT 0,"
    "  read_seq INTEGER NOT NULL DEFAULT 0,"
    "  read_n INTEGER NOT NULL DEFAULT 0,"
    "  read_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  read_pos INTEGER NOT NULL DEFAULT 0,"
    "  their_delivered_seq INTEGER NOT NULL DEFAULT 0," // the peer's, as far as it is known
    "  their_delivered_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  their_delivered_pos INTEGER NOT NULL DEFAULT 0,"
    "  their_read_seq INTEGER NOT NULL DEFAULT 0,"
    "  their_read_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  their_read_pos INTEGER NOT NULL DEFAULT 0,"
    "  message_pos INTEGER NOT NULL DEFAULT 0," // of the last message that it may see
    "  receipt_pos INTEGER NOT NULL DEFAULT 0," // of the last change of the marks above
    "  contact_pos INTEGER NOT NULL DEFAULT 0," // of the last contact
    "  due_pos INTEGER NOT NULL DEFAULT 0,"     // of the first message above delivered_n
    "  is_unread INTEGER NOT NULL DEFAULT 0,"   // there are more than read_n
    "  PRIMARY KEY (conversation, account)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO member (conversation, account, peer, side, last_seq, n_from_peer,"
    "  bytes_from_peer, last_at_ms, accepted, delivered_seq, delivered_n, delivered_bytes,"
    "  delivered_at_ms, delivered_pos, read_seq, read_n, read_at_ms, read_pos,"
    "  their_delivered_seq, their_delivered_at_ms, their_delivered_pos,"
    "  their_read_seq, their_read_at_ms, their_read_pos,"
    "  message_pos, receipt_pos, due_pos, is_unread)"
    "  SELECT m.conversation, m.account, m.peer, m.side, m.last_seq, m.n_from_peer,"
    "  (SELECT ifnull(max(sent_bytes), 0) FROM message x"
    "    WHERE x.conversation = m.conversation AND x.sender = p.side),"
    "  m.last_at_ms, m.accepted, m.delivered_seq, m.delivered_n,"
    "  (SELECT ifnull(max(sent_bytes), 0) FROM message x"
    "    WHERE x.conversation = m.conversation AND x.sender = p.side"
    "    AND x.seq <= m.delivered_seq),"
    "  m.delivered_at_ms, m.delivered_pos, m.read_seq, m.read_n, m.read_at_ms, m.read_pos,"
    "  p.delivered_seq, p.delivered_at_ms, p.delivered_pos,"
    "  p.read_seq, p.read_at_ms, p.read_pos,"
    "  m.message_pos, m.receipt_pos,"
    "  CASE WHEN m.is_undelivered THEN ifnull((SELECT x.position FROM message x"
    "    WHERE x.conversation = m.conversation AND x.sender = p.side"
    "    AND x.seq > m.delivered_seq ORDER BY x.seq LIMIT 1), 1) ELSE 0 END,"
    "  m.is_unread"
    "  FROM member_3 m JOIN member_3 p"
    "  ON p.conversation = m.conversation AND p.account = m.peer;"
    "DROP TABLE member_3;" // with its indexes
    "CREATE INDEX member_by_message ON member (account, message_pos);"
    "CREATE INDEX member_by_receipt ON member (account, receipt_pos) WHERE receipt_pos > 0;"
    "CREATE INDEX member_by_contact ON member (account, contact_pos) WHERE contact_pos > 0;"
    "CREATE INDEX member_undelivered ON member (account, due_pos) WHERE due_pos > 0;"
    "CREATE INDEX member_unread ON member (account) WHERE is_unread = 1;"

    "CREATE TABLE withheld ("
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  side INTEGER NOT NULL," // from which: what the other has sent,
    "  upto_seq INTEGER NOT NULL,"
    "  after_seq INTEGER NOT NULL,"   // behind it
    "  after_n INTEGER NOT NULL,"     // messages of the other's up to after_seq
    "  after_bytes INTEGER NOT NULL," // likewise
    "  before_n INTEGER NOT NULL,"    // withheld by the ranges before
    "  before_bytes INTEGER NOT NULL,"
    "  PRIMARY KEY (conversation, side, upto_seq)"
    ") STRICT, WITHOUT ROWID;",

    "CREATE TABLE upload ("
    "  id TEXT PRIMARY KEY,"
    "  owner BLOB NOT NULL,"
    "  state INTEGER NOT NULL," // enum upload_state
    "  created_at_ms INTEGER NOT NULL,"
    "  until_ms INTEGER NOT NULL," // 0: a message has it
    "  cost_ms INTEGER NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  sha256 BLOB NOT NULL," // empty: none
    "  mime TEXT NOT NULL,"
    "  name TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX upload_by_until ON upload (until_ms) WHERE until_ms > 0;"

    "CREATE TABLE uploader ("
    "  owner BLOB PRIMARY KEY,"
    "  full_at_ms INTEGER NOT NULL,"
    "  n_pending INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE attachment ("
    "  position INTEGER PRIMARY KEY,"
    "  upload TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX attachment_by_upload ON attachment (upload);"

    "CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN"
    "  DELETE FROM attachment WHERE position = old.position;"
    "END;"
    "CREATE TRIGGER message_gone AFTER UPDATE OF type ON message WHEN new.type = 'gone' BEGIN"
    "  DELETE FROM attachment WHERE position = new.position;"
    "END;"
    "CREATE TRIGGER attachment_removed AFTER DELETE ON attachment"
    "  WHEN NOT EXISTS (SELECT 1 FROM attachment WHERE upload = old.upload) BEGIN"
    "  UPDATE upload SET until_ms = 1 WHERE id = old.upload AND until_ms = 0;"
    "END;",
};

#define VERSION ((int64_t)COUNT_OF(migrations))

int sqlite_file_sync(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_fault(-errno, "open %s", dir);
    const int r = fsync(fd) < 0 ? err_fault(-errno, "sync %s", dir) : 0;
    close(fd);
    return r;
}

/** A directory that was just made is there after a power cut only if its parent says so. */
static int make_dir(const char *dir)
{
    char parent[SQLITE_FILE_PATH_SIZE];

    if (mkdir(dir, 0700) < 0)
        return errno == EEXIST ? 0 : err_fault(-errno, "make %s", dir);
    snprintf(parent, sizeof(parent), "%s/..", dir);
    return sqlite_file_sync(parent);
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
