#!/usr/bin/python3
"""tools/count-tests, over logs made for it."""
import json
import pathlib
import subprocess
import sys
import tempfile

COUNT = pathlib.Path(__file__).resolve().parents[2] / "tools/count-tests"

# name, [(stdout, result, exit status)], closing line, what else it must say
ROWS = [
    ("no log", None, "0 passed, 0 failed, 0 skipped", "no test ran"),
    ("no test", [], "0 passed, 0 failed, 0 skipped", ""),
    ("TAP", [("1..2\nok 1 - a_b\nok 2 - c\n# ok - group\n", "OK", 0)],
     "2 passed, 0 failed, 0 skipped", ""),
    ("TAP that fails", [("1..2\nok 1 - a\nnot ok 2 - it_breaks\n# not ok - g\n", "ERROR", 1)],
     "1 passed, 1 failed, 0 skipped", "FAILED unit x: it_breaks"),
    ("a leak behind good lines", [("1..1\nok 1 - a\n", "ERROR", 1)],
     "1 passed, 1 failed, 0 skipped", "FAILED unit x: ERROR, exit status 1"),
    ("a crash in the middle", [("1..3\nok 1 - a\n", "FAIL", -11)],
     "1 passed, 1 failed, 0 skipped", "exit status -11"),
    ("a timeout that said nothing", [("", "TIMEOUT", -15)],
     "0 passed, 1 failed, 0 skipped", "TIMEOUT"),
    ("cmocka's skip", [("1..1\nnot ok 1 # SKIP needs_root\n", "OK", 0)],
     "0 passed, 0 failed, 1 skipped", "skip unit x: needs_root"),
    ("cmocka's skip, as meson takes it", [("1..1\nnot ok 1 # SKIP needs_root\n", "FAIL", 0)],
     "0 passed, 0 failed, 1 skipped", "skip unit x: needs_root"),
    ("a crash behind a skip", [("1..2\nnot ok 1 # SKIP needs_root\n", "FAIL", -11)],
     "0 passed, 1 failed, 1 skipped", "exit status -11"),
    ("TAP's skip", [("1..1\nok 1 - pg # SKIP no server\n", "OK", 0)],
     "0 passed, 0 failed, 1 skipped", "skip unit x: pg: no server"),
    ("a program without TAP", [("17 inputs\n", "OK", 0)], "1 passed, 0 failed, 0 skipped", ""),
    ("one that fails", [("can't be read\n", "FAIL", 1)], "0 passed, 1 failed, 0 skipped",
     "FAILED unit x: FAIL, exit status 1"),
    ("one that skips", [("no ../shared\n", "SKIP", 77)], "0 passed, 0 failed, 1 skipped",
     "skip unit x: no ../shared"),
    ("several", [("ok 1 - a\n", "OK", 0), ("", "OK", 0), ("not ok 1 - b\n", "FAIL", 1)],
     "2 passed, 1 failed, 0 skipped", "FAILED unit x: b"),
]

n_failed = 0
for row, tests, closing, also in ROWS:
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "testlog.json")
        if tests is not None:
            log.write_text("".join(
                json.dumps({"name": "parley:unit / unit x", "stdout": out, "result": result,
                            "returncode": code}) + "\n" for out, result, code in tests))
        n_bad = sum(result in ("ERROR", "FAIL", "TIMEOUT") for _, result, _ in tests or [])
        done = subprocess.run([COUNT, log, str(n_bad)], capture_output=True, text=True,
                              check=False)
    said = done.stdout
    want_status = 0 if ", 0 failed," in closing else 1
    if done.returncode != want_status or said.splitlines()[-1] != closing or also not in said:
        print(f"not ok {row}: exit status {done.returncode}, said {said!r}")
        n_failed += 1
# A log that is not whole: meson knows of more failures than stand in it.
with tempfile.TemporaryDirectory() as folder:
    log = pathlib.Path(folder, "testlog.json")
    log.write_text(json.dumps({"name": "x / x", "stdout": "ok 1 - a\n", "result": "OK",
                               "returncode": 0}) + "\n")
    done = subprocess.run([COUNT, log, "1"], capture_output=True, text=True, check=False)
if done.returncode != 1 or "1 passed, 1 failed, 0 skipped" not in done.stdout:
    print(f"not ok a log that is not whole: {done.stdout!r}")
    n_failed += 1
print(f"{len(ROWS) + 1 - n_failed} passed, {n_failed} failed, 0 skipped")
sys.exit(n_failed > 0)
