/**
 * What version 2 of the database has besides version 1 (store_v1.h), as sqlite3 dumps it:
 * laptop of a, in generation 3 since 2 minutes after its beginning, and phone of s, in 1;
 * tablet of a has ended, and twice all of b's. The last position of a revocation was 4: its row
 * is gone.
 */
#pragma once

// clang-format off
static const char store_v2[] =
    "PRAGMA user_version = 2;"
    "CREATE TABLE nonce (bytes BLOB PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT, WITHOUT"
    "  ROWID;"
    "INSERT INTO nonce VALUES(X'6C6170746F70',1700003600000);"
    "INSERT INTO nonce VALUES(X'70686F6E65',1700003600000);"
    "INSERT INTO nonce VALUES(X'7461626C6574',1700003600000);"
    "CREATE TABLE revocation (position INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT,"
    "  account BLOB, before_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, CHECK ((session"
    "  IS NULL) <> (account IS NULL))) STRICT;"
    "INSERT INTO revocation VALUES(1,'tablet',NULL,0,1700003600000);"
    "INSERT INTO revocation"
    "  VALUES(3,NULL,X'0100000000000000000000000000000000000000000000000000000062',1700000000000,1700003600000);"
    "CREATE TABLE session (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, account BLOB"
    "  NOT NULL, generation INTEGER NOT NULL, began_at_ms INTEGER NOT NULL, refreshed_at_ms"
    "  INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL) STRICT;"
    "INSERT INTO session"
    "  VALUES(1,'laptop',X'0100000000000000000000000000000000000000000000000000000061',3,1700000000000,1700000120000,1700003600000);"
    "INSERT INTO session"
    "  VALUES(2,'phone',X'0200000000000000000000000000000000000000000000000000000000000000000000000000000073',1,1700000000000,1700000000000,1700003600000);"
    "CREATE INDEX session_by_account ON session (account, refreshed_at_ms);"
    "CREATE INDEX session_by_expiry ON session (expires_at_ms);"
    "CREATE INDEX nonce_by_until ON nonce (until_ms);"
    "CREATE UNIQUE INDEX revocation_of_session ON revocation (session) WHERE session IS NOT"
    "  NULL;"
    "CREATE UNIQUE INDEX revocation_of_account ON revocation (account) WHERE account IS NOT"
    "  NULL;"
    "CREATE INDEX revocation_by_until ON revocation (until_ms);"
    "DELETE FROM sqlite_sequence WHERE name = 'revocation';"
    "INSERT INTO sqlite_sequence VALUES('revocation',4);";
// clang-format on
