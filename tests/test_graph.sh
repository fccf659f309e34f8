#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tapeloop graph: every task's model, new and saved, with what can be asked of a drawing, and nonsense.
# Arguments: the tapeloop program, the source directory, the program npy_text.
npy=$3
case $npy in /*) ;; *) npy=$PWD/$npy ;; esac
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
have_dot=$(command -v dot)

# drawn ARGS...: a drawing that Graphviz reads, the same twice
drawn() {
    works graph "$@"
    is "it is a graph" holds '^digraph '
    is "of at most 5000 lines" [ "$(wc -l <out)" -le 5000 ]
    cp out once
    works graph "$@"
    is "the same twice" cmp -s out once
    [ -z "$have_dot" ] || is "Graphviz reads it" dot -Tcanon -o canon out
}

# at_once ARGS...: Graphviz lays it out; the limit is far above what it takes, but not above what a knot would
at_once() {
    [ -z "$have_dot" ] || works graph "$@" -o at_once.svg --time-limit 30
    drawn "$@"
}

boxes() {
    grep -c 'label=' out
}

# --- New models of every task

for length in 3 100 1000 10000; do
    at_once lm --length $length
    is "its title" holds "lstm language model, 1 layer of 256; T=$length H=256 E=64 V=65"
done
at_once lm --cell gru --layers 3 --bidirectional --length 200
is "both directions" holds 'reverse'
is "three layers" holds 'layer=2'
at_once translator --length 40 --target-length 41
is "encoder and decoder" eval 'holds encoder && holds decoder && holds attention'
at_once translator --conv 3 --attention none
at_once tagger --length 20
at_once classifier --pool max --length 20 --batch 3
at_once series --length 30
at_once series --autoregressive 0 --length 10
at_once series --autoregressive 4 --linear --length 10
at_once lm --model markov --order 2
at_once lm --model hmm --states 4 --length 30
at_once lm --checkpoint 5 --length 20 --both
drawn lm --dropout 0.5 --layers 2 --zoneout 0.1 --length 4 --fold none
is "dropout, as in training" holds dropout
refused 'n-gram' graph lm --model ngram
run graph lm --seed 1 --cell rnn --text "abracadabra"
cp out one
run graph lm --seed 2 --cell rnn --text "abracadabra"
is "weights do not show in a drawing" cmp -s out one

# --- What is drawn of it

net="lm --cell rnn --hidden 8 --embed 4 --length 6"
# shellcheck disable=SC2086
{
    drawn $net --fold none
    all=$(boxes)
    drawn $net --fold op-groups
    groups=$(boxes)
    drawn $net --fold cell
    cells=$(boxes)
    drawn $net --fold layer
    is "a layer is less than its steps" [ "$(boxes)" -lt "$cells" ]
    is "these are less than groups of operations" [ "$cells" -lt "$groups" ]
    is "these less than all" [ "$groups" -lt "$all" ]
    drawn $net --fold none --steps 0:2,-1
    is "steps are left out" eval '[ "$(boxes)" -lt "$all" ] && holds "x 3 "'
    drawn $net --fold cell --expand 'l0/t3'
    is "what is expanded has its operations" eval 'holds matmul && holds "t=2"'
    drawn $net --forward
    is "no gradients" eval '! holds "d rnn.l0.u"'
    drawn $net --backward
    is "gradients" holds 'd rnn.l0.u'
    is "without the way to the loss" eval '! holds "layer_0.*logits"'
    drawn $net --both
    is "both" eval 'holds "d rnn.l0.u" && holds logits'
    drawn $net --direction TB
    is "top to bottom" holds 'rankdir=TB'
    works graph $net --legend
    cp out with
    works graph $net
    is "a legend is more" [ "$(wc -c <with)" -gt "$(wc -c <out)" ]
    works graph $net --no-shapes
    is "no shapes" eval '! holds "(1, H)"'
    for show in shape value grad bytes plan; do
        drawn $net --show $show --threads 1
        is "--show $show colours" holds fillcolor
    done
    works graph $net --show time --threads 1
    is "--show time" holds fillcolor
    works graph $net --show grad --both --threads 1
}

# --- Saved models, and what they read

head -c 6000 "$2/tools/data/timemachine.txt" >text
printf 'fly to rome\nto rome\nfly from oslo to rome\n' >words
printf 'O O B\nO B\nO O B O B\n' >tags
printf 'good\tnice and fine\nbad\tnot so nice\ngood\tfine\n' >labelled
printf 'go .\tva !\nrun .\tcours !\ngo on .\tva encore !\nstop .\tarrete !\nrun on .\tcours encore !\n' >pairs
awk 'BEGIN { for (i = 0; i < 24; i++) print i % 5 }' >x.txt
awk 'BEGIN { for (i = 0; i < 4; i++) print i % 2 }' >y.txt
"$npy" pack '<f4' '(4, 3, 2)' x.npy <x.txt
"$npy" pack '<i4' '(4,)' y.npy <y.txt
tiny="--hidden 4 --epochs 1 --batch 2 --threads 1 --quiet"
# shellcheck disable=SC2086
{
    works train lm --data text --embed 4 --length 8 $tiny --out lm
    works train tagger --train-tokens words --train-tags tags --embed 4 $tiny --out tagger
    works train classifier --train labelled --embed 4 $tiny --out classifier
    works train translator --data pairs --valids 1 --tests 1 --min-count 1 --embed 4 $tiny --out translator
    works train series --train-x x.npy --train-y y.npy $tiny --out series
}
for task in lm tagger classifier translator series; do
    drawn $task/model.safetensors
    drawn $task/model.safetensors --both --length 4 --batch 2
    drawn $task/model.safetensors --show grad --threads 1
done
drawn lm/model.safetensors --text "The time"
is "as long as the text" holds 'T=7 '
drawn lm/model.safetensors --text "The time" --length 3
is "or shorter" holds 'T=3 '
drawn lm/model.safetensors --data text --length 30
drawn tagger/model.safetensors --text "fly to oslo"
drawn tagger/model.safetensors --data words
drawn classifier/model.safetensors --text "fine and not nice"
drawn translator/model.safetensors --text "go on ." --target "va !"
is "both with their ends" eval 'holds "S=4 " && holds "T=3 "'
drawn series/model.safetensors --data x.npy
is "of three steps" holds 'T=3 '
drawn series --data x.npy --autoregressive 0
is "of two numbers" holds 'D=2'
drawn lm --text "abracadabra"
is "five letters" holds 'V=5'
drawn translator --text "a b c" --target "d e"
refused "the position|U\+|'~'|is none|not in" graph lm/model.safetensors --text "~~~"
refused 'too short' graph lm/model.safetensors --text "T"
refused 'too short' graph lm --text ""
refused 'UTF-8' graph lm --text "$(printf 'ab\377')"
refused 'no text' graph series/model.safetensors --text "a"
refused '--target is for translators' graph lm --target x
refused 'exclude' graph lm --text a --data text
refused 'nothing.txt' graph lm --data nothing.txt
refused 'words' graph series --data words
refused 'own cell and sizes' graph lm/model.safetensors --cell gru
refused "unrecognized option '--order'|order" graph tagger --order 3

# --- Nonsense

refused "--fold: 'x' is none of auto, none, op-groups, cell, layer" graph lm --fold x
refused "--show: .*'x'.*shape, value, grad" graph lm --show x
refused "--direction: 'up' is neither LR nor TB" graph lm --direction up
refused '"abc"' graph lm --steps abc
refused 'there are the steps 0 to 2' graph lm --steps 0,3:5
refused 'there are the steps 0 to 4' graph translator --length 3 --target-length 5 --steps 9
drawn translator --length 3 --target-length 5 --steps 4
refused 'no scope.*nowhere.*there are layer=0$' graph lm --expand 'nowhere/*'
refused 'l9.*; there are layer=0, layer=1$' graph lm --layers 2 --expand l9
refused 't=5.*; there are layer=1/t=0, layer=1/t=1$' graph lm --layers 2 --length 2 --expand l1/t=5
works graph lm --show value --legend
is "the legend has magnitudes" eval "! grep 'mean magnitude</td>' out | grep -q '>-[0-9]'"
refused '--time-limit' graph lm --time-limit 0
refused "'b' is too many" graph lm b
refused 'what to draw' graph
refused 'bidirectional|predict' train lm --data text --bidirectional --out none
refused '\.svg, \.png, \.pdf' graph lm -o x.jpg
refused '/nowhere/x\.dot' graph lm -o /nowhere/x.dot
refused '/nowhere/x\.svg|graphviz' graph lm -o /nowhere/x.svg
mkdir slow
printf '#!/bin/sh\nexec sleep 60\n' >slow/dot
chmod +x slow/dot
last="tapeloop graph lm -o z.svg, with a slow dot"
rc=0
PATH=$PWD/slow:$PATH "$tool" graph lm -o z.svg --time-limit 1 >out 2>err || rc=$?
is "a time limit" refusal 'dot did not end within 1 second; .*--fold.*--time-limit'
is "and no picture" [ ! -e z.svg ]
rc=0
PATH=/nowhere "$tool" graph lm -o z.svg >out 2>err || rc=$?
is "graphviz is named where it is missing" refusal 'graphviz.*Without -o'
if [ -e /dev/full ]; then
    rc=0
    "$tool" graph lm >/dev/full 2>err || rc=$?
    : >out
    is "a full disk is told" refusal 'written|space'
fi

finish
