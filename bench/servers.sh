#!/usr/bin/env bash
# usage: bench/servers.sh RUNS SECONDS
#
# Parts of one service beside each other, for script/bench: SQLite with one worker and with two, one
# server on PostgreSQL, and three of them with NATS. In turn, so that a bad moment of the machine is
# nobody's alone. A table as Markdown at the end; what each run said stays in build/bench-logs/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
sessions=1000 window=16
logs=$root/build/bench-logs

say() {
    echo "script/bench: $*" >&2
}

# --- one set-up, once: in a process of its own, beside what it needs -----------------

dir=''
pids=()
finish() {
    trap '' INT TERM HUP
    if [ ${#pids[@]} -gt 0 ]; then
        kill -TERM "${pids[@]}" 2>/dev/null || true
        wait "${pids[@]}" 2>/dev/null || true
    fi
    rm -rf "$dir"
}

url_of() {
    sed -n 's/^parley: ready //p' "$dir/$1.out"
}

# Of a database that is there, and of what joins the servers: theirs are our parent's children.
pids_of_others() {
    local postgres
    if [ -z "${TEST_POSTGRES:-}" ]; then return; fi
    postgres=$PPID
    if [ -n "${TEST_NATS:-}" ]; then
        pgrep -P "$PPID" -x nats-server
        postgres=$(ps -o ppid= -p "$PPID" | tr -d ' ')
    fi
    postgres=$(pgrep -P "$postgres" -x postgres)
    echo "$postgres"
    pgrep -P "$postgres"
}

run_once() { # run_once NAME SERVERS WORKERS SECONDS
    local name=$1 n=$2 workers=$3 seconds=$4 i options=(--media=off --rate-limits=off) of=() others
    dir=$(mktemp -d "${TMPDIR:-/tmp}/parley-bench.XXXXXX")
    trap finish EXIT
    trap 'exit 143' INT TERM HUP
    build/parley make-keys --keys "$dir/keys" >/dev/null
    if [ -n "${TEST_POSTGRES:-}" ]; then export PARLEY_STORE=$TEST_POSTGRES; fi
    if [ -n "${TEST_NATS:-}" ]; then export PARLEY_BUS=$TEST_NATS; fi
    for ((i = 1; i <= n; i++)); do
        build/parley serve --listen=127.0.0.1:0 "--node=n$i" "--data=$dir/$i" "--keys=$dir/keys" \
            "--workers=$workers" "${options[@]}" >"$dir/$i.out" 2>>"$logs/server.log" </dev/null &
        pids+=($!)
    done
    for ((i = 1; i <= n; i++)); do
        until [ -n "$(url_of "$i")" ]; do
            kill -0 "${pids[i - 1]}" 2>/dev/null || {
                say "a server does not start: see $logs/server.log"
                exit 1
            }
            sleep 0.05
        done
        of+=(--url "$(url_of "$i")")
    done
    others=$(pids_of_others)
    for i in "${pids[@]}" $others; do of+=(--pid "$i"); done
    say "$name: $n × --workers $workers"
    timeout $((seconds * 10 + 120)) build/parley-bench --json "${of[@]}" --data "$dir/keys" \
        --sessions $sessions --window $window --stored-per-conversation 10 --seconds "$seconds" \
        >"$logs/$name.json" 2>"$logs/$name.log" || {
        say "$name failed: see $logs/$name.log"
        exit 1
    }
}

# --- all of them ---------------------------------------------------------------------

setups=('sqlite-1 1 1' 'sqlite-2 1 2' 'postgres-1 1 1' 'postgres-3 3 1')

beside() { # beside NAME: what it runs beside
    case $1 in
    postgres-1) echo tests/support/postgres --durable -c shared_buffers=1GB -c max_wal_size=4GB ;;
    postgres-3)
        echo tests/support/postgres --durable -c shared_buffers=1GB -c max_wal_size=4GB \
            tests/support/nats
        ;;
    esac
}

run_all() { # run_all RUNS SECONDS
    local run name n workers
    for ((run = 1; run <= $1; run++)); do
        for setup in "${setups[@]}"; do
            read -r name n workers <<<"$setup"
            # shellcheck disable=SC2046 # words
            $(beside "$name") "${BASH_SOURCE[0]}" once "servers-$name-$run" "$n" "$workers" "$2"
        done
    done
}

show() { # show RUNS
    # shellcheck disable=SC2016 # it is JavaScript's
    node -e '
        const fs = require("fs");
        const [logs, runs, ...names] = process.argv.slice(1);
        const figures = [
            ["acknowledged a second", (r) => r.acked_per_s, 0],
            ["delivered a second", (r) => r.delivered_per_s, 0],
            ["µs of CPU a message, of all processes", (r) => r.server_cpu_us_per_message, 1],
            ["answer, ms, p50", (r) => r.ack_ms.p50, 1],
            ["answer, ms, p99", (r) => r.ack_ms.p99, 1],
            ["delivery, ms, p99", (r) => r.delivery_ms.p99, 1],
        ];
        const read = (name, run) =>
            JSON.parse(fs.readFileSync(`${logs}/servers-${name}-${run}.json`, "utf8"));
        const all = names.map((name) =>
            Array.from({ length: runs }, (_, i) => read(name, i + 1)));
        console.log(`| median of ${runs} (least – most) | ${names.join(" | ")} |`);
        console.log(`| --- |${" --- |".repeat(names.length)}`);
        for (const [what, of, decimals] of figures) {
            const cells = all.map((reports) => {
                const v = reports.map(of).sort((a, b) => a - b).map((x) => x.toFixed(decimals));
                return `${v[v.length - 1 >> 1]} (${v[0]} – ${v.at(-1)})`;
            });
            console.log(`| ${what} | ${cells.join(" | ")} |`);
        }
    ' "$logs" "$1" "${setups[@]%% *}"
}

if [ "$1" = once ]; then
    run_once "${@:2}"
    exit
fi
mkdir -p "$logs"
: >"$logs/server.log"
run_all "$1" "$2"
show "$1"
