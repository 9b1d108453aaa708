#!/usr/bin/python3
"""tools/check-layers, over small trees made for it: what it refuses, and what it lets pass."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools/check-layers"
TABLE = "base:\ncrypto: base\njson: base\nio: base crypto\nchat: base\nstore: base chat\nbus: io\nbench: base\n"

# name, files, what it must say; None: nothing, and pass
ROWS = [
    ("its own layer", {"src/chat/a.c": '#include "chat/a.h"'}, None),
    ("a granted layer", {"src/chat/a.c": '#include "base/a.h"'}, None),
    ("a layer that is not granted", {"src/chat/a.c": '\n#include "store/mem.h"'},
     "src/chat/a.c:2: chat may not include store"),
    ("a header counts too", {"src/base/a.h": '#include "io/loop.h"'},
     "src/base/a.h:1: base may not include io"),
    ("blanks do not hide it", {"src/chat/a.c": '  #  include   "store/mem.h"'},
     "src/chat/a.c:1: chat may not include store"),
    ("brackets do not hide it", {"src/chat/a.c": "#include <store/mem.h>"},
     "src/chat/a.c:1: chat may not include store"),
    ("a way round the layer", {"src/chat/a.c": '#include "../store/mem.h"'},
     'src/chat/a.c:1: "../store/mem.h" is in no layer: name it "LAYER/FILE.h"'),
    ("no layer named", {"src/chat/a.c": '#include "a.h"'},
     'src/chat/a.c:1: "a.h" is in no layer: name it "LAYER/FILE.h"'),
    ("a vendor in quotes", {"src/io/a.c": '#include "uv.h"'},
     'src/io/a.c:1: "uv.h" is in no layer: name it "LAYER/FILE.h"'),
    ("a folder that is no layer", {"src/misc/a.c": ""},
     "src/misc/a.c:1: misc is no layer of tools/layers"),
    ("a file in no folder", {"src/a.c": ""}, "src/a.c:1: a.c is no layer of tools/layers"),
    ("the generator is a layer", {"bench/a.c": '#include "base/a.h"\n#include <uv.h>'}, None),
    ("and has its limits", {"bench/a.c": '#include "chat/a.h"'}, "bench/a.c:1: bench may not include chat"),
    ("nobody may include it", {"src/chat/a.c": '#include "bench/net.h"'},
     "src/chat/a.c:1: chat may not include bench"),
    ("libc is for all", {"src/base/a.c": "#include <time.h>\n#include <sys/uio.h>"}, None),
    ("a table that points down", {"tools/layers": "base: io\nio:\n"},
     "base names io before it is defined"),
    *[(f"{header} in {layer}", {f"src/{layer}/a.c": f"#include <{header}>"}, None)
      for header, layer in [
          ("uv.h", "io"), ("curl/curl.h", "io"), ("openssl/ssl.h", "io"), ("openssl/err.h", "io"),
          ("openssl/ssl.h", "crypto"), ("openssl/evp.h", "crypto"), ("sodium.h", "crypto"),
          ("secp256k1.h", "crypto"), ("sqlite3.h", "store"),
          ("libpq-fe.h", "store"), ("nats/nats.h", "bus")]],
    *[(f"{header} in {layer}", {f"src/{layer}/a.c": f"#include <{header}>"},
       f"src/{layer}/a.c:1: {layer} may not include <{header}>")
      for header, layer in [
          ("uv.h", "chat"), ("curl/curl.h", "crypto"), ("openssl/ssl.h", "json"),
          ("openssl/evp.h", "io"), ("sodium.h", "io"), ("sodium/utils.h", "io"),
          ("secp256k1_recovery.h", "io"), ("sqlite3.h", "chat"),
          ("libpq-fe.h", "io"), ("nats/nats.h", "io"), ("nats.h", "store")]],
    *[(f"{call} in the domain", {"src/chat/a.c": f"void f(void)\n{{\n    {call};\n}}"},
       f"src/chat/a.c:3: {call.split('(')[0]}() is for src/base/log.c and src/io/loop.c")
      for call in ["clock_gettime(CLOCK_MONOTONIC, &t)", "gettimeofday(&t, NULL)", "time(NULL)"]],
    ("a clock elsewhere in its layer", {"src/io/a.c": "int t = time (NULL);"},
     "src/io/a.c:1: time() is for"),
    ("a clock behind a string and a comment",
     {"src/chat/a.c": 'puts("/*"); time(NULL); // "'}, "src/chat/a.c:1: time() is for"),
    ("the two that own the clock", {"src/io/loop.c": "clock_gettime(c, &t);",
                                    "src/base/log.c": "clock_gettime(c, &t);"}, None),
    ("a clock only spoken of",
     {"src/chat/a.c": "// time() is no\n/* clock_gettime()\n */ f(\"time(\"); a_time(1);"}, None),
]


def run(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in {"tools/layers": TABLE, "src/base/b.h": "", **files}.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        done = subprocess.run([CHECK, root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


n_failed = 0
for row, tree, want in ROWS:
    status, said = run(tree)
    good = (status, said) == (0, "") if want is None else status == 1 and said.count(want) == 1
    if not good:
        print(f"not ok {row}: exit status {status}, said {said!r}, want {want!r}")
        n_failed += 1
print(f"{len(ROWS) - n_failed} passed, {n_failed} failed, 0 skipped")
sys.exit(n_failed > 0)
