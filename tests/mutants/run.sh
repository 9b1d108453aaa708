#!/usr/bin/env bash
# usage: tests/mutants/run.sh [NAME]...
#
# Each tests/mutants/NAME.patch breaks one promise of docs/delivery-contract.md, as a mistake
# might. It is applied to a copy of the sources, built, and the suite that it names must fail,
# and say why. Before that, each of these suites passes on the copy as it is. A patch begins with
#
#   Caught by: sim | power NAME | unit NAME | conformance NAME | fault ROWS
#              | cluster ROWS, which takes root
#   Says: a part of a line that the suite writes then; of several such lines one will do
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
root=$PWD
copy=$root/build/mutants
logs=$copy/logs
limit=600 # seconds that a suite may take
passed=0 failed=0
# A mutant that takes the full figures of the other suites to be found is not found.
unset POWER_EVERY ALLOC_STRIDE CUT_STEP SIM_SEEDS CLUSTER_KILLS CLUSTER_CUTS SEED

fail() { # fail WHAT LOG
    echo "not ok $1"
    tail -n 15 "$2" | sed 's/^/    /'
    failed=$((failed + 1))
}

field() { # field PATCH NAME
    sed -n "s/^$2: //p" "$1"
}

target() { # target SUITE...
    case $1 in
    sim) echo sim ;;
    power) echo "power_$2" ;;
    unit) echo "test_$2" ;;
    conformance) echo "conformance_$2" ;;
    fault | cluster) echo parley ;;
    *) echo "no suite is called $1" >&2; return 1 ;;
    esac
}

run_suite() { # run_suite SUITE...
    case $1 in
    sim)
        # One seed of a hundred finds the rarest of them; most are found by the first few.
        local first
        for first in 1 61 121 181 241; do
            "$copy/build/sim" --seed $first --seeds 60 || return
        done
        ;;
    unit | conformance | power) CMOCKA_MESSAGE_OUTPUT=TAP TESTS_OF=$copy/src "$copy/build/$(target "$@")" ;;
    cluster) PARLEY=$copy/build/parley node "$root/tests/fault/nodes.mjs" --only "${*:2}" ;;
    fault) KILLS=8 PARLEY=$copy/build/parley node "$root/tests/fault/run.mjs" --only "${*:2}" ;;
    esac
}

build() { # build TARGET
    meson compile -C "$copy/build" "$1"
}

# Is it said, and was that a failure?
is_caught() { # is_caught LOG SAYS SUITE...
    local log=$1 says=$2
    shift 2
    # As a job: what it has begun ends with it.
    timeout --kill-after=10 $limit bash -c "$(declare -f target run_suite); root=$root copy=$copy;
        run_suite $(printf '%q ' "$@")" >>"$log" 2>&1 && return 1
    grep -qF -- "$says" "$log"
}

mutate() { # mutate PATCH
    local patch=$1 name suite says log
    name=$(basename "$patch" .patch)
    log=$logs/$name.log
    read -ra suite <<<"$(field "$patch" 'Caught by')"
    says=$(field "$patch" Says)
    if [ ${#suite[@]} -eq 0 ] || [ -z "$says" ]; then
        fail "$name: it does not say what catches it" "$patch"
        return
    fi
    if ! git apply --directory=build/mutants/src "$patch" >"$log" 2>&1; then
        fail "$name: it does not apply" "$log"
    elif ! build "$(target "${suite[@]}")" >>"$log" 2>&1; then
        fail "$name: it does not compile" "$log"
    elif is_caught "$log" "$says" "${suite[@]}"; then
        echo "ok $name: caught by ${suite[*]}"
        passed=$((passed + 1))
    else
        fail "$name: ${suite[*]} does not say \"$says\"" "$log"
    fi
    copy_sources
}

# Only what differs is written, so that only that is built again.
copy_sources() {
    git ls-files -z --cached --others --exclude-standard -- src bench tests/cost tests/sim tests/unit \
        tests/conformance tests/support tests/power tests/fault tests/migrate tests/fuzz/*.c tools web/dist \
        meson.build meson_options.txt |
        while IFS= read -r -d '' file; do
            cmp -s "$file" "$copy/src/$file" && continue
            mkdir -p "$copy/src/$(dirname "$file")"
            cp "$file" "$copy/src/$file"
        done
}

control() { # control SUITE...
    local log=$logs/control.log
    if ! build "$(target "$@")" >"$log" 2>&1; then
        fail "without a mutant: it does not compile" "$log"
    elif run_suite "$@" >>"$log" 2>&1; then
        echo "ok without a mutant, $* passes"
        passed=$((passed + 1))
    else
        fail "without a mutant, $* fails" "$log"
    fi
}

patches=(tests/mutants/*.patch)
if [ $# -gt 0 ]; then
    patches=("${@/#/tests/mutants/}")
    patches=("${patches[@]/%/.patch}")
fi
mkdir -p "$logs"
copy_sources
if ! [ -f "$copy/build/build.ninja" ]; then
    meson setup "$copy/build" "$copy/src" -Dtests=enabled >"$logs/setup.log" 2>&1 ||
        { fail 'meson setup' "$logs/setup.log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
fi
mapfile -t suites < <(for patch in "${patches[@]}"; do field "$patch" 'Caught by'; done | sort -u)
for suite in "${suites[@]}"; do
    read -ra words <<<"$suite"
    control "${words[@]}"
done
for patch in "${patches[@]}"; do
    mutate "$patch"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
