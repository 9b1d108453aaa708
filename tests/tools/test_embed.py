#!/usr/bin/python3
"""tools/embed, over small folders made for it: the table that it writes, and what it refuses."""
import ast
import gzip
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EMBED = ROOT / "tools/embed"
MAX = int(re.search(r"HTTP_ASSET_MAX (\d+)", (ROOT / "src/http/assets.h").read_text())[1])
JS = "text/javascript; charset=utf-8"
EVERY = bytes(range(256)) + b"??/ \\ \" %s 0123456789abcdef\x00" + "\u4f60\u597d".encode()

# name, path, bytes, type, is it lasting
FILES = [
    ("the widget", "embed/parley-chat.js", b"import './x.js';\n" * 50, JS, False),
    ("a chunk", "embed/demo-BuPX-3g_.js", b"x", JS, True),
    ("a longer hash", "embed/a-0123456789abcdef.css", b"x", "text/css; charset=utf-8", True),
    ("a word of eight letters", "embed/parley-elements.js", b"x", JS, False),
    ("a word and a version", "embed/parley-widget-v2.js", b"x", JS, False),
    ("seven characters", "embed/x-a1b2c3d.js", b"x", JS, False),
    ("a hash elsewhere", "demo-a1b2c3d4.js", b"x", JS, False),
    ("types", "embed/parley-sdk.d.ts", b"x", "application/typescript; charset=utf-8", False),
    ("a font", "embed/f-A1B2C3D4.woff2", b"wOF2", "font/woff2", True),
    ("an icon", "icon.svg", b"<svg/>", "image/svg+xml", False),
    ("nothing in it", "empty.txt", b"", "text/plain; charset=utf-8", False),
    ("every byte", "embed/bytes.png", EVERY * 3, "image/png", False),
    ("the largest", "embed/large.json", b"x" * MAX, "application/json", False),
]

# name, path, bytes, what it must say
REFUSED = [
    ("a type that is not known", "embed/x.wasm", b"x", "embed/x.wasm: tools/embed knows no type for this name"),
    ("no type at all", "README", b"x", "README: tools/embed knows no type"),
    ("a blank", "a b.js", b"x", "a b.js: a name has letters"),
    ("a letter of another alphabet", "\u00e4.js", b"x", "\u00e4.js: a name has letters"),
    ("one byte too large", "embed/x.js", b"x" * (MAX + 1), f"embed/x.js: {MAX + 1} bytes"),
]

passed = failed = 0


def report(name, wrong):
    global passed, failed
    passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"not ok {name}: {wrong}" if wrong else f"ok {name}")


def put(folder, path, data):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data)


def embed(folder, out, *more):
    return subprocess.run([EMBED, folder, out, *more], capture_output=True, text=True, check=False)


def value(text):
    """What a str of C is: its strings are also Python's."""
    if text == "{0}":
        return b""
    strings, size = text[1:-1].rsplit(",", 1)
    data = ast.literal_eval("(" + re.sub(r'(?m)^\s*"', ' b"', strings.strip()) + ")")
    return data if len(data) == int(size) else f"{len(data)} bytes, which say {size}"


def read_table(source):
    """[{member: bytes, or a bool}] in the order of the table."""
    rows = []
    for entry in re.findall(r"^    \{$(.*?)^    \},$", source, re.M | re.S):
        members = re.findall(r"^        \.(\w+) = (\{.*?\}|true|false),$", entry, re.M | re.S)
        rows.append({name: text == "true" if text in ("true", "false") else value(text)
                     for name, text in members})
    return rows


def check_row(row, data, mime, is_lasting):
    small = row["gzip"]
    want = {"type": mime.encode(), "bytes": data, "is_lasting": is_lasting,
            "etag": b'W/"' + hashlib.sha256(data).hexdigest()[:32].encode() + b'"'}
    for name, expected in want.items():
        if row[name] != expected:
            return f"{name} is {row[name][:80]!r}" if name != "is_lasting" else "is_lasting"
    if small and (len(small) >= len(data) or gzip.decompress(small) != data or small[4:8] != bytes(4)):
        return "gzip is not smaller, not the same, or of a time"
    if not small and len(gzip.compress(data, 9, mtime=0)) < len(data):
        return "there is no gzip"
    return None


def check_table(folder):
    put(folder, "dist/index.html", b"<!doctype html>\n")
    for _, path, data, _, _ in FILES:
        put(folder, f"dist/{path}", data)
    said = embed(folder / "dist", folder / "out.c", folder / "out.d")
    report("what it can, it embeds", said.stderr)
    source = (folder / "out.c").read_text()
    rows = {row["path"].decode(): row for row in read_table(source)}
    report("as many as there are", None if len(rows) == len(FILES) + 1 else f"{len(rows)}")
    report("sorted", None if list(rows) == sorted(rows) else list(rows))
    for name, path, data, mime, is_lasting in FILES:
        report(name, check_row(rows[f"/{path}"], data, mime, is_lasting))
    compiled = subprocess.run(["cc", "-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                               f"-I{ROOT}/src", folder / "out.c"],
                              capture_output=True, text=True, check=False)
    report("it compiles", compiled.stderr)
    embed(folder / "dist", folder / "again.c")
    report("twice the same", (folder / "again.c").read_text() != source and "it differs")
    used = (folder / "out.d").read_text().split()
    want = [f"{folder}/out.c:", f"{folder}/dist", f"{folder}/dist/embed", f"{folder}/dist/icon.svg"]
    report("it says what it depends on", [path for path in want if path not in used])


def check_depfile(folder):
    """Where names have what a depfile reads as something else."""
    put(folder, "a b/c#d/e$f/index.html", b"")
    embed(folder / "a b/c#d/e$f", folder / "out.c", folder / "out.d")
    used = f"{folder}/a\\ b/c\\#d/e$$f"
    said = (folder / "out.d").read_text()
    report("it says so of any folder",
           None if said == f"{folder}/out.c: {used} {used}/index.html\n" else said)


def check_refusals(folder):
    for name, path, data, says in REFUSED:
        put(folder, f"{name}/index.html", b"")
        put(folder, f"{name}/{path}", data)
        said = embed(folder / name, folder / "refused.c")
        right = said.returncode == 1 and says in said.stderr and not (folder / "refused.c").exists()
        report(name, None if right else f"{said.returncode} {said.stderr}")
    said = embed(folder / "nowhere", folder / "refused.c")
    report("no folder", None if "npm ci && npm run build" in said.stderr else said.stderr)


with tempfile.TemporaryDirectory() as temporary:
    check_table(pathlib.Path(temporary))
    check_depfile(pathlib.Path(temporary))
    check_refusals(pathlib.Path(temporary))
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
