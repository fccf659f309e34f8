#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs into an empty folder and builds the examples against what is there: one header, one library, one
# pkg-config file. Arguments: build directory, source directory, C compiler (one word or several).
set -eu
build=$1 source=$2
shift 2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR="$stage" ninja -C "$build" install >/dev/null
pc=$(find "$stage" -name tapeloop.pc)
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$stage"
lib=$(find "$stage" -name libtapeloop.so)
export LD_LIBRARY_PATH="${lib%/*}"

fail() {
    echo "FAILED: $*"
    echo "0%: Checks: $checks, Failures: 1, Errors: 0"
    exit 1
}

checks=0
for example in custom_cell custom_op long_loop slots stream tree; do
    checks=$((checks + 1))
    # shellcheck disable=SC2046
    "$@" -std=c11 -Wall -Wextra -Wpedantic -Werror "$source/tools/examples/$example.c" -o "$stage/$example" \
        $(pkg-config --cflags --libs tapeloop) -lm || fail "$example does not build"
    "$stage/$example" >"$stage/$example.out" || fail "$example does not run"
    cat "$stage/$example.out"
done

checks=$((checks + 1))
last=$(tail -n 1 "$stage/custom_cell.out" | sed 's/.*error //')
awk -v e="$last" 'BEGIN { exit !(e > 0 && e < 0.01) }' || fail "the custom cell learnt nothing: $last"

checks=$((checks + 1))
last=$(tail -n 1 "$stage/tree.out" | awk '{ print $3 }')
awk -v r="$last" 'BEGIN { exit !(r > 0.95 && r <= 1) }' || fail "the recursive net learnt nothing: $last"

# A stream whose parameters are trained between two calls: the second half is guessed well, the first is not.
checks=$((checks + 1))
awk '/^untrained/ { bad = $5 + 0 } /^trained/ { good = $5 + 0; lazy = $NF } END { exit !(bad > 0.05 && good > 0 && good < lazy / 20) }' \
    "$stage/stream.out" || fail "the stream is not guessed well"

# Without state Taipei is the same in both sentences; a recurrent net has read the verb.
checks=$((checks + 1))
city() { awk -v kind="$1" '/loss/ { on = index($0, kind) == 1 } on && /Taipei/ { print $2 }' "$stage/slots.out"; }
[ "$(city recurrent | tr '\n' ' ')" = "Taipei/destination Taipei/departure " ] &&
    [ "$(city without | wc -l)" -eq 2 ] && [ "$(city without | uniq | wc -l)" -eq 1 ] || fail "the slots are filled wrongly"

# d(cumsum(softsign(x)))/dx summed: (n - i) (1 - |y_i|)^2 at x = -2, -0.5, 1, 3
checks=$((checks + 1))
want="0.4444 1.3333 0.5000 0.0625"
got=$(sed 's/.*dL\/dx *//' "$stage/custom_op.out" | tr '\n' ' ' | sed 's/ $//')
[ "$got" = "$want" ] || fail "the custom op's gradient is $got, not $want"

# The same losses with checkpoints, in a quarter of the memory at most.
checks=$((checks + 1))
awk '/^step/ { loss[n++] = $4 } END { for (i = 0; i < 4; i++) bad += (loss[i] - loss[i + 4]) ^ 2 > 1e-6; exit bad || n != 8 }' \
    "$stage/long_loop.out" || fail "checkpoints changed the losses"
checks=$((checks + 1))
sed -n 's/.*holds \([0-9]*\) MiB/\1/p' "$stage/long_loop.out" | tr '\n' ' ' |
    awk '{ exit !($2 > 0 && 4 * $2 <= $1) }' || fail "checkpoints saved no memory"

# Nothing but the public interface is exported.
checks=$((checks + 1))
others=$(nm -D --defined-only "$lib" | awk '{ print $3 }' | grep -v '^tl_' || true)
[ -z "$others" ] || fail "exported without the prefix tl_: $others"
echo "100%: Checks: $checks, Failures: 0, Errors: 0"
