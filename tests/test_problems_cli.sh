#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands `problem` and `gradients` as a user meets them. Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

works problem adding --length 10 --steps 50 --threads 1
is "one line" lines 1
is "an object" starts '{"problem": "adding", "cell": "lstm", "hidden": 8, .*"test": {"mse": [0-9.e-]*}.*}$'
is "JSON" json out
is "progress ends with the last step" holds '^step 50/50  loss ' err
cp out first
works problem adding --length 10 --steps 50 --threads 1 --quiet
is "says nothing else where it is quiet" [ ! -s err ]
is "the same seed gives the same" same "$(sed 's/"seconds".*//' first)" "$(sed 's/"seconds".*//' out)"
works problem adding --length 10 --steps 50 --threads 1 --quiet --seed 2
is "another seed does not" [ "$(sed 's/.*"loss"//; s/,.*//' first)" != "$(sed 's/.*"loss"//; s/,.*//' out)" ]
for name in order reber copy; do
    works problem $name --length 12 --steps 3 --threads 1 --quiet --cell gru --hidden 4
    is "$name has figures from 0 to 1" starts ".*\"problem\": \"$name\".*\"test\": {\"[a-z]*\": [01][.0-9]*[,}]"
done
works --help
for word in problem gradients; do
    is "help lists $word" holds "tapeloop $word"
done
works problem adding --help
is "explains itself" holds 'Usage: tapeloop problem adding'
works problem adding --length 10 --steps 30 --threads 1 --quiet -o loss.gp
is "draws the loss" holds "title 'adding, length 10'" loss.gp
is "on a logarithmic axis" holds 'set logscale y' loss.gp
refused '\.svg' problem adding -o loss.jpeg
refused 'adding, order, reber, copy' problem
refused "'subtracting' is no problem; there are adding, order, reber, copy" problem subtracting
works problem --help
is "the problems are listed" holds '^  reber  *[A-Za-z]'
refused "--length: '1' is no" problem adding --length 1
refused "'more' is not an option" problem adding more
refused "--cell: 'perceptron' is none of" problem reber --cell perceptron

works gradients --length 200 --hidden 8 --threads 1
is "a line for each state" lines 4
is "JSON, infinity and all" json out
is "the newest state is itself" holds '"cell": "rnn", .*"t": \[0, 20, .* 200\], "log10_norm": \[.* 0.0\]}'
is "without clipping" holds '"clip": null'
is "a table on stderr" holds '^ *200  *0.00' err
works gradients --length 1000 --scale 8 --clip 1 --threads 1 --cell rnn
is "with and without clipping" lines 2
is "no NaN" eval '! holds nan out && ! holds nan err'
first() {
    sed -n "$1s/.*log10_norm\": \\[\\([^,]*\\),.*/\\1/p" out
}
is "explodes" awk -v x="$(first 1)" 'BEGIN { exit !(x > 38) }'
is "is bounded by clipping" awk -v x="$(first 2)" 'BEGIN { exit !(x <= 0.01 && x > -5) }'
works gradients --length 1000 --clip 1 --threads 1 --cell rnn
is "vanishes below all floats" awk -v x="$(first 1)" 'BEGIN { exit !(x < -100) }'
is "which clipping does not help" same "$(first 1)" "$(first 2)"
works gradients --length 1000 --threads 1 --cell lstm --forget-bias 5
is "but an open gate does" awk -v x="$(first 1)" 'BEGIN { exit !(x > -5) }'

refused "--cell: 'perceptron' is none of" gradients --cell rnn,perceptron
refused '--cell: no cell' gradients --cell ,
refused '\.svg' gradients -o x.jpeg
refused 'rnn_relu: the state at t = [0-9]* is no finite number' gradients --cell rnn_relu --scale 100
works gradients --length 5 --hidden 2 --threads 1 -o curve.gp
is "writes what gnuplot reads" holds "title 'gru h'" curve.gp
last="tapeloop gradients -o y.svg, without gnuplot"
rc=0
PATH=/nowhere "$tool" gradients --length 5 --hidden 2 --threads 1 -o y.svg >out 2>err || rc=$?
is "gnuplot is named where it is missing" eval '[ $rc -eq 2 ] && holds "gnuplot-nox" err'
is "and there is no picture" [ ! -e y.svg ]
if command -v gnuplot >/dev/null; then
    for type in svg png pdf; do
        works gradients --length 30 --hidden 4 --clip 1 --threads 1 -o "it's.$type"
        is "draws $type" [ "$(wc -c <"it's.$type")" -gt 3000 ]
    done
    is "an SVG" holds '<svg' "it's.svg"
    is "names curves" holds 'lstm c clip' "it's.svg"
    is "a PNG" eval 'head -c 4 "it'"'"'s.png" | grep -q PNG'
    is "a PDF" eval 'head -c 4 "it'"'"'s.pdf" | grep -q %PDF'
fi

finish
