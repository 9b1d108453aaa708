#!/usr/bin/python3
"""Looks into stores of Parley's, by SQLite alone: what is checked shares no code with what checks.

usage: store.py same A B [SAID]   whether two have the same rows: all but the epoch, which must be another
                                  one where SAID is "anew"; prints what differs
       store.py part A B UPTO     whether A has each message, conversation and account of B up to this
                                  position, and nothing that B has not
       store.py files A DIR       whether each file that a message of A has is in DIR, and as it was
                                  announced; prints how many
       store.py sql A SQL         what a statement gives, or does, a line of JSON a row
       store.py fill A DIR        a file in DIR for each upload of A that was accepted, of 20000 bytes at most
"""
import hashlib
import json
import os
import sqlite3
import sys


def open_store(path):
    db = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=20, isolation_level=None)
    db.text_factory = bytes
    return db


def tables(db):
    names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return sorted(name.decode() for (name,) in names)


def rows(db, table):
    what = "id, position, conversations, chain" if table == "meta" else "*"
    return db.execute(f"SELECT {what} FROM {table}")


def digest(db, table):
    n, total = 0, 0
    for row in rows(db, table):
        n += 1
        total = (total + int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")) % 2**256
    return n, total


def same(a, b, said=""):
    one, other = open_store(a), open_store(b)
    wrong = [] if tables(one) == tables(other) else [f"tables: {tables(one)}, {tables(other)}"]
    for name in set(tables(one)) & set(tables(other)):
        # What a server's index was is of that server.
        if name != "milestone" and digest(one, name) != digest(other, name):
            wrong.append(f"{name}: {digest(one, name)[0]} and {digest(other, name)[0]} rows")
    epochs = [db.execute("SELECT epoch FROM meta").fetchone() for db in (one, other)]
    if (epochs[0] != epochs[1]) != (said == "anew"):
        wrong.append(f"epochs: {epochs}")
    for db in (one, other):
        if (check := db.execute("PRAGMA integrity_check").fetchone()) != (b"ok",):
            wrong.append(f"integrity: {check}")
    print("; ".join(wrong) or "same")
    return 1 if wrong else 0


def part(a, b, upto):
    db = open_store(a)
    db.execute("ATTACH ? AS whole", (b,))
    lost = db.execute("""SELECT count(*) FROM whole.message w WHERE w.position <= ?
        AND NOT EXISTS (SELECT 1 FROM main.message m WHERE m.position = w.position
        AND m.conversation = w.conversation AND m.seq = w.seq AND m.sender = w.sender
        AND m.key = w.key AND (m.content = w.content OR w.type = 'gone'))""", (upto,)).fetchone()[0]
    invented = db.execute("""SELECT count(*) FROM main.message m WHERE NOT EXISTS
        (SELECT 1 FROM whole.message w WHERE m.position = w.position AND m.conversation = w.conversation
        AND m.seq = w.seq AND m.sender = w.sender AND m.key = w.key
        AND (m.content = w.content OR w.type = 'gone'))
        AND NOT EXISTS (SELECT 1 FROM whole.removed r WHERE r.position = m.position)""").fetchone()[0]
    # Of each conversation all up to its last: of those that were taken away the numbers are kept.
    holes = db.execute("""SELECT count(*) FROM (SELECT conversation FROM
        (SELECT conversation, seq FROM main.message UNION ALL SELECT conversation, seq FROM main.removed)
        GROUP BY conversation HAVING min(seq) <> 1 OR max(seq) <> count(*))""").fetchone()[0]
    strangers = db.execute("""SELECT count(*) FROM main.message m LEFT JOIN main.conversation c
        ON c.id = m.conversation LEFT JOIN main.account x ON x.id = c.a LEFT JOIN main.account y
        ON y.id = c.b WHERE x.id IS NULL OR y.id IS NULL""").fetchone()[0]
    dead = db.execute("""SELECT count(*) FROM main.message m JOIN main.changed c ON c.row = m.position
        WHERE c.relation = 'message' AND m.type <> 'gone'""").fetchone()[0]
    n = db.execute("SELECT count(*) FROM main.message").fetchone()[0]
    print(json.dumps({"messages": n, "lost": lost, "invented": invented, "holes": holes,
                      "strangers": strangers, "dead": dead}))
    return 0


def file_of(folder, name):
    return os.path.join(folder, name[:2], name)


def files(a, folder):
    n = 0
    query = """SELECT DISTINCT u.id, u.size, u.sha256 FROM attachment t JOIN upload u ON u.id = t.upload
        WHERE u.state = 1"""
    for name, size, announced in open_store(a).execute(query):
        with open(file_of(folder, name.decode()), "rb") as f:
            data = f.read()
        if len(data) != size or (announced and hashlib.sha256(data).digest() != announced):
            print(f"{name.decode()} is another one")
            return 1
        n += 1
    print(n)
    return 0


def sql(a, text):
    for row in open_store(a).execute(text):
        print(json.dumps([v.decode("latin1") if isinstance(v, bytes) else v for v in row]))
    return 0


def fill(a, folder):
    db = open_store(a)
    db.execute("BEGIN")
    db.execute("UPDATE upload SET size = 1 + size % 20000")
    for name, size in db.execute("SELECT id, size FROM upload WHERE state = 1").fetchall():
        path = file_of(folder, name.decode())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = (hashlib.sha256(name).digest() * (size // 32 + 1))[:size]
        with open(path, "wb") as f:
            f.write(data)
        db.execute("UPDATE upload SET sha256 = ? WHERE id = ? AND length(sha256) > 0",
                   (hashlib.sha256(data).digest(), name.decode()))
    db.execute("COMMIT")
    return 0


if __name__ == "__main__":
    sys.exit({"same": same, "part": part, "files": files, "sql": sql, "fill": fill}[sys.argv[1]](*sys.argv[2:]))
