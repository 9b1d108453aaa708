#!/usr/bin/python3
"""
usage: test_help_pages.py PARLEY

`parley help options --json` is the one list of options: what `--help` prints, what the command line,
the environment, credentials and the file take, and what the pages of tools/help-pages and docs/options.md say, are
compared with it.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARLEY = sys.argv[1]
# A value of each kind that has no default, and one that is none.
GOOD = {"text": "x", "file": "x", "list": "x", "each": "x", "address": "127.0.0.1:1", "duration": "1s", "size": "1KiB", "count": "1", "switch": "on", "flag": "on"}
BAD = {"address": "nowhere", "duration": "soon", "size": "large", "count": "many", "switch": "perhaps", "flag": "perhaps"}
UNITS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "": 1}

# Whoever tells what it has found of the environment and of the file ends so, and says it on stdout.
CODES = {"doctor": 1}

passed = failed = 0


def report(name, wrong):
    global passed, failed
    if wrong:
        print(f"FAIL {name}: {wrong}")
        failed += 1
    else:
        print(f"ok {name}")
        passed += 1


def parley(*words, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PARLEY")}
    return subprocess.run([PARLEY, *words], capture_output=True, text=True, timeout=20, check=False, env={**clean, **(env or {})})


def page(what):
    return subprocess.run([ROOT / "tools/help-pages", PARLEY, what], capture_output=True, text=True, check=True).stdout


def flat(text):
    return " ".join(text.split())


def good(o):
    if o["default"] is not None:
        return o["default"]
    return str(o["min"]) if o["kind"] == "count" and o["min"] else GOOD[o["kind"]]


def number(text):
    n, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()
    return int(n) * UNITS[unit]


# What --help says.


def printed(text, dashes):
    """Each option of a help, with all that stands beside and below it."""
    found = re.findall(rf"^  {dashes}([a-z0-9-]+)(?: ([^ \n]+))? +([^\n]*(?:\n {{20,}}[^\n]*)*)", text, re.M)
    return {name: (value, flat(help_)) for name, value, help_ in found}


def compare(told, text, dashes):
    found = printed(text, dashes)
    if set(found) != {o["name"] for o in told}:
        return f"it has {sorted(set(found) ^ {o['name'] for o in told})} more, or less"
    for o in told:
        want = flat(o["help"] + (f" ({o['default']})" if o["default"] is not None else ""))
        if found[o["name"]] != (o["value"], want):
            return f"{o['name']}: {found[o['name']]}, want {(o['value'], want)}"
    return None


def check_help(c):
    said = parley(c["name"], "--help")
    text, *sections = re.split(r"^\[", said.stdout, flags=re.M)
    example = re.search(r"^  --(\S+) (\S+) +(PARLEY_\S+)=\2 +\1 = \2\n", text, re.M)
    if example:
        text = text.replace(example[0], "")
    names = {o["name"]: o.get("environment") for o in c["options"]}
    report(f"{c['name']}: the example of --help is one", bool(example) != bool(c["environment"]) or
           (example and names[example[1]] != example[3]))
    report(f"{c['name']}: --help has all options, and no other", compare(c["options"], text, "--"))
    report(f"{c['name']}: --help has their headings",
           [h for h in {o["heading"] for o in c["options"]} if h and f"\n{h}:\n" not in text])
    report(f"{c['name']}: --help has all kinds of section", len(sections) != len(c["sections"]))
    for s, of_it in zip(c["sections"], sections):
        report(f"{c['name']}: --help has all of [{s['kind']}]", compare(s["options"], of_it, ""))
    report(f"{c['name']}: 'help {c['name']}' is --help", parley("help", c["name"]).stdout != said.stdout)


# What is taken. Behind what is right stands what is not: only that is said.


def taken(said, what, name):
    right = said.returncode == 2 and f"there is no option {what}" in said.stderr
    return None if right else f"{name}: {said.returncode} {said.stderr}"


def refused(said, what, name, code=2):
    text = said.stderr if code == 2 else said.stdout
    right = said.returncode == code and re.search(rf"(^|[ :]){re.escape(what)}\b", text, re.M)
    return None if right else f"{name}: {said.returncode} {text}"


def check_command_line(c):
    wrong = []
    for o in c["options"]:
        name = f"--{o['name']}"
        words = [name] if o["kind"] == "flag" else [name, good(o)]
        wrong += [taken(parley(c["name"], *words, "--zzz"), "--zzz", name)]
        if o["kind"] in BAD:
            wrong += [refused(parley(c["name"], f"{name}={BAD[o['kind']]}"), name, name)]
    report(f"{c['name']}: the command line takes each", list(filter(None, wrong)))


def check_environment(c):
    wrong = []
    for o in c["options"]:
        variable = o["environment"]
        if variable != "PARLEY_" + o["name"].upper().replace("-", "_"):
            wrong += [f"{o['name']} is {variable}"]
        if o["name"] != c["file"]: # it would be looked for
            wrong += [taken(parley(c["name"], "--zzz", env={variable: good(o)}), "--zzz", variable)]
        if o["kind"] in BAD:
            said = parley(c["name"], env={variable: BAD[o["kind"]]})
            wrong += [refused(said, variable, variable, CODES.get(c["name"], 2))]
    report(f"{c['name']}: the environment has each", list(filter(None, wrong)))


def check_file(c, folder):
    path = folder / "options"
    code = CODES.get(c["name"], 2)
    keys = [(o["name"], good(o), o) for o in c["options"] if o["name"] != c["file"]]
    lines = [f"{name} = {value}" for name, value, _ in keys]
    for s in c["sections"]:
        lines += [f"[{s['kind']} one]"] + [f"{o['name']} = {good(o)}" for o in s["options"]]
    path.write_text("\n".join([*lines, "zzz = 1", ""]))
    said = parley(c["name"], f"--{c['file']}={path}")
    text = said.stderr + said.stdout
    report(f"{c['name']}: the file has each",
           None if said.returncode == code and f":{len(lines) + 1}: " in text and "zzz" in text else text)
    wrong = []
    for name, _, o in keys:
        if o["kind"] in BAD:
            path.write_text(f"# a comment\n{name} = {BAD[o['kind']]}\n")
            said = parley(c["name"], f"--{c['file']}={path}")
            text = said.stderr + said.stdout
            wrong += [] if said.returncode == code and f":2: {name}" in text else [f"{name}: {text}"]
    report(f"{c['name']}: what is wrong in the file is said with its line", wrong)


def check_credentials(c, folder):
    wrong = []
    for o in c["options"]:
        if o["name"] == c["file"]:
            continue
        some = pathlib.Path(tempfile.mkdtemp(dir=folder))
        (some / f"parley.{o['name']}").write_text(good(o) + "\n")
        env = {"CREDENTIALS_DIRECTORY": str(some)}
        wrong += [taken(parley(c["name"], "--zzz", env=env), "--zzz", o["name"])]
        if o["kind"] in BAD:
            (some / f"parley.{o['name']}").write_text(BAD[o["kind"]])
            wrong += [refused(parley(c["name"], env=env), f"parley.{o['name']}", o["name"], CODES.get(c["name"], 2))]
    report(f"{c['name']}: credentials have each", list(filter(None, wrong)))


def check_ranges(c):
    wrong = []
    for o in c["options"]:
        if "min" not in o:
            continue
        default = number(o["default"]) if o["default"] else None
        if default is not None and not o["min"] <= default <= o.get("max", default):
            wrong += [f"{o['name']}: its default is beyond"]
        unit = "ms" if o["kind"] == "duration" else ""
        beyond = [o["min"] - 1] * (o["min"] > 0) + ([o["max"] + 1] if "max" in o else [])
        for n in beyond:
            wrong += [refused(parley(c["name"], f"--{o['name']}={n}{unit}"), f"--{o['name']}", f"{o['name']} of {n}")]
    report(f"{c['name']}: what is beyond the limits of a number is refused", list(filter(None, wrong)))


# The pages. What the doctor takes beside its own is the server's, and there already.


def is_beside(c, told):
    return c["environment"] and c is not told[0]


def own(c, told):
    names = {o["name"] for o in told[0]["options"]} if is_beside(c, told) else set()
    return [o for o in c["options"] if o["name"] not in names]


def sections(c, told):
    return [] if is_beside(c, told) else c["sections"]


def check_man(told, folder):
    text = page("man")
    names = re.findall(r"^\.TP\n\\fB(?:\\-\\-)?([a-z0-9\\-]+)\\fR", text, re.M)
    want = [o["name"] for c in told for o in own(c, told) + [o for s in sections(c, told) for o in s["options"]]]
    report("man: it has all options, and no other", [n.replace("\\-", "-") for n in names] != want and names)
    (folder / "parley.1").write_text(text)
    shown = subprocess.run(["man", "--warnings", "-l", folder / "parley.1"], capture_output=True, text=True, check=False,
                           env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
    report("man: it is shown without a warning", shown.stderr or not shown.stdout)
    report("man: it says all of it", [o["help"] for c in told for o in c["options"]
                                      if squashed(o["help"]) not in squashed(shown.stdout)])


def squashed(text):
    """Wherever its lines and words are broken."""
    return re.sub(r"[\s\u2010-]", "", text)


def completed(line):
    script = f"""{page("bash")}
        COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _parley; printf '%s\\n' "${{COMPREPLY[@]}}" """
    said = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True, cwd="/")
    return said.stdout.split()


def check_bash(told):
    for c in told:
        want = {f"--{o['name']}" for o in c["options"]} | {"--help"}
        report(f"bash: it completes the options of {c['name']}", set(completed(f"parley {c['name']} --")) ^ want)
    rows = [
        ("parley ''", [c["name"] for c in told] + ["version", "help"]), ("parley ro", ["rotate-key"]),
        ("parley serve --media ''", ["local", "s3", "off"]), ("parley serve --media = ''", ["local", "s3", "off"]),
        ("parley serve --media '='", ["local", "s3", "off"]), ("parley serve --rate-limits o", ["on", "off"]),
        ("parley serve --store s", ["sqlite"]), ("parley serve --data /us", ["/usr"]), ("parley serve --workers ''", []),
        ("parley help err", ["errors"]), ("parley serve --dev --data /us", ["/usr"]),
    ]
    for line, want in rows:
        report(f"bash: {line}", completed(line) != want and completed(line))


def check_docs():
    is_same = (ROOT / "docs/options.md").read_text() == page("markdown")
    report("docs/options.md is what it would be", not is_same and f"run: tools/help-pages {PARLEY} markdown >docs/options.md")


def check_topics():
    for words in (["zzz"], ["options", "--yaml"], ["errors", "more"]):
        said = parley("help", *words)
        report(f"help {' '.join(words)} is refused", said.returncode != 2 and said.stdout)
    report("help options has all of them", [c["name"] for c in TOLD if f"parley {c['name']}" not in parley("help", "options").stdout])


TOLD = json.loads(parley("help", "options", "--json").stdout)["commands"]
with tempfile.TemporaryDirectory() as temporary:
    for command in TOLD:
        check_help(command)
        check_command_line(command)
        check_ranges(command)
        if command["environment"]:
            check_environment(command)
            check_file(command, pathlib.Path(temporary))
            check_credentials(command, pathlib.Path(temporary))
    check_man(TOLD, pathlib.Path(temporary))
check_bash(TOLD)
check_docs()
check_topics()
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
