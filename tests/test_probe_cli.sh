#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tapeloop probe as a user meets it, for models of every task. Arguments: the tapeloop program, the source directory,
# the program npy_text.
npy=$3
case $npy in /*) ;; *) npy=$PWD/$npy ;; esac
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt

# look ARGS...: probe a model
look() {
    works probe "$@"
}

# --- A language model

works train lm --data "$book" --limit 3000 --split 100,0,0 --batch 4 --length 16 --epochs 1 --threads 1 --quiet --embed 4 --hidden 6 \
    --layers 2 --out lm
m=lm/model.safetensors

look $m --text "The time" --list
for name in input forget new output memory hidden; do
    is "$name of the first layer is listed" holds "^layer=0/t=\*/$name  *8 steps x 6 units$"
    is "and of the second" holds "^layer=1/t=\*/$name "
done
is "and what it puts out" holds '^probabilities  *8 positions x [0-9]* symbols$'
look $m --text "The time" --list --nodes 'l1/*/[io]*put'
is "patterns choose" lines 2
look $m --text "The time" --list --nodes '**/forget' --nodes 'layer=0/**'
is "several, each node once" lines 7

look $m --text "The time" --nodes 'l0/*/forget' --units 0:3,-1
is "a table" starts 'layer=0/t=\*/forget$'
is "of those units" [ "$(grep -c '^ *[0-9] [ 0-9]*$' out)" -eq 4 ]
is "with blanks that can be seen" holds 'T h e ␣ t i m e'
is "and no colours" [ "$(tr -cd '\033' <out | wc -c)" -eq 0 ]
cp out table
printf 'The time\n' >text
last="tapeloop probe < text"
"$tool" probe $m --nodes 'l0/*/forget' --units 0:3,-1 <text >out 2>err
is "the text from standard input" cmp -s out table
look $m --text "The time" --nodes 'l0/*/forget' --units 0:3,-1 --color always
is "colours when they are asked for" [ "$(tr -cd '\033' <out | wc -c)" -gt 0 ]
sed 's/\x1b\[[0-9;]*m//g' out >plain
is "the digits stay" cmp -s plain table
if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1; then
    command="$tool probe $m --text 'The time' --nodes 'l0/*/forget' --units 0:3,-1"
    TERM=xterm script -qec "$command" /dev/null </dev/null >out
    is "colours in a terminal" [ "$(tr -cd '\033' <out | wc -c)" -gt 0 ]
    NO_COLOR=1 TERM=xterm script -qec "$command" /dev/null </dev/null >out
    is "but not with NO_COLOR" [ "$(tr -cd '\033' <out | wc -c)" -eq 0 ]
fi

look $m --text "The time" --stats
is "figures of all gates and states" lines 12
is "as JSON" json out
is "of gates" starts '{"node": "layer=0/t=\*/input", "symbols": 8, "units": 6, "mean": 0.*, "left_saturated": 0.*}$'
look $m --text "The time" --stats --nodes logits
is "saturation is of what is bounded" holds '"left_saturated": null, "right_saturated": null}$'

look $m --text "The time" --nodes 'l0/*/memory' --nodes 'l0/*/forget' -o a.svg
is "an SVG" holds '^<svg xmlns' a.svg
is "a panel for each node" [ "$(grep -c 'font-weight' a.svg)" = 2 ]
is "a cell for each unit and symbol" [ "$(grep -c '<title>' a.svg)" = 96 ]
look $m --text "The time" --nodes 'l0/*/memory' --nodes 'l0/*/forget' -o b.svg --threads 2
is "the same again" cmp -s a.svg b.svg
look $m --text "The time" --nodes 'l0/*/forget' --wrap 3 --top 2 -o b.svg
is "parts of a long text" [ "$(grep -c '<title>' b.svg)" = 16 ]
is "their columns are equally many" [ "$(grep -c 'stroke="#888"' b.svg)" = 4 ]
if command -v rsvg-convert >/dev/null; then
    look $m --text "The time" -o a.png
    is "a PNG" [ "$(head -c 4 a.png | tail -c 3)" = PNG ]
    look $m --text "The time" -o a.pdf
    is "a PDF" [ "$(head -c 4 a.pdf)" = %PDF ]
fi
rc=0
PATH=/nowhere "$tool" probe $m --text "The" -o none/x.png >out 2>err </dev/null || rc=$?
is "without the program it says what is missing" refusal 'rsvg-convert.*librsvg2-bin'

look $m --text "The time" --nodes 'l0/*/forget' -o a.npy
is "an array" [ -s a.npy ]
is "tells its axes" starts '{"output": "a.npy", "arrays": \[{"name": "layer=0/t=\*/forget", "axes": \["text", "units"\], "shape": \[8, 6\]}\]}$'
"$npy" print a.npy >numbers
is "of the numbers that are drawn" awk '
    FNR == NR { for (k = 1; k <= 3; k++) digit[k, NR] = substr($k, 3, 1); next }
    $1 ~ /^[0-9]+$/ && $1 < 3 { rows++; for (t = 1; t <= 8; t++) if ($(t + 1) != digit[$1 + 1, t]) exit 1 }
    END { exit rows != 3 }' numbers table
look $m --text "The time" -o a.npz
is "all arrays" holds '"name": "layer=1/t=\*/hidden".*"name": "text.ids".*"name": "text.starts"'
is "as JSON" json out
look $m --text "The time" -o b.npz --threads 2
is "the same again" cmp -s a.npz b.npz

refused "nothing has this name; near are layer=0/t=\*/forget, .*--list shows all" probe $m --text ab --nodes 'l0/*/forgot' -o none/x.svg
refused "near are layer=0/t=\*/forget, layer=1/t=\*/forget" probe $m --text The --nodes forget -o none/x.svg
refused 'no values over the symbols' probe $m --text The --nodes '**/rnn.l0.w' -o none/x.svg
refused "'ß', 'ü' are not in the model's vocabulary of [0-9]* symbols" probe $m --text "a ßüß" -o none/x.svg
refused 'nothing to read' probe $m --text "" -o none/x.svg
refused 'valid UTF-8' probe $m --text "$(printf 'a\377')" -o none/x.svg
refused 'ending must be .svg, .png, .pdf, .npz or .npy' probe $m --text a -o none/x.gif
refused 'holds one node, but 12 match' probe $m --text a -o none/x.npy
refused "there are the units 0 to 5" probe $m --text a --units 0:7 -o none/x.svg
refused "a list like 0:16" probe $m --text a --units a
refused 'exclude each other' probe $m --text a --units 0 --top 3
refused 'exclude each other' probe $m --text a --list --stats
refused '--target is for translators' probe $m --text a --target b
refused 'reads a text, no --x' probe $m --text a --x a.npy
refused 'No such file' probe none.safetensors --text a
refused 'say which model' probe --text a
head -c 20001 /dev/zero | tr '\0' a >long
rc=0
"$tool" probe $m <long >out 2>err || rc=$?
is "too long a text" refusal '20001 symbols are too many to look at, the most are 20000'
rc=0
head -c 4 /dev/zero | "$tool" probe $m >out 2>err || rc=$?
is "no text" refusal 'NUL'
head -c 19000 "$book" | tr -dc 'etaoin shr' | head -c 12000 >long
last="tapeloop probe < long"
rc=0
"$tool" probe $m -o none/x.svg <long >out 2>err || rc=$?
is "too large a picture" refusal 'more than 400000 cells: choose fewer nodes'

# --- Others

printf 'one two three\nthree one\ntwo two one\n' >words
printf 'odd even odd\nodd odd\neven even odd\n' >tags
works train tagger --train-tokens words --train-tags tags --bidirectional --hidden 3 --embed 2 --epochs 1 --threads 1 \
    --quiet --cell gru --out tg
look tg/model.safetensors --text "one five two" --nodes 'l0/r/*/update'
is "words stand in rows" holds '^ one  [0-9] [0-9]'
is "a word that is not known is read as <unk>" holds "'five' is not in the model's vocabulary and read as <unk>" err
printf 'odd\tone two three\neven\tthree one\nodd\ttwo two one\n' >labelled.tsv
works train classifier --train labelled.tsv --hidden 3 --embed 2 --epochs 1 --threads 1 --quiet --cell lstm_peephole \
    --unit char --out cl
look cl/model.safetensors --text "one two" --nodes 'l0/*/input' --stats
is "a classifier of characters" holds '"symbols": 7, "units": 3'
paste words tags >pairs.tsv
for attention in none additive; do
    works train translator --train-source words --train-target tags --attention $attention --hidden 4 --embed 2 \
        --epochs 1 --threads 1 --quiet --out tr-$attention
    look tr-$attention/model.safetensors --text "one two" --target "odd even" --list
    is "the encoder reads two words and </s>" holds '^encoder/layer=0/reverse/t=\*/hidden  *3 steps'
    is "the decoder writes the target ($attention)" holds '^decoder.*layer=0/.*/hidden  *3 steps'
done
is "weights of the attention" holds '^decoder=\*/attention/weights  *3 steps x 3 source x 1 head$'
look tr-additive/model.safetensors --text "one two three" --nodes '**/weights' -o w.svg
is "columns are source words" [ "$(grep -c '<title>[^/]* / three:' w.svg)" -ge 1 ]
works train lm --data "$book" --model hmm --states 3 --limit 3000 --batch 4 --length 16 --epochs 1 --threads 1 --quiet \
    --out hmm
look hmm/model.safetensors --text "The" --nodes '*/state'
is "states of a hidden Markov model" holds '^3 units; mean 0.333'

awk 'BEGIN { for (i = 0; i < 96; i++) print i % 5 / 4 }' | "$npy" pack '<f4' '(8, 12)' x.npy
works train series --train-x x.npy --autoregressive 0 --hidden 3 --epochs 1 --threads 1 --quiet --out series
look series/model.safetensors --x x.npy --row 7 --nodes 'l0/*/hidden'
is "steps of a series" holds '^11  *-*[0-9]-* *[0-9]-* *[0-9]$'
refused 'holds 8 series' probe series/model.safetensors --x x.npy --row 8
refused 'a model of series reads --x' probe series/model.safetensors --text a

finish
