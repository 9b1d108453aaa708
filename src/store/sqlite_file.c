#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "store/dir.h"
#include "store/sqlite.h"

#define APPLICATION_ID 1349676153 // "Prly": how file(1), and we, know a store

/**
 * The log: everything that can't be made of anything else. It is written at its ends alone: a
 * message, a move of a mark or a contact is a row at the end of its table, and takes one page
 * with many others. Where a conversation's messages are, and how its two sides stand, follows
 * from that, and is in the index (sqlite_index.c), which may be deleted at any time.
 *
 * Accounts and conversations are integers in here: index pages are most of what a write costs.
 * What a position has in `message`, `mark` and `contact` together is one sequence; a contact
 * that came with a message has the message's. A message's own row says what there was of both
 * sides then, so that who reads it need not have read those before it.
 *
 * `sender` is a side: 0 is conversation.a, whose bytes are the smaller, 1 is b. `ordinal` is
 * the message's number among those of its sender in the conversation, so that messages are
 * counted by looking at one: up to seq s there are s of both senders. Bytes don't add up to s:
 * each message has what its sender has sent and got until then. A long content goes on in other
 * pages, so that it is last: whoever counts need not read so far.
 *
 * A `mark` is a move of one or both of a side's marks (0: it has not moved); a `contact` is how
 * a side stands with its peer from there on. With is_known, its marks are known to the peer
 * from there on; they depend on settings, so that they are said and not found out again.
 *
 * A tally of what a side has from its peer is raw (all of it: n_from_peer, bytes_from_peer,
 * block_*, after_*), or of what is not withheld (the marks'). What a block withholds is a range
 * of the peer's messages and never a flag of each, so that blocking costs the same for one as
 * for all that a mailbox holds (docs/decisions/0015): the block that is on is in the member's
 * row and has no end, those that are over have a row of `withheld` each. They do not overlap
 * and are found by their ends: the first that ends at or behind a message has it, or says what
 * was withheld before.
 *
 * `due_pos` of a member is the position of a side's first message that is neither delivered nor
 * withheld, and 0 where there is none: an account's conversations in that order are the order
 * in which the reader comes to them, and it need not look into those to come. Where the message
 * is gone it is any position below what there is.
 *
 * A message that is taken out of its table, with sqlite3, leaves its numbers in `removed`: what
 * is made anew of the log must not give them again.
 *
 * A `milestone` is where the index once was (sqlite_index.h).
 *
 * `changed` has the rows of the large tables that are not any more what was appended, in the
 * order in which they ceased to be: who copies those tables while others write reads here what
 * to copy again (sqlite_copy.h).
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
static const char tables[] =
    "CREATE TABLE meta ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  epoch INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"      // the last one given, whatever became of its row
    "  conversations INTEGER NOT NULL," // that were ever made
    "  chain INTEGER NOT NULL"          // of all messages, see sqlite_index.h
    ") STRICT;"

    "CREATE TABLE account ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  bytes BLOB NOT NULL UNIQUE,"
    "  seen_ms INTEGER NOT NULL DEFAULT 0"
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
    "  content TEXT NOT NULL"
    ") STRICT;"

    "CREATE TABLE removed (" // messages, of which nothing else is left: see the trigger
    "  position INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  sender INTEGER NOT NULL,"
    "  ordinal INTEGER NOT NULL,"
    "  sent_bytes INTEGER NOT NULL,"
    "  got_bytes INTEGER NOT NULL,"
    "  created_at_ms INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE mark ("
    "  position INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  side INTEGER NOT NULL,"
    "  delivered_seq INTEGER NOT NULL,"
    "  read_seq INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  is_known INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE contact ("
    "  position INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversation,"
    "  side INTEGER NOT NULL,"
    "  is_known INTEGER NOT NULL,"
    "  accepted INTEGER NOT NULL,"
    "  blocked INTEGER NOT NULL,"
    "  block_seq INTEGER NOT NULL,"
    "  block_n INTEGER NOT NULL,"
    "  block_bytes INTEGER NOT NULL,"
    "  withheld_n INTEGER NOT NULL,"
    "  withheld_bytes INTEGER NOT NULL"
    ") STRICT;"

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
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE milestone ("
    "  position INTEGER PRIMARY KEY,"
    "  chain INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE session ("
    "  id INTEGER PRIMARY KEY," // in the order of their beginnings
    "  name TEXT NOT NULL UNIQUE,"
    "  account BLOB NOT NULL,"
    "  generation INTEGER NOT NULL," // of the current refresh token
    "  began_at_ms INTEGER NOT NULL,"
    "  refreshed_at_ms INTEGER NOT NULL," // when that was first given out
    "  expires_at_ms INTEGER NOT NULL,"
    "  proof_chain INTEGER NOT NULL DEFAULT 0," // 0: none
    "  proof_digest BLOB NOT NULL DEFAULT x'',"
    "  proof_signature BLOB NOT NULL DEFAULT x''"
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
    "CREATE INDEX revocation_by_until ON revocation (until_ms);"

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

    "CREATE TABLE changed ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  relation TEXT NOT NULL,"
    "  row INTEGER NOT NULL"
    ") STRICT;";

static const char triggers[] =
    "CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN"
    "  DELETE FROM attachment WHERE position = old.position;"
    "  INSERT INTO changed (relation, row) VALUES ('message', old.position);"
    "  INSERT OR REPLACE INTO removed VALUES (old.position, old.conversation, old.seq,"
    "    old.sender, old.ordinal, old.sent_bytes, old.got_bytes, old.created_at_ms);"
    "END;"
    "CREATE TRIGGER message_gone AFTER UPDATE OF type ON message WHEN new.type = 'gone' BEGIN"
    "  DELETE FROM attachment WHERE position = new.position;"
    "END;"
    "CREATE TRIGGER message_changed AFTER UPDATE ON message BEGIN"
    "  INSERT INTO changed (relation, row) VALUES ('message', new.position);"
    "END;"
    "CREATE TRIGGER conversation_changed AFTER UPDATE ON conversation BEGIN"
    "  INSERT INTO changed (relation, row) VALUES ('conversation', new.id);"
    "END;"
    "CREATE TRIGGER account_changed AFTER UPDATE OF bytes ON account BEGIN"
    "  INSERT INTO changed (relation, row) VALUES ('account', new.id);"
    "END;"
    "CREATE TRIGGER attachment_removed AFTER DELETE ON attachment"
    "  WHEN NOT EXISTS (SELECT 1 FROM attachment WHERE upload = old.upload) BEGIN"
    "  UPDATE upload SET until_ms = 1 WHERE id = old.upload AND until_ms = 0;"
    "END;";

static const char no_triggers[] =
    "DROP TRIGGER IF EXISTS main.message_removed; DROP TRIGGER IF EXISTS main.message_gone;"
    "DROP TRIGGER IF EXISTS main.message_changed;"
    "DROP TRIGGER IF EXISTS main.conversation_changed;"
    "DROP TRIGGER IF EXISTS main.account_changed;"
    "DROP TRIGGER IF EXISTS main.attachment_removed";

#define VERSION 7 // those before it were of the time before the first release

int sqlite_file_make(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_fault(-errno, "open %s", path);
    close(fd);
    return 0;
}

int sqlite_file_paths(struct sqlite_paths *paths, const char *dir)
{
    if (snprintf(paths->log, SQLITE_FILE_PATH_SIZE, "%s/parley.db", dir) >=
            SQLITE_FILE_PATH_SIZE ||
        snprintf(paths->index, SQLITE_FILE_PATH_SIZE, "%s/index.db", dir) >=
            SQLITE_FILE_PATH_SIZE)
        return err_fault(-ENAMETOOLONG, "%s", dir);
    return 0;
}

int sqlite_file_take(int *fd, const char *dir, struct sqlite_paths *paths)
{
    *fd = -1;
    int r = sqlite_file_paths(paths, dir);
    if (r == 0)
        r = store_dir_take(fd, dir);
    if (r == 0)
        r = sqlite_file_make(paths->log);
    if (r == 0)
        r = sqlite_file_make(paths->index);
    return r < 0 ? err_up(r) : 0;
}

static int ask(struct sqlite_db *d, const char *schema, const char *pragma, int64_t *out)
{
    char text[80];

    snprintf(text, sizeof(text), "PRAGMA %s.%s", schema, pragma);
    return sqlite_db_number(d, text, out);
}

static int count_tables(struct sqlite_db *d, const char *schema, int64_t *out)
{
    char text[80];

    snprintf(text, sizeof(text), "SELECT count(*) FROM %s.sqlite_schema", schema);
    return sqlite_db_number(d, text, out);
}

int sqlite_file_check(struct sqlite_db *d, const char *schema, const char *name)
{
    int64_t id = 0;
    int64_t version = 0;
    int64_t n_tables = 0;

    int r = ask(d, schema, "application_id", &id);
    if (r == 0)
        r = ask(d, schema, "user_version", &version);
    if (r == 0)
        r = count_tables(d, schema, &n_tables);
    if (r < 0)
        return r;
    if (id != APPLICATION_ID && (id != 0 || n_tables > 0)) {
        return err_fault(-EINVAL, "%s is no store of Parley's: choose another directory", name);
    }
    if (n_tables > 0 && version < VERSION) {
        return err_fault(-EINVAL,
                         "%s has version %lld, from before the first release, which this "
                         "Parley can't read: choose another directory",
                         name, (long long)version);
    }
    if (version > VERSION) {
        return err_fault(-EINVAL,
                         "%s has version %lld, this Parley knows %lld: run a newer one, or "
                         "restore a backup",
                         name, (long long)version, (long long)VERSION);
    }
    return version == VERSION ? 0 : SQLITE_FILE_EMPTY;
}

int sqlite_file_make_tables(struct sqlite_db *d)
{
    char marks[80];

    snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, VERSION);
    const int r = sqlite_db_exec(d, tables);
    return r == 0 ? sqlite_db_exec(d, marks) : r;
}

int sqlite_file_make_triggers(struct sqlite_db *d)
{
    return sqlite_db_exec(d, triggers);
}

int sqlite_file_drop_triggers(struct sqlite_db *d)
{
    return sqlite_db_exec(d, no_triggers);
}

static int make(struct sqlite_db *d, uint64_t epoch)
{
    char end[160];

    int r = sqlite_db_exec(d, "BEGIN IMMEDIATE");
    if (r == 0)
        r = sqlite_file_make_tables(d);
    if (r == 0)
        r = sqlite_file_make_triggers(d);
    snprintf(end, sizeof(end), "INSERT INTO meta VALUES (1, %lld, 0, 0, 0); COMMIT",
             (long long)epoch);
    return r == 0 ? sqlite_db_exec(d, end) : r;
}

int sqlite_file_migrate(struct sqlite_db *d, uint64_t epoch)
{
    int r = sqlite_file_check(d, "main", "parley.db");
    if (r == SQLITE_FILE_EMPTY)
        r = make(d, epoch);
    return r < 0 ? err_up(r) : 0; // what is not committed is gone when d is closed
}
