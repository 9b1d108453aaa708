#!/usr/bin/python3
"""tests/support/postgres: it runs what it is told to, and leaves nothing."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

POSTGRES = pathlib.Path(__file__).resolve().parents[1] / "support/postgres"
SECONDS = 60

# name, arguments, exit status, what it must say first, and last
ROWS = [
    ("its URL, the command's input, and its status",
     ["sh", "-c", "echo $TEST_POSTGRES; cat; exit 3"], 3,
     "postgresql://parley@/postgres?host=%2F", "%2Fsocket\nwhat it is given\n"),
    ("a port", ["--tcp", "sh", "-c", "echo $TEST_POSTGRES"], 0,
     "postgresql://parley@127.0.0.1:", "/postgres\n"),
    ("an option that there is not", ["--nothing"], 1, "", ""),
    ("a setting that there is not", ["-c", "nothing=1", "true"], 1, "", ""),
]


def is_running(folder):
    """Whether a process has the folder in its command line."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if folder in path.read_text(errors="replace"):
                return True
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended
    return False


def left(folder):
    """What is left of it: a file, or a process."""
    if names := os.listdir(folder):
        return f"left {names}"
    return "left a process" if is_running(folder) else ""


def environment(folder):
    return {**os.environ, "TMPDIR": folder}


def run(folder, row):
    _, args, want_status, first, last = row
    done = subprocess.run([POSTGRES, *args], input="what it is given\n", capture_output=True,
                          text=True, env=environment(folder), check=False, timeout=SECONDS)
    if (done.returncode != want_status or not done.stdout.startswith(first)
            or not done.stdout.endswith(last)):
        return f"exit status {done.returncode}, said {done.stdout!r} and {done.stderr!r}"
    return left(folder)


def start(folder, args):
    server = subprocess.Popen([POSTGRES, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, env=environment(folder))
    return server, server.stdout.readline()


def input_ends(folder):
    server, url = start(folder, [])
    server.communicate(timeout=SECONDS)
    if server.returncode != 0 or not url.startswith("postgresql://"):
        return f"exit status {server.returncode}, said {url!r}"
    return left(folder)


def term(folder):
    server, said = start(folder, ["sh", "-c", "echo begun; exec sleep 600"])
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=SECONDS)
    if server.returncode != 143 or said != "begun\n":
        return f"exit status {server.returncode}, said {said!r}"
    return left(folder)


def kill(folder):
    """Nothing can take its folder away then."""
    server, _ = start(folder, [])
    server.kill()
    server.communicate(timeout=SECONDS)
    deadline = time.monotonic() + SECONDS
    while is_running(folder):
        if time.monotonic() > deadline:
            return "left a process"
        time.sleep(0.01)
    return ""


def main():
    if subprocess.run([POSTGRES, "--is-there"], check=False).returncode != 0:
        print("skip postgres: PostgreSQL is absent\n0 passed, 0 failed, 1 skipped")
        return 0
    tests = [(row[0], lambda folder, row=row: run(folder, row)) for row in ROWS]
    tests += [("its input ends", input_ends), ("it is told to end", term), ("it is killed", kill)]
    n_failed = 0
    for name, test in tests:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            if problem := test(folder):
                print(f"not ok {name}: {problem}")
                n_failed += 1
    print(f"{len(tests) - n_failed} passed, {n_failed} failed, 0 skipped")
    return n_failed > 0


if __name__ == "__main__":
    sys.exit(main())
