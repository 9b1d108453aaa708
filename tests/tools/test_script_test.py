#!/usr/bin/python3
"""script/test, in a small tree of its own: how it counts, and when it fails.

One suite that drives node is run, with a shell script in the place of node and with
nothing to compile.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name, what "node" does, CI, exit status, closing line, what else must be said
ROWS = [
    ("all pass", "echo 3 passed, 0 failed, 0 skipped", "", 0,
     "3 passed, 0 failed, 0 skipped", ""),
    ("one fails", "echo 5.12: got 1002; echo 2 passed, 1 failed, 0 skipped; exit 1", "", 1,
     "2 passed, 1 failed, 0 skipped", "    5.12: got 1002"),
    ("it fails and exits with 0", "echo 2 passed, 1 failed, 0 skipped", "", 1,
     "2 passed, 1 failed, 0 skipped", "rfc6455: failed"),
    ("it counts no failure and exits with 1", "echo 2 passed, 0 failed, 0 skipped; exit 1", "", 1,
     "2 passed, 1 failed, 0 skipped", "exit status 1"),
    ("no closing line", "echo fine", "", 1, "0 passed, 1 failed, 0 skipped", "no closing line"),
    ("it dies behind an earlier closing line",
     "echo 2 passed, 0 failed, 0 skipped; echo crash; exit 1", "", 1,
     "0 passed, 1 failed, 0 skipped", "no closing line"),
    ("no test", "echo 0 passed, 0 failed, 0 skipped", "", 1,
     "0 passed, 1 failed, 0 skipped", "it ran no test"),
    ("the suite is killed", "kill -9 0", "", 1,
     "0 passed, 1 failed, 0 skipped", "it did not come to its end"),
    ("a skip at home", "echo skip 1.1: no root; echo 1 passed, 0 failed, 1 skipped", "", 0,
     "1 passed, 0 failed, 1 skipped", "  skip 1.1: no root"),
    ("a skip in CI", "echo skip 1.1: no root; echo 1 passed, 0 failed, 1 skipped", "true", 1,
     "1 passed, 0 failed, 1 skipped", "In CI nothing is skipped"),
    ("a skip without a word in CI", "echo 1 passed, 0 failed, 1 skipped", "true", 1,
     "1 passed, 0 failed, 1 skipped", "In CI nothing is skipped"),
    ("vectors that are not there, in CI",
     "echo skip siwe: ../shared is absent; echo 1 passed, 0 failed, 1 skipped", "true", 0,
     "1 passed, 0 failed, 1 skipped", "skip siwe"),
]


def run(root, node, ci, suite="rfc6455"):
    (root / "bin/node").write_text(f"#!/bin/sh\n{node}\n")
    env = {**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}", "CI": ci, "TEST_POSTGRES": "",
           "TEST_NATS": ""}
    done = subprocess.run([root / "script/test", suite], capture_output=True, text=True, env=env,
                          check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def problem(root, row):
    name, node, ci, want_status, closing, also = row
    status, said, errors = run(root, node, ci)
    if status != want_status or said.splitlines()[-1:] != [closing] or also not in said or errors:
        return f"not ok {name}: exit status {status}, said {said!r} and {errors!r}"
    return None


with tempfile.TemporaryDirectory() as folder:
    tree = pathlib.Path(folder)
    for sub in ("script", "bin", "build/logs"):
        (tree / sub).mkdir(parents=True)
    shutil.copy(ROOT / "script/test", tree / "script/test")
    for tool in ("meson", "node"):
        (tree / "bin" / tool).write_text("#!/bin/sh\n")
        (tree / "bin" / tool).chmod(0o755)

    problems = [p for p in (problem(tree, row) for row in ROWS) if p]
    unknown = run(tree, "", "", "unheard-of")
    if unknown[:2] != (2, "") or "usage:" not in unknown[2]:
        problems.append(f"not ok an unknown suite: {unknown!r}")
    measured = run(tree, "echo '  p95 16.7 ms'; echo 1 passed, 0 failed, 0 skipped", "", "browser")
    if measured[0] != 0 or "\n  p95 16.7 ms\n" not in measured[1]:
        problems.append(f"not ok what a suite has measured is shown: {measured!r}")

    named = run(tree, "echo FAIL 5.12: got 1002; echo 0 passed, 1 failed, 0 skipped; exit 1", "")
    if "\nrfc6455: FAIL 5.12: got 1002\n" not in named[1].partition("\nsuite ")[2]:
        problems.append(f"not ok what has failed is named below the table: {named!r}")

    absent = run(tree, "echo 1 passed, 0 failed, 0 skipped", "", "postgres")
    if absent[0] != 0 or "  skip postgres: PostgreSQL is absent\n" not in absent[1]:
        problems.append(f"not ok PostgreSQL is absent: {absent!r}")
    (tree / "tests/support").mkdir(parents=True)
    (tree / "tests/support/postgres").write_text(
        "#!/bin/sh\n[ $1 = --is-there ] || TEST_POSTGRES=its-url exec \"$@\"\n")
    (tree / "tests/support/postgres").chmod(0o755)
    there = run(tree, "echo FAIL on $STORE at $TEST_POSTGRES; echo 0 passed, 1 failed, 0 skipped",
                "", "postgres")
    if there[0] != 1 or "\npostgres: FAIL on postgres at its-url\n" not in there[1]:
        problems.append(f"not ok the chat is tried on a PostgreSQL: {there!r}")

    absent = run(tree, "echo 1 passed, 0 failed, 0 skipped", "", "nodes")
    if absent[0] != 0 or "  skip nodes: NATS is absent\n" not in absent[1]:
        problems.append(f"not ok NATS is absent: {absent!r}")
    (tree / "tests/support/nats").write_text(
        "#!/bin/sh\n[ $1 = --is-there ] || TEST_NATS=nats-url exec \"$@\"\n")
    (tree / "tests/support/nats").chmod(0o755)
    (tree / "tests/support/postgres").write_text(
        "#!/bin/sh\n[ $1 != --is-there ] || exit 0\nexport TEST_POSTGRES=\"url with $1 $2\"\n"
        "shift 2\nexec \"$@\"\n")
    there = run(tree, "echo FAIL $NODES at $TEST_POSTGRES and $TEST_NATS;"
                " echo 0 passed, 1 failed, 0 skipped", "", "nodes")
    if "\nnodes: FAIL 3 at url with -c max_connections=900 and nats-url\n" not in there[1]:
        problems.append(f"not ok the chat is tried on several nodes: {there!r}")

for line in problems:
    print(line)
n_rows = len(ROWS) + 7
print(f"{n_rows - len(problems)} passed, {len(problems)} failed, 0 skipped")
sys.exit(bool(problems))
