#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tapeloop graph draws the library's models with the same bytes whatever compiler built it: a few drawings are stored
# whole, of all others there are the sums in tests/fixtures/draw/models.txt. TL_DRAWINGS=tests/fixtures/draw makes
# them anew (its full path); before that, two compilers' drawings of a changed model are to be compared.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
stored=$2/tests/fixtures/draw
case $stored in /*) ;; *) stored=$OLDPWD/$stored ;; esac
keep=${TL_DRAWINGS:-}

# draws ARGS...: every op and step, small
draws() {
    works graph "$@" --fold none --steps : --batch 2
}

# whole NAME ARGS...
whole() {
    name=$1
    shift
    draws "$@" --hidden 4
    [ -z "$keep" ] || cp out "$keep/$name.dot"
    is "as stored in $name.dot" cmp "$stored/$name.dot" out
}

whole gru_both lm --cell gru --length 2 --both
whole tagger tagger --cell mgu --dropout 0.1 --length 2
whole attention translator --cell lstm --attention additive --length 2 --target-length 2

[ -z "$keep" ] || : >"$keep/models.new"
while read -r sum arguments; do
    # shellcheck disable=SC2086
    draws $arguments --length 3 --both
    now=$(cksum <out | cut -d ' ' -f 1)
    [ -z "$keep" ] || echo "$now $arguments" >>"$keep/models.new"
    is "its sum is the stored one" same "$now" "$sum"
done <"$stored/models.txt"
[ -z "$keep" ] || mv "$keep/models.new" "$keep/models.txt"

finish
