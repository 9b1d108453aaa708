#!/usr/bin/python3
"""tests/support/postgres and nats: they run what they are told to, and leave nothing."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
SECONDS = 60

# name, arguments, exit status, what it must say first, and last
POSTGRES_ROWS = [
    ("its URL, the command's input, and its status",
     ["sh", "-c", "echo $TEST_POSTGRES; cat; exit 3"], 3,
     "postgresql://parley@/postgres?host=%2F", "%2Fsocket\nwhat it is given\n"),
    ("a port", ["--tcp", "sh", "-c", "echo $TEST_POSTGRES"], 0,
     "postgresql://parley@127.0.0.1:", "/postgres\n"),
    ("an option that there is not", ["--nothing"], 1, "", ""),
    ("a setting that there is not", ["-c", "nothing=1", "true"], 1, "", ""),
]
NATS_ROWS = [
    ("its URL, the command's input, and its status", ["sh", "-c", "echo $TEST_NATS; cat; exit 3"], 3,
     "nats://127.0.0.1:", "\nwhat it is given\n"),
    ("an option of the server", ["--user=u", "--pass=p", "sh", "-c", "echo $TEST_NATS"], 0,
     "nats://127.0.0.1:", "\n"),
    ("an option that there is not", ["--nothing"], 1, "", ""),
    ("one that the server has not", ["--nothing=1", "true"], 1, "", ""),
    ("a port that is none", ["--port=65536", "true"], 1, "", ""),
]
SERVERS = [("postgres", "postgresql://", POSTGRES_ROWS), ("nats", "nats://", NATS_ROWS)]


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


def run(server, folder, row):
    _, args, want_status, first, last = row
    done = subprocess.run([SUPPORT / server, *args], input="what it is given\n", capture_output=True,
                          text=True, env=environment(folder), check=False, timeout=SECONDS)
    if (done.returncode != want_status or not done.stdout.startswith(first)
            or not done.stdout.endswith(last)):
        return f"exit status {done.returncode}, said {done.stdout!r} and {done.stderr!r}"
    return left(folder)


def start(server, folder, args):
    server = subprocess.Popen([SUPPORT / server, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, env=environment(folder))
    return server, server.stdout.readline()


def input_ends(name, scheme, folder):
    server, url = start(name, folder, [])
    server.communicate(timeout=SECONDS)
    if server.returncode != 0 or not url.startswith(scheme):
        return f"exit status {server.returncode}, said {url!r}"
    return left(folder)


def term(name, folder):
    server, said = start(name, folder, ["sh", "-c", "echo begun; exec sleep 600"])
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=SECONDS)
    if server.returncode != 143 or said != "begun\n":
        return f"exit status {server.returncode}, said {said!r}"
    return left(folder)


def kill(name, folder):
    """Nothing can take its folder away then."""
    server, _ = start(name, folder, [])
    server.kill()
    server.communicate(timeout=SECONDS)
    deadline = time.monotonic() + SECONDS
    while is_running(folder):
        if time.monotonic() > deadline:
            return "left a process"
        time.sleep(0.01)
    return ""


def kill_with_command(name, folder):
    server, pid = start(name, folder, ["sh", "-c", "echo $$; exec sleep 600"])
    server.kill()
    try:
        server.communicate(timeout=SECONDS)  # the command has its stdout as well
    except subprocess.TimeoutExpired:
        os.kill(int(pid), signal.SIGKILL)
        return "left its command"
    return ""


def tests_of(name, scheme, rows):
    tests = [(row[0], lambda folder, row=row: run(name, folder, row)) for row in rows]
    return tests + [("its input ends", lambda folder: input_ends(name, scheme, folder)),
                    ("it is told to end", lambda folder: term(name, folder)),
                    ("it is killed", lambda folder: kill(name, folder)),
                    ("it is killed beside a command", lambda folder: kill_with_command(name, folder))]


def main():
    n_passed = n_failed = n_skipped = 0
    for server, scheme, rows in SERVERS:
        if subprocess.run([SUPPORT / server, "--is-there"], check=False).returncode != 0:
            print(f"skip {server}: it is absent")
            n_skipped += 1
            continue
        for name, test in tests_of(server, scheme, rows):
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                problem = test(folder)
            n_failed += bool(problem)
            n_passed += not problem
            if problem:
                print(f"not ok {server}, {name}: {problem}")
    print(f"{n_passed} passed, {n_failed} failed, {n_skipped} skipped")
    return n_failed > 0


if __name__ == "__main__":
    sys.exit(main())
