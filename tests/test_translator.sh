#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train translator, eval translator, translate: digits into French words, in reverse order.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

# say: the language itself, lines of digits into lines of words
say() {
    awk 'BEGIN { split("zéro un deux trois quatre cinq six sept huit neuf", word) }
        {
            t = ""
            for (k = NF; k > 0; k--)
                t = t word[$k + 1] (k > 1 ? " " : "")
            print t
        }'
}

awk 'BEGIN {
    srand(7)
    for (i = 0; i < 1500; i++) {
        s = int(rand() * 10)
        for (k = int(rand() * 5); k > 0; k--)
            s = s " " int(rand() * 10)
        print s
    }
}' >digits
say <digits >words
paste digits words >pairs.tsv

sizes="--hidden 40 --embed 24 --lr 0.01 --batch 32 --dropout 0.1 --schedule cosine --period 800 --threads 1 --quiet"
split="--data pairs.tsv --tests 60 --valids 40"
train() {
    # shellcheck disable=SC2086
    run train translator $sizes --overwrite "$@"
}

# figure PART NAME FILE
figure() {
    tail -n 1 "$3" | sed -n "s/.*\"$1\": {\([^}]*\)}.*/\1/p" | sed -n "s/.*\"$2\": \([^,]*\).*/\1/p"
}

translate() {
    last="tapeloop translate $*"
    rc=0
    "$tool" translate "$@" >out 2>err || rc=$?
}

# --- Learns, is read again

train $split --epochs 20 --out m
is "trains" succeeded
is "prints one line" lines 1
is "prints an object" starts '{"task": "translator", "train": {"loss": .*}, "valid": {"loss": .*}, "test": {.*}.*}$'
is "prints JSON" json out
is "greedy translations of valid are right" same "$(figure valid bleu_greedy out)" 100.0
is "of test, too" same "$(figure test bleu_greedy out)" 100.0
is "and those of a beam" same "$(figure test bleu_beam out)" 100.0
is "valid is searched greedily only" [ -z "$(figure valid bleu_beam out)" ]
cp out first
# 14 symbols on both sides; encoder both ways, bridge, additive attention, decoder, output.
gru() {
    echo $((3 * $2 * ($1 + $2) + 4 * $2))
}
is "counts parameters" same "$(number params out)" \
    $((2 * 14 * 24 + 2 * $(gru 24 40) + 81 * 40 + 80 * 40 + 40 * 40 + 40 + 40 + $(gru 104 40) + 121 * 14))
run eval translator m/model.safetensors --data pairs.tsv --batch 7
is "evaluates" succeeded
for name in loss perplexity; do
    is "eval finds the $name of test again" close "$(figure test $name out)" "$(figure test $name first)" 1e-5
done
is "and BLEU" same "$(figure test bleu_beam out)" 100.0
is "eval leaves the train part out" holds '"train": null'
run eval translator m/model.safetensors --test-source digits --test-target words --beam 1
is "evaluates files" same "$(figure test bleu_greedy out)" 100.0
is "without a beam" [ -z "$(figure test bleu_beam out)" ]
run info m/model.safetensors
is "info tells what it is" holds '"additive"'

# --- translate

head -n 300 digits >some
head -n 300 words >right
translate m/model.safetensors <some
is "translates" succeeded
is "as it should be" cmp -s out right
translate m/model.safetensors --batch 1 --threads 2 --beam 1 <some
is "one by one and greedily, too" cmp -s out right
printf '1 2\t3\r\n\n  \n4 5' | translate m/model.safetensors
is "blanks, empty lines, no newline at the end" same "$(cat out; echo .)" "$(printf 'trois deux un\n\n\ncinq quatre\n.')"
: | translate m/model.safetensors
is "no lines, no lines" [ ! -s out ]
is "and no error" [ ! -s err ]

# A beam of 1 is greedy, of which the test's bleu_greedy is the sign, also of a model that does not know much.
train --train-source digits --train-target words --epochs 1 --max-steps 25 --valid-source some --valid-target right \
    --out dull
is "trains on files" succeeded
translate dull/model.safetensors --beam 1 <some
cp out greedy
translate dull/model.safetensors --beam 1 --batch 1 <some
is "batches change nothing" cmp -s out greedy
translate dull/model.safetensors --sample --temperature 0 <some
is "sampling at temperature 0 is greedy" cmp -s out greedy
translate dull/model.safetensors --sample --top-k 1 <some
is "and so is drawing among one" cmp -s out greedy
translate dull/model.safetensors --sample --seed 5 <some
is "samples" succeeded
is "something else" [ "$(cat out)" != "$(cat greedy)" ]
cp out drawn
translate dull/model.safetensors --sample --seed 5 --batch 3 --threads 2 <some
is "the same for a seed, whatever the batch" cmp -s out drawn
translate dull/model.safetensors --sample --seed 6 <some
is "and another for another" [ "$(cat out)" != "$(cat drawn)" ]

translate dull/model.safetensors --nbest 5 <some
is "prints n best" succeeded
is "5 for each" lines 1500
is "the best first, of lines in order, and none twice" awk -F '\t' '
    $1 != int((NR - 1) / 5) + 1 || NF != 3 || (NR % 5 != 1 && $2 > before) || seen[$1 "\t" $3]++ { exit 1 }
    { before = $2 }' out
cut -f 3 out | awk 'NR % 5 == 1' >best
translate dull/model.safetensors <some
is "the first is the one that is printed alone" cmp -s out best
printf '\n7\n' | translate dull/model.safetensors --nbest 2
is "an empty line has one" same "$(head -n 1 out)" "$(printf '1\t0\t')"
translate dull/model.safetensors --max-output 2 <some
is "--max-output" awk 'NF > 2 { exit 1 }' out
translate dull/model.safetensors --max-ratio 0.5 <some
is "--max-ratio" awk '{
    getline source <"some"
    n = split(source, s, " ") + 1
    if (NF > (n < 4 ? 1 : int(n / 2)))
        exit 1
}' out

# --- The picture

printf '1 2 3\n\n<&> 4\n' | translate m/model.safetensors --attention a.svg
is "draws" succeeded
is "and translates" same "$(head -n 1 out)" "trois deux un"
is "an SVG" holds '^<svg xmlns' a.svg
is "labels are escaped" holds '&lt;' a.svg
is "as is the ampersand" holds '&amp;' a.svg
is "no panel for an empty line" [ "$(grep -c 'font-weight' a.svg)" = 2 ]
is "a cell for each pair" [ "$(sed -n '/line 1</,/line 3</p' a.svg | grep -c '<title>')" = 16 ]
is "the cells of a word add up to 1" awk '/<title>trois/ { sub(".*: ", ""); sum += $0 }
    END { exit !(sum > 0.996 && sum < 1.004) }' a.svg
echo '0 1 2 3 4' | translate m/model.safetensors --attention long.svg
for pair in quatre/4 trois/3 deux/2 un/1 zéro/0; do
    is "${pair%/*} looks at its own digit most" awk -v pair="${pair%/*} / ${pair#*/}" -v row="<title>${pair%/*} /" '
        index($0, row) { value = $0; sub(".*: ", "", value); value += 0 }
        index($0, row) && index($0, pair) { own = value }
        index($0, row) && value > most { most = value }
        END { exit !(own > 0.4 && own == most) }' long.svg
done
cp a.svg b.svg
printf '1 2 3\n\n<&> 4\n' | translate m/model.safetensors --attention a.svg
is "the same again" cmp -s a.svg b.svg

# --- Every model trains and is read again

some="--train-source some --train-target right --valid-source some --valid-target right"
for model in "--attention none --cell lstm" "--attention dot --hidden 24 --encoder-hidden 12" \
    "--attention scaled_dot --heads 4" "--attention general --decoder-cell lstm --layers 2 --decoder-layers 1" \
    "--attention concat --heads 2 --attention-hidden 6" "--conv 3 --layers 2" \
    "--unidirectional --cell lstm --forget-bias 1 --start learned" "--zoneout 0.1 --recurrent-dropout 0.1 --tbptt 2" \
    "--label-smoothing 0.1 --teacher-rate 0.7" "--accumulate 3 --select loss --patience 1 --keep best" \
    "--tokens char --min-count 1 --max-length 40"; do
    # shellcheck disable=SC2086
    train $some --test-source some --test-target right --epochs 2 --hidden 16 --embed 8 --dropout 0.2 $model --out any
    is "trains with $model" succeeded
    cp out first
    run eval translator any/model.safetensors --test-source some --test-target right --batch 32 --threads 1
    is "$model: eval finds the loss" close "$(figure test loss out)" "$(figure test loss first)" 1e-5
    is "$model: and BLEU" same "$(figure test bleu_beam out)" "$(figure test bleu_beam first)"
    translate any/model.safetensors <some
    is "$model: translates" lines 300
done

# Smoothed labels are learned less sharply.
train $split --epochs 2 --out plain
cp out first
train $split --epochs 2 --label-smoothing 0.5 --out smooth
# more A B: B is larger
more() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b > a) }'
}
is "label smoothing raises the loss" more "$(figure test loss first)" "$(figure test loss out)"
train $split --epochs 2 --teacher-rate 0 --out own
is "without a teacher training is harder" more "$(figure train loss first)" "$(figure train loss out)"

# --- Goes on bit for bit

train $split --epochs 3 --teacher-rate 0.8 --out straight
for at in 1 40 41 90; do
    rm -rf split
    train $split --epochs 3 --teacher-rate 0.8 --out split --max-steps $at
    run train translator --quiet --resume --out split
    is "goes on after $at" succeeded
    is "to the same model" cmp -s straight/last.safetensors split/last.safetensors
done

# --- What is refused

small="--hidden 8 --embed 4 --epochs 1 --threads 1 --quiet --out none"
refused 'data FILE is missing' train translator --out none
refused 'exclude each other' train translator --data pairs.tsv --train-source some --train-target right --out none
refused 'train-target FILE is missing' train translator --train-source some --out none
refused 'train-source FILE and --train-target' train translator --test-source some --test-target right --out none
refused "'cosine' is none of none, dot" train translator --data pairs.tsv --attention cosine --out none
refused '--conv: .* no states' train translator --data pairs.tsv --conv 3 --zoneout 0.1 --out none
refused '--heads: there is no attention' train translator --data pairs.tsv --attention none --heads 2 --out none
head -n 299 right >short
refused 'some has 300 lines but short has 299' train translator --train-source some --train-target short $small
sed '7s/.*//' right >gap
refused 'gap:7: the target is empty' train translator --train-source some --train-target gap $small
sed '9s/\t/ /' pairs.tsv >columns.tsv
refused 'columns.tsv:9: 1 column found, 2 expected' train translator --data columns.tsv $small
: >nothing
refused 'nothing' train translator --data nothing $small
refused 'leave nothing to train on' train translator --data pairs.tsv --tests 5000 $small
refused 'absent' train translator --data absent $small
sed '12s/$/ 1 2 3 4 5 6 7 8 9/' some >long
too_long='long:12: a sentence of .* tokens; --max-length allows 8'
refused "$too_long" train translator --train-source long --train-target right --max-length 8 $small
refused "$too_long" eval translator m/model.safetensors --test-source long --test-target right --max-length 8
printf '1\n2\n1 2 3 4 5 6 7 8 9\n3\n' >lines
translate m/model.safetensors --max-length 8 <lines
is "a long line ends with 2" [ $rc -eq 2 ]
is "and says which" holds 'standard input:3: a sentence of 9 tokens; --max-length allows 8' err
is "after the answers before it" same "$(cat out)" "$(printf 'un\ndeux')"
printf '1\n2\n\377\n3\n' >lines
translate m/model.safetensors <lines
is "no UTF-8 ends with 2" [ $rc -eq 2 ]
is "names the line" holds 'standard input.*3' err
is "and answers those before it, too" same "$(cat out)" "$(printf 'un\ndeux')"
translate any/model.safetensors --nbest 9 <some
is "more than the beam" refusal 'nbest may not be more than --beam'
train --train-source some --train-target right --epochs 1 --attention none --out plain
translate plain/model.safetensors --attention a.svg <some
is "no attention to draw" refusal 'attention: the model has none'
translate m/model.safetensors --attention a.png <some
is "no picture of another kind" refusal 'ending must be .svg'
head -c 3000 m/model.safetensors >cut
translate cut <some
is "a cut model" refusal 'cut: '
translate m/model.safetensors --attention /nowhere/a.svg <some
is "nowhere to draw to" [ $rc -eq 2 ]
"$tool" translate m/model.safetensors <some >/dev/full 2>err
is "a full disk is an error" [ $? -eq 2 ]
# --- Its log

works plot smooth -o curves.gp
is "its log is drawn, with its scores" eval 'grep -q "^set title .loss" curves.gp &&
    grep -q "^set title .bleu_greedy" curves.gp &&
    grep -q "^set title .perplexity" curves.gp'
works watch --once smooth
is "and watched" starts 'smooth: translator, epoch'
train $split --epochs 2 --label-smoothing 0.5 --log-gradients --out grads
is "--log-gradients changes nothing of the model" cmp -s grads/model.safetensors smooth/model.safetensors
is "and tells of states over time" holds '"grad_by_step": {"encoder/layer=0/t=\*": \[[0-9.e-]*, ' grads/log.jsonl
is "of the decoder, too" holds '"decoder=\*/layer=0/t=0": \[[0-9.e-]*, ' grads/log.jsonl

finish
