#!/usr/bin/python3
"""tools/check-cost, with a valgrind that writes what it is given: what is counted, and when it
fails."""
import os
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools/check-cost"

# 10 messages: api 600 by itself and 300 in libc, of which base asked for 100; json 100, and 400 in
# a library that calls itself, and base; not counted are the store (500, and 1000 in libc) and the
# test (50).
PROFILE = """\
# callgrind format
events: Ir
summary: 2950

ob=(1) /build/cost
fl=(1) /build/../tests/cost/main.c
fn=(1) counted_hear
10 50
cfi=(2) /build/../src/api/request.c
cfn=(2) api_request
calls=10 5
11 1400
cfi=(3) /build/../src/store/mem.c
cfn=(3) run_append
calls=10 7
+1 1500

fl=(2)
fn=(2)
5 500
fi=(4) /build/../src/base/str.h
+1 100
fe=(2)
cob=(2) /usr/lib/libc.so.6
cfi=(5) ???
cfn=(4) memcpy
calls=3 0
* 200
cob=(1)
cfi=(6) /build/../src/base/buf.c
cfn=(5) buf_add
calls=1 9
+2 100
cfi=(7) /build/../src/json/json.c
cfn=(6) json_parse
calls=10 40
-1 500

fl=(6)
fn=(5)
9 0
cob=(2)
cfi=(5)
cfn=(4)
calls=1 0
9 100

fl=(7)
fn=(6)
40 100
cob=(3) /usr/lib/libother.so.4
cfi=(5)
cfn=(7) 0x4680
calls=10 0
41 400

ob=(3)
fl=(5)
fn=(7)
0 150
cfn=(7)
calls=4 0
0 90
cob=(1)
cfi=(8) /build/../src/base/mem.c
cfn=(8) mem_malloc
calls=4 20
0 250

ob=(1)
fl=(8)
fn=(8)
20 250

fl=(3)
fn=(3)
7 500
cob=(2)
cfi=(5)
cfn=(4)
calls=99 0
8 1000

ob=(2)
fl=(5)
fn=(4)
0 1300
"""

OK = "1 passed, 0 failed, 0 skipped"
NOT_OK = "0 passed, 1 failed, 0 skipped"
RUN = 'cp "$0.profile" "${2#*=}"; echo messages=10 writes=3'

# name, what valgrind does, the figure, exit status, closing line, what else must be said
ROWS = [
    ("as written", RUN, 140, 0, OK, "  140 instructions a message; 140 in "),
    ("by layer", RUN, 140, 0, OK, "  api            90 instructions a message\n"
                                  "  json           50 instructions a message\n"
                                  "  the 12 "),
    ("by function", RUN, 140, 0, OK, "       130 memcpy (libc.so.6)\n"
                                     "        60 api_request (src/api/request.c)\n"),
    ("the most that passes", RUN, 134, 0, OK, "+4.5%"),
    ("more", RUN, 133, 1, NOT_OK, "FAILED a message costs more than it may"),
    ("the least that passes", RUN, 147, 0, OK, "-4.8%"),
    ("less", RUN, 148, 1, NOT_OK, "FAILED a message costs less than is written down: write 140 to "),
    ("it fails", f"{RUN}; exit 1", 140, 1, NOT_OK, "did not run under callgrind: exit status 1"),
    ("it says no number", 'cp "$0.profile" "${2#*=}"', 140, 1, NOT_OK, "did not run"),
    ("no profile", "echo messages=10", 140, 1, NOT_OK, "did not run"),
]


def problem(folder, row):
    name, script, figure, want_status, closing, also = row
    (folder / "valgrind").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "valgrind").chmod(0o755)
    (folder / "valgrind.profile").write_text(PROFILE)
    (folder / "figure").write_text(f"# what it is\n{figure}\n")
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([CHECK, "build/cost", folder / "figure"], capture_output=True, text=True,
                          env=env, check=False, timeout=60)
    said = done.stdout
    if (done.returncode != want_status or said.splitlines()[-1:] != [closing] or also not in said
            or done.stderr):
        return f"not ok {name}: exit status {done.returncode}, said {said!r} and {done.stderr!r}"
    return None


with tempfile.TemporaryDirectory() as here:
    problems = [p for p in (problem(pathlib.Path(here), row) for row in ROWS) if p]

for line in problems:
    print(line)
print(f"{len(ROWS) - len(problems)} passed, {len(problems)} failed, 0 skipped")
sys.exit(bool(problems))
