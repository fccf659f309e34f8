# SPDX-License-Identifier: Apache-2.0
# What the tests of the command share, to be sourced: running it in a directory of its own, checks, counting.
set -u
export LC_ALL=C OMP_WAIT_POLICY=passive
unset TL_THREADS
tool=$1
case $tool in /*) ;; *) tool=$PWD/$tool ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1

checks=0 failures=0 rc=0
: >out
: >err

# is WHAT CONDITION...: one check
is() {
    what=$1
    shift
    checks=$((checks + 1))
    "$@" && return
    failures=$((failures + 1))
    {
        echo "FAILED: $what"
        echo "    last run: $last"
        echo "    exit $rc, stdout: $(head -c 200 out | tr '\000\n' '?~')"
        echo "    stderr: $(head -c 700 err | tr '\000\n' '?~')"
    } | tr -c '[:print:]\n' '?'
}

# run ARGS...: the program; its streams go to out and err, its exit code to rc
run() {
    last="tapeloop $*"
    rc=0
    rm -rf none
    "$tool" "$@" >out 2>err </dev/null || rc=$?
}

succeeded() {
    [ "$rc" -eq 0 ] && ! grep -q -e Sanitizer -e 'runtime error' err
}

# Exit code 2, a sentence on stderr that matches, stdout empty, and nothing in the directory "none".
refusal() {
    [ "$rc" -eq 2 ] && [ ! -s out ] && [ ! -e none ] && grep -Eqe "$1" err && head -n 1 err | grep -q '^tapeloop' &&
        ! grep -q -e Sanitizer -e 'runtime error' err
}

# refused PATTERN ARGS...
refused() {
    pattern=$1
    shift
    run "$@"
    is "refused with /$pattern/" refusal "$pattern"
}

works() {
    run "$@"
    is "runs" succeeded
}

holds() {
    grep -qe "$1" "${2:-out}"
}

starts() {
    head -n 1 "${2:-out}" | grep -q "^$1"
}

lines() {
    [ "$(wc -l <"${2:-out}")" -eq "$1" ]
}

number() {
    tail -n 1 "$2" | sed -n "s/.*\"$1\": \\([0-9.e+-]*\\)[,}].*/\\1/p"
}

# close A B TOLERANCE
close() {
    awk -v a="$1" -v b="$2" -v e="$3" 'BEGIN { exit !(a != "" && b != "" && a - b <= e && b - a <= e) }'
}

same() {
    [ "$1" = "$2" ] && [ -n "$1" ]
}

json() {
    ! command -v jq >/dev/null || jq -e . "$1" >/dev/null
}

# The last line of a test: its result.
finish() {
    percent=$(((checks - failures) * 100 / checks))
    echo "$percent%: Checks: $checks, Failures: $failures, Errors: 0"
    [ "$failures" -eq 0 ]
}
