/**
 * What version 3 of the database has besides version 2 (store_v2.h): phone of s has the proof
 * of a contract wallet; and b4, a longer a5, of which a has got up to b2 and b as before.
 */
#pragma once

// clang-format off
static const char store_v3[] =
    "PRAGMA user_version = 3;"
    "ALTER TABLE session ADD COLUMN proof_chain INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE session ADD COLUMN proof_digest BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE session ADD COLUMN proof_signature BLOB NOT NULL DEFAULT x'';"
    "UPDATE session SET proof_chain = 10, proof_signature = CAST('ok' AS BLOB),"
    "  proof_digest = CAST('dddddddddddddddddddddddddddddddd' AS BLOB) WHERE name = 'phone';"
    "INSERT INTO message"
    "  VALUES(6,4329462918,4,1,2,1700000000000,0,'text','2',X'32000000000000000000000000000000','\"äöü\"');"
    "INSERT INTO message"
    "  VALUES(8,4329462918,5,0,3,1700000000001,2,'text','3',X'33000000000000000000000000000000','\"0123456789\"');"
    "UPDATE member SET last_seq = 5, last_at_ms = 1700000000001, n_from_peer = 2,"
    "  delivered_seq = 2, delivered_n = 1, delivered_at_ms = 1700000000002, delivered_pos = 7,"
    "  message_pos = 8, receipt_pos = 7 WHERE conversation = 4329462918 AND account = 1;"
    "UPDATE member SET last_seq = 5, last_at_ms = 1700000000001, n_from_peer = 3,"
    "  is_undelivered = 1, message_pos = 8, receipt_pos = 7"
    "  WHERE conversation = 4329462918 AND account = 2;"
    "UPDATE meta SET position = 8;";
// clang-format on
