#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command as a user meets it: what it prints and writes, and what it says to nonsense.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt

# score PART FILE: the loss; perplexity PART FILE
score() {
    tail -n 1 "$2" | sed -n "s/.*\"$1\": {\"loss\": \\([^,]*\\), \"perplexity\": [^}]*}.*/\\1/p"
}

perplexity() {
    tail -n 1 "$2" | sed -n "s/.*\"$1\": {\"loss\": [^,]*, \"perplexity\": \\([^}]*\\)}.*/\\1/p"
}

differ() {
    ! cmp -s "$1" "$2"
}

# The code points of a file: the bytes that continue none.
characters() {
    tr -d '\200-\277' <"$1" | wc -c | tr -d ' '
}

# A run of a moment.
tiny="--limit 600 --hidden 8 --embed 4 --epochs 1 --batch 4 --length 16 --threads 1"
train() {
    # shellcheck disable=SC2086
    run train lm --data "$book" $tiny --overwrite "$@"
}

# --- What training prints and writes

train --limit 6000 --hidden 32 --embed 16 --epochs 2 --batch 8 --length 32 --out m
is "trains" succeeded
is "prints one line" lines 1
is "prints an object" starts '{"task": "lm", "train": {"loss": [0-9.]*, "perplexity": [0-9.]*}, "valid": {.*}, "test": {.*}.*}$'
is "prints JSON" json out
for key in tok_per_s seconds epochs params; do
    is "tells $key" awk -v x="$(number $key out)" 'BEGIN { exit !(x > 0) }'
done
is "counts epochs" same "$(number epochs out)" 2
is "names the model" holds '"model": "m/model.safetensors"'
is "counts parameters" same "$(number params out)" $((61 * 16 + (16 + 32 + 1) * 4 * 32 + 33 * 61))
for part in train valid test; do
    loss=$(score $part out)
    is "loss of $part is that of text" awk -v x="$loss" 'BEGIN { exit !(x > 2 && x < 4.2) }'
    is "perplexity of $part is exp(loss)" close 1 \
        "$(awk -v l="$loss" -v p="$(perplexity $part out)" 'BEGIN { print exp(l) / p }')" 1e-5
done
is "progress is plain lines" holds '^epoch 2/2  loss ' err
is "progress returns no carriage" [ "$(tr -dc '\r\033' <err | wc -c)" -eq 0 ]
is "logs a line an epoch" lines 2 m/log.jsonl
is "logs epochs in order" [ "$(sed 's/^{"epoch": \([0-9]*\), .*}$/\1/' m/log.jsonl | tr '\n' ' ')" = "1 2 " ]
is "logs JSON" json m/log.jsonl
for key in grad_norm lr seconds tok_per_s; do
    is "logs $key" awk -v x="$(number $key m/log.jsonl)" 'BEGIN { exit !(x > 0) }'
done
is "logs what it prints" same "$(score train m/log.jsonl) $(score valid m/log.jsonl)" "$(score train out) $(score valid out)"
is "leaves no other file" [ "$(echo m/*)" = \
    "m/best.safetensors m/last.safetensors m/log.jsonl m/model.safetensors m/progress.jsonl" ]
cp out first

run eval lm m/model.safetensors --threads 1
is "evaluates" succeeded
is "eval prints one line" lines 1
is "eval prints JSON" json out
for part in valid test; do
    is "eval finds the loss of $part again" close "$(score $part out)" "$(score $part first)" 1e-5
    is "perplexity of $part is exp(loss)" close 1 \
        "$(awk -v l="$(score $part out)" -v p="$(perplexity $part out)" 'BEGIN { print exp(l) / p }')" 1e-5
done
is "eval leaves the train part out" holds '"train": null'
run eval lm m/model.safetensors --threads 1 --train
is "eval --train reads it, after the updates" awk -v a="$(score train out)" -v b="$(score train first)" \
    'BEGIN { exit !(a > 2 && a < b) }'
run eval lm m/model.safetensors --threads 1 --split 0,0,100
is "eval --split" holds '"train": null, "valid": null, "test": {'

train --limit 6000 --hidden 32 --embed 16 --epochs 2 --batch 8 --length 32 --threads 2 --quiet --out threads
is "two threads find the loss of one" close "$(score train out)" "$(score train first)" 1e-4
is "and in the validation" close "$(score valid out)" "$(score valid first)" 1e-4

train --quiet --layers 2 --dropout 0.3 --seed 5 --out s/deep/er/
is "trains two layers" succeeded
is "--quiet is silent" [ ! -s err ]
is "makes directories" [ -f s/deep/er/model.safetensors ]
cp out first
train --quiet --layers 2 --dropout 0.3 --seed 5 --out same
is "the same seed, the same model" cmp -s s/deep/er/model.safetensors same/model.safetensors
is "the same seed, the same losses" same "$(score train out) $(score valid out) $(score test out)" \
    "$(score train first) $(score valid first) $(score test first)"
train --quiet --layers 2 --dropout 0.3 --seed 6 --out other
is "another seed, another model" differ same/model.safetensors other/model.safetensors
is "another seed, another loss" [ "$(score train out)" != "$(score train first)" ]
train --quiet --seed 1 --out same
train --quiet --seed 2 --out other
is "nor without dropout" differ same/model.safetensors other/model.safetensors
train --quiet --seed 0 --out same --log elsewhere.jsonl
is "--log" lines 1 elsewhere.jsonl

# With one row, and a rate that changes nothing, training reads what evaluating reads.
train --quiet --limit 161 --batch 1 --length 16 --split 100,0,0 --optimizer sgd --lr 1e-12 --out still
cp out first
run eval lm still/model.safetensors --threads 1
is "the state is carried from window to window" close "$(score train out)" "$(score train first)" 1e-5
# Two equal stretches of 1024 predictions (what eval reads at once): the second begins with another state.
head -c 1024 "$book" >stretch
{ cat stretch && head -c 1 stretch; } >once.txt
{ cat stretch once.txt; } >twice.txt
run eval lm m/model.safetensors --threads 1 --data once.txt --split 0,0,100
cp out first
run eval lm m/model.safetensors --threads 1 --data twice.txt --split 0,0,100
is "eval carries the state, too" [ "$(score test out)" != "$(score test first)" ]
is "which changes little" close "$(score test out)" "$(score test first)" 0.01

train --split 100,0,0 --epochs 3 --out m100
is "--split 100,0,0" succeeded
is "there is no valid and no test" holds '}, "valid": null, "test": null, '
is "nor in the log" [ "$(grep -c '"valid": null' m100/log.jsonl)" -eq 3 ]
run eval lm m100/model.safetensors --threads 1
is "eval reads the train part where there is no other" holds '"train": {"loss": [0-9.]*, .*"valid": null, "test": null'

train --quiet --lowercase-letters --limit 10000 --batch 16 --out letters
is "--lowercase-letters" succeeded
run info letters/model.safetensors
is "27 letters and <unk>" holds '28 symbols'
is "in order" holds "<unk> ' ' a b c d e f g h i j k l m n o p q r s t u v w x y z"
run sample letters/model.safetensors --prime 'the time' --chars 400 --temperature 1000
is "writes letters and never <unk>" [ "$(tr -d 'a-z ' <out | wc -c)" -eq 1 ]
is "400 of them" [ "$(characters out)" -eq 409 ]

# Gates, further parameters a layer: in + H + 1 rows of G H columns, and (in all) (H + 1) V at the end.
for cell in "rnn 1 0" "rnn_relu 1 0" "gru 3 0" "gru_lbr 3 1" "lstm 4 0" "lstm_peephole 4 3" "lstm_norm 4 10" \
    "lstm_projected 4 8" "mgu 2 0" "elman 1 9" "jordan 1 9"; do
    # shellcheck disable=SC2086
    set -- $cell
    train --quiet --cell "$1" --layers 2 --out "cell-$1"
    is "trains $1" succeeded
    is "parameters of $1" same "$(number params out)" \
        $((42 * 4 + (4 + 8 + 1) * $2 * 8 + (8 + 8 + 1) * $2 * 8 + 2 * $3 * 8 + 9 * 42))
    run info "cell-$1/model.safetensors"
    is "info names $1" holds "^cell  *$1: "
    works graph lm --cell "$1" --length 2
    is "draws $1" holds '^digraph '
    is "to the end" [ "$(tail -n 1 out)" = "}" ]
    is "names the cell" holds "$1"
done
train --quiet --embed 0 --out onehot
is "one-hot parameters" same "$(number params out)" $(((42 + 8 + 1) * 4 * 8 + 9 * 42))

for options in "--optimizer sgd --momentum 0.5 --nesterov" "--optimizer adam --lazy" "--optimizer rmsprop" "--optimizer adagrad" \
    "--optimizer adadelta" "--optimizer adamw --weight-decay 0.1" "--schedule step --period 2 --gamma 0.5" \
    "--schedule exponential --gamma 0.9" "--schedule cosine --period 8 --warmup 2" "--schedule plateau" \
    "--forget-bias -1" "--shift 5 --epochs 3" "--clip 0" "--recurrent-dropout 0.2 --zoneout 0.1" "--start learned" \
    "--start random" "--cell lstm_projected --project 5" "--checkpoint 5" "--tbptt 5" "--accumulate 3"; do
    # shellcheck disable=SC2086
    train --quiet $options --out options
    is "trains with $options" succeeded
    cp out first
    run eval lm options/model.safetensors --threads 1
    is "and evaluates" close "$(score valid out)" "$(score valid first)" 1e-5
done

# 0 is a value like another: no decay, where adamw's default is 0.01.
train --quiet --optimizer adamw --weight-decay 0 --out decay0
train --quiet --optimizer adamw --weight-decay 1e-30 --out decay
is "--weight-decay 0 is no decay" cmp -s decay0/model.safetensors decay/model.safetensors

# --- Other texts: 1 to 4 bytes a character

awk 'BEGIN { for (i = 0; i < 30; i++) print "Grüße aus Köln – 你好, мир! 😀 " i % 7 }' >world.txt
run train lm --data world.txt --hidden 8 --embed 4 --batch 4 --length 8 --epochs 2 --threads 1 --quiet --out world
is "learns UTF-8" succeeded
cp out first
run eval lm world/model.safetensors --threads 1
is "eval reads it again" close "$(score valid out)" "$(score valid first)" 1e-5
run sample world/model.safetensors --prime 'Köln 😀' --chars 50
is "samples" succeeded
is "writes the prime, 50 characters and a newline" [ "$(characters out)" -eq 57 ]
is "begins with the prime" starts 'Köln 😀'
is "says only how fast" same "$(grep -vc " a second$" err)" 0
run sample world/model.safetensors --prime '' --chars 20
is "without a prime one symbol comes first" [ "$(characters out)" -eq 22 ]
run sample world/model.safetensors --prime 'мир' --chars 0
is "--chars 0" same "$(cat out)" 'мир'

run sample m/model.safetensors --prime 'The ' --chars 120 --seed 3
is "samples 120 characters" [ "$(characters out)" -eq 125 ]
is "and tells how fast" holds '^120 characters in [0-9.e-]* s: [0-9]* a second$' err
cp out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 3
is "the same seed, the same text" cmp -s out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 4
is "another seed, another text" differ out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 3 --temperature 0
cp out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 4 --temperature 0
is "temperature 0 asks no seed" cmp -s out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 4 --top-k 1
is "the likeliest of one" cmp -s out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 4 --top-k 3
is "of three are others" differ out first
run sample m/model.safetensors --prime 'The ' --chars 120 --seed 3 --temperature 0.2 --threads 2
is "--temperature, --threads" [ "$(characters out)" -eq 125 ]

refused '€' sample m/model.safetensors --prime 'The €'
refused 'vocabulary' sample m/model.safetensors --prime '~'
refused 'byte 3 ' sample m/model.safetensors --prime "$(printf 'The\377')"
printf 'The traveller\nQ~%s\n' "$(head -c 500 "$book")" >strange.txt
refused "strange.txt: .*'Q'" eval lm m/model.safetensors --data strange.txt --threads 1
head -c 3000 "$book" >known.txt
works eval lm m/model.safetensors --data known.txt --split 0,50,50 --threads 1
# A control character is shown so that it can be read.
printf 'The\001' >control.txt
run eval lm m/model.safetensors --data control.txt --split 0,0,100 --threads 1
is "a control character is refused" refusal 'control.txt'
is "and not sent to the terminal" [ "$(tr -dc '\001' <err | wc -c)" -eq 0 ]

# --- Words

train --quiet --unit word --limit 1500 --out words
is "--unit word" succeeded
cp out first
run eval lm words/model.safetensors --threads 1
is "eval reads words" close "$(score valid out) " "$(score valid first)" 1e-5
is "and the test part" close "$(score test out) " "$(score test first)" 1e-5
train --quiet --unit word --limit 1500 --min-count 3 --out rare
is "--min-count" succeeded
run info rare/model.safetensors
is "leaves rare words out" [ "$(sed -n 's/^sizes *\([0-9]*\) symbols.*/\1/p' out)" -eq \
    "$(($(head -c 20000 "$book" | sed 's/$/ <eos>/' | tr -s ' \t\r\n' '\n\n\n\n' | sed '/^$/d' | head -n 1500 | head -n 1350 |
        sort | uniq -c | awk '$1 >= 3' | wc -l) + 1))" ]
for seed in 1 2 3; do
    run sample words/model.safetensors --prime 'The Time' --chars 900 --seed $seed --temperature 1000
    is "samples words" succeeded
    # every <eos> is written as a newline; the last newline closes the text
    is "900 words" [ $(($(wc -w <out) + $(wc -l <out) - 1)) -eq 902 ]
    is "begins with the prime" starts 'The Time'
is "says only how fast" same "$(grep -vc " a second$" err)" 0
    is "nor <eos>" [ "$(grep -c '<eos>' out)" -eq 0 ]
    is "no blanks around lines" [ "$(grep -c '^ \| $\|  ' out)" -eq 0 ]
done
# What stands in the prime is written as it was given, or refused.
run sample words/model.safetensors --prime 'The Zebra' --chars 3
is "a prime with an unknown word" eval 'refusal Zebra || { succeeded && starts "The Zebra"; }'
run sample letters/model.safetensors --prime 'The Time' --chars 3
is "a prime with capital letters" eval 'refusal T || { succeeded && ! holds "<unk>"; }'

# --- info, graph, help

works info m/model.safetensors
for text in '^cell  *lstm: ' '61 symbols, embedding 16, 32 hidden units, 1 layer' 'first 6,000 symbols' \
    '^parameters  *9,261$' 'rnn\.l0\.w  *(16, 128)  *2,048' 'split 90,5,5' 'timemachine.txt'; do
    is "info says $text" holds "$text"
done

works graph m/model.safetensors --length 2
is "draws a saved model" holds '^digraph '
is "with its sizes" holds '61'
cp out first
works graph m/model.safetensors --length 2 --both
is "--both draws more" [ "$(wc -c <out)" -gt "$(wc -c <first)" ]
is "gradients" holds 'd rnn.l0.u'
works graph lm --length 1 -o x.dot
is "-o x.dot prints nothing" [ ! -s out ]
is "-o x.dot" holds '^digraph ' x.dot
if command -v dot >/dev/null; then
    works graph lm --length 2 --cell gru --output x.svg
    is "draws SVG" holds '<svg' x.svg
    works graph lm --length 1 --cell rnn --hidden 4 -o x.png
    is "draws PNG" starts '.PNG' x.png
fi
refused 'x\.foo.*\.svg.*\.png.*\.pdf.*\.dot' graph lm -o x.foo
refused '\.svg' graph lm -o x
refused '/nowhere/x\.dot' graph lm -o /nowhere/x.dot
is "and no file" [ ! -e x.foo ]
last="tapeloop graph lm -o y.svg, without dot"
rc=0
PATH=/nowhere "$tool" graph lm --length 1 -o y.svg >out 2>err || rc=$?
is "graphviz is named where it is missing" refusal graphviz
is "and there is no picture" [ ! -e y.svg ]
echo old >old.svg
rc=0
PATH=/nowhere "$tool" graph lm --length 1 -o old.svg >out 2>err || rc=$?
is "an old picture stays" same "$(cat old.svg)" old

works --version
is "version" starts 'tapeloop [0-9][0-9]*\.[0-9][0-9]*\.[0-9]'
works --help
for word in 'train TASK' 'eval TASK' sample graph info bench; do
    is "help lists $word" holds "tapeloop $word"
done
for word in train eval; do
    for help in --help -h; do
        works $word $help
        is "$word $help lists the tasks" holds "^  lm  *[a-z]"
    done
done
for word in 'train lm' 'eval lm' sample graph info; do
    # shellcheck disable=SC2086
    works $word --help
    is "$word --help" holds 'Usage: tapeloop'
    is "on stdout only" [ ! -s err ]
    case $word in
    train*) options="data unit split lowercase-letters limit batch length shift optimizer lr momentum nesterov lazy
        weight-decay clip schedule gamma period warmup epochs forget-bias seed threads out log quiet cell hidden embed
        layers dropout recurrent-dropout zoneout bidirectional start project checkpoint tbptt accumulate max-steps patience
        keep save-every resume min-count check-nan" ;;
    eval*) options="data split train batch threads check-nan" ;;
    sample) options="prime chars temperature seed threads" ;;
    graph) options="cell hidden embed layers length batch symbols text data forward backward both fold steps expand show
        direction legend output" ;;
    info) options="help" ;;
    esac
    for option in $options; do
        is "$word --help mentions --$option" holds "--$option[^a-z-]"
    done
done

# Example lines stand as they were written, to be pasted: argp wraps those that are too long, at its left margin.
unwrapped() {
    awk '/^[^ ].*:$/ { on = 1; paragraphs = 0; next }
        on && !NF { on = ++paragraphs < 2; next }
        on && !/^  / { exit 1 }' out
}
tasks='lm tagger classifier series translator'
for word in $(printf 'train/%s ' $tasks) $(printf 'eval/%s ' $tasks) \
    sample tag classify translate predict graph probe info convert watch plot problem/adding gradients; do
    # shellcheck disable=SC2046
    works $(echo "$word" | tr / ' ') --help
    is "$word --help has whole examples" unwrapped
    is "$word --help has no line of blanks" eval '! holds "^  *$"'
    is "$word --help fits a terminal" awk 'length > 79 { exit 1 }' out
done

# --- Nonsense on the command line

run
is "no command" eval '[ $rc -eq 2 ] && [ ! -s out ] && holds "Usage: tapeloop" err'
refused "'fly'" fly
refused 'which task' train
refused 'which task' eval
refused "'mlp' is no task" train mlp
is "the tasks that there are are listed" holds '^  lm  *a language' err
refused 'model' sample
refused 'lm.*model' graph
refused 'model' info
refused 'model' eval lm
refused "'b'" info a b
refused "'b'" sample a b
refused "'b'" eval lm a b
refused "'b'" graph a b
refused 'data' train lm --out none
refused "'more'" train lm --data "$book" more --out none
refused 'bogus' train lm --data "$book" --bogus --out none
refused 'data.*argument' train lm --out none --data

bad_train() {
    pattern=$1
    shift
    train --out none "$@"
    is "train refuses $* with /$pattern/" refusal "$pattern"
}
for option in limit batch length shift lr momentum weight-decay clip gamma period warmup epochs forget-bias seed \
    threads hidden embed layers dropout recurrent-dropout zoneout project checkpoint tbptt accumulate max-steps patience \
    save-every min-count; do
    for value in x -1000 1e99 99999999999999999999 '' 1x nan; do
        bad_train "--$option: '$value' is no " --$option "$value"
    done
done
for value in x -1 1e99 ''; do
    refused "--threads: '$value' is no " eval lm m/model.safetensors --threads "$value"
    for option in chars temperature seed threads; do
        refused "--$option: '$value' is no " sample m/model.safetensors --$option "$value"
    done
    for option in length batch symbols hidden embed layers; do
        refused "--$option: '$value' is no " graph lm --$option "$value"
    done
done
bad_train "--cell: 'hopfield' is .*gru.*lstm" --cell hopfield
bad_train "--optimizer: 'lion' is .*adam" --optimizer lion
bad_train "--schedule: 'sine' is .*cosine" --schedule sine
bad_train "--keep: 'first' is .*last.*best" --keep first
bad_train "--start: 'one' is .*learned" --start one
bad_train "--save-every: '10h' is no " --save-every 10h
bad_train "--save-every: '' is no " --save-every m
bad_train 'predict' --bidirectional
bad_train '--patience.*valid' --patience 2 --split 100,0,0
bad_train '--keep best.*valid' --keep best --split 100,0,0
bad_train "--unit: 'byte' is .*char.*word" --unit byte
refused "--cell: 'hopfield' is .*gru.*lstm" graph lm --cell hopfield
for value in 0,0,0 60,30,20 90,10 90 nan,5,5 5,nan,5 90,5,inf 90,5,5,0 -1,50,50 90,5,5x a,b,c '' 1e400,0,0; do
    bad_train "--split" --split "$value"
    refused "--split" eval lm m/model.safetensors --split "$value"
done
bad_train '--split' --split 0,50,50
bad_train 'gru' --cell gru --forget-bias 1
bad_train 'nesterov' --nesterov
bad_train 'momentum' --optimizer sgd --nesterov
bad_train 'gamma' --schedule step --period 3
bad_train 'period' --schedule step --gamma 0.5
bad_train 'period' --schedule cosine
bad_train 'gamma' --gamma 0.5
bad_train 'valid' --schedule plateau --split 100,0,0

# Percentages that sum to 100 but for rounding.
train --quiet --split 80.2,3.9,15.9 --out sum
is "--split 80.2,3.9,15.9" succeeded

# --- Texts that are none

: >empty.txt
printf 'abc\ndef\377ghi' >latin.txt
printf 'abc\ndef\000ghi' >nul.txt
printf 'abcde' >short.txt
printf '123 456\n789\n' >digits.txt
printf '\357\273\277' >mark.txt
printf ' \t ' >blank.txt
refused 'nothing-here.txt: No such file' train lm --data nothing-here.txt --out none
refused 'm: .*directory' train lm --data m --out none
refused 'empty.txt: .*empty' train lm --data empty.txt --out none
refused 'mark.txt: .*empty' train lm --data mark.txt --out none
refused 'latin.txt: .*UTF-8 at byte 7 \(line 2\)' train lm --data latin.txt --out none
refused 'nul.txt: .*NUL at byte 7 \(line 2\)' train lm --data nul.txt --out none
refused 'short.txt.* 2049 ' train lm --data short.txt --out none
refused 'digits.txt: ' train lm --data digits.txt --lowercase-letters --out none
refused 'blank.txt: ' train lm --data blank.txt --unit word --out none
bad_train '--batch 30 .*--length 20: at least 601 ' --batch 30 --length 20
for file in nothing-here.txt m empty.txt latin.txt nul.txt; do
    refused "$file: " eval lm m/model.safetensors --data $file
done
printf 'T' >one.txt
refused 'one.txt: ' eval lm m/model.safetensors --data one.txt

# --- Places where nothing can be written, and what stands there already

refused '/proc/x' train lm --data "$book" --out /proc/x --epochs 1 --limit 3000 --threads 1
train --out known.txt
is "--out names a file" refusal 'known.txt'
is "which stays" [ "$(wc -c <known.txt)" -eq 3000 ]
train --out unlogged --log /nowhere/log.jsonl
is "the log cannot be opened" refusal '/nowhere/log.jsonl'
is "no model without its log" [ ! -e unlogged/model.safetensors ]
if [ -c /dev/full ]; then
    train --quiet --out unlogged --log /dev/full
    is "the log cannot be written" refusal 'log'
    is "nor is the model" [ ! -e unlogged/model.safetensors ]
    for command in "sample m/model.safetensors" "info m/model.safetensors" "graph lm" \
        "eval lm m/model.safetensors --threads 1"; do
        last="tapeloop $command >/dev/full"
        rc=0
        # shellcheck disable=SC2086
        "$tool" $command >/dev/full 2>err || rc=$?
        : >out
        is "a full disk is no success" refusal 'written|space'
    done
fi
train --out ''
is "--out ''" refusal '--out'
refused '--data' train lm --data '' --out none
cp known.txt mine.txt
run train lm --data mine.txt --log mine.txt --hidden 8 --embed 4 --epochs 1 --batch 4 --length 16 --threads 1 --quiet --out mine
is "the log does not overwrite the text" cmp -s known.txt mine.txt
# Any name that the file system takes.
odd=$(printf 'odd\377')
if mkdir "$odd" 2>/dev/null; then
    cp known.txt "$odd/book.txt"
    run train lm --data "$odd/book.txt" --hidden 8 --embed 4 --epochs 1 --batch 4 --length 16 --threads 1 --quiet --out odd
    is "a text whose name is no UTF-8 is learnt or refused by that reason" eval 'succeeded || refusal "odd.*UTF-8"'
    train --quiet --out "$odd"
    is "a directory of such a name is used or refused by that reason" eval 'succeeded || refusal "odd.*UTF-8"'
fi
# A text that is gone is one that can be named anew.
cp known.txt gone.txt
run train lm --data gone.txt --hidden 8 --embed 4 --epochs 1 --batch 4 --length 16 --threads 1 --quiet --out gone
rm gone.txt
refused 'gone.txt.*--data' eval lm gone/model.safetensors

# What another training left is not lost by mistake.
train --quiet --out twice
cp -r twice once
refused 'twice holds a training already.*--resume.*--overwrite' train lm --data "$book" --limit 3000 --threads 1 --out twice
refused 'nofile.txt: No such file' train lm --data nofile.txt --out twice
refused 'bidirectional: a language model' train lm --data "$book" --limit 3000 --bidirectional --out twice
is "and it stays" eval 'diff -r once twice >/dev/null'
refused -- '--overwrite begins anew' train lm --resume --overwrite --out twice
train --quiet --seed 2 --out twice
is "--overwrite begins anew" eval 'succeeded && ! cmp -s once/last.safetensors twice/last.safetensors'

# A loss that is no finite number stops the training; 16 rows of 1 window, so that each epoch is one update.
blow="--limit 600 --batch 16 --length 16 --optimizer sgd --lr 1e6 --clip 0 --cell rnn_relu --quiet"
cp -r m kept
for options in "--split 100,0,0 --length 4" "--length 4"; do
    # shellcheck disable=SC2086
    train $blow $options --out kept
    is "stops when the loss is no number" refusal 'epoch 1, batch [0-9]*: .*no model was saved'
    is "the old model stays" cmp -s m/model.safetensors kept/model.safetensors
    # shellcheck disable=SC2086
    train $blow $options --out lost
    is "stops again" refusal 'epoch 1, batch [0-9]*: .*no model was saved'
    is "and there is no model" same "$(ls lost | tr '\n' ' ')" "log.jsonl progress.jsonl "
done
# shellcheck disable=SC2086
train $blow --batch 33 --warmup 1000 --epochs 9 --out later
is "stops in a later epoch" refusal 'epoch [2-9].*later/model.safetensors'
is "the log tells the epochs before" holds '"epoch": 1' later/log.jsonl
works eval lm later/model.safetensors --threads 1
is "the model that is kept has a finite loss" awk -v x="$(score valid out)" 'BEGIN { exit !(x + 0 > 0) }'
# shellcheck disable=SC2086
train $blow --batch 33 --out after
is "a model that is broken after its last update is no success" refusal 'no model was saved|finite'

# --- Model files that are none

model=m100/model.safetensors
size=$(cat $model | wc -c)
header=$(od -An -tu1 -N2 $model | awk '{ n = $1 + 256 * $2 } END { print n + 0 }')
refused 'nothing.safetensors: ' info nothing.safetensors
refused 'm: ' info m
for n in 0 1 7 8 9 50 $((header / 2)) $((header + 7)) $((header + 8)) $((header + 9)) $(((header + size) / 2)) $((size - 1)); do
    head -c "$n" $model >cut
    refused '^tapeloop info: cut: ' info cut
done
{ cat $model && printf x; } >long
refused '^tapeloop info: long: ' info long
refused 'timemachine.txt: ' sample "$book"
head -c 5000 "$tool" >binary
refused '^tapeloop eval lm: binary: ' eval lm binary
awk 'BEGIN { srand(1); for (i = 0; i < 5000; i++) printf "%c", 1 + int(rand() * 255) }' >random
refused '^tapeloop graph: random: ' graph random
for length in '\000\000\000\000\000\000\000\000' '\377\377\377\377\377\377\377\377' '\377\377\377\377\377\377\377\177' \
    '\005\000\000\000\000\000\000\000' '\000\000\000\001\000\000\000\000'; do
    { printf "$length" && tail -c +9 $model; } >lying
    refused '^tapeloop info: lying: ' info lying
done

# edited SED WHAT...: a model of the same length with other words in its header
edited() {
    sed "$1" $model >edited
    if cmp -s $model edited || [ "$(wc -c <edited)" -ne "$size" ]; then
        is "the edit $1 fits the model" false
    fi
    run eval lm edited --threads 1
    is "a model with $1" refusal "edited: ${2:-}"
}
edited 's/\\"format\\": 1/\\"format\\": 2/' '.*format'
edited 's/\\"task\\": \\"lm\\"/\\"task\\": \\"tv\\"/' ".*'tv'"
edited 's/\\"cell\\": \\"lstm\\"/\\"cell\\": \\"lstn\\"/' ".*'lstn'"
edited 's/\\"cell\\": \\"lstm\\"/\\"cell\\": \\"mgu\\" /'
edited 's/\\"symbols\\": 42/\\"symbols\\": 41/' '.*41'
edited 's/\\"symbols\\": 42/\\"symbols\\": -2/'
edited 's/\\"embed\\": 4/\\"embed\\": 5/' '.*5'
edited 's/\\"embed\\": 4/\\"embed\\": 0/'
edited 's/\\"hidden\\": 8/\\"hidden\\": 9/' '.*9'
edited 's/\\"hidden\\": 8/\\"hidden\\": 0/'
edited 's/\\"layers\\": 1/\\"layers\\": 2/'
edited 's/\\"layers\\": 1/\\"layers\\": 0/'
edited 's/\\"dropout\\": 0.0/\\"dropout\\": 9.0/' '.*dropout'
edited 's/\\"limit\\": 600/\\"limit\\": -60/'
edited 's/\\"limit\\": 600/\\"limit\\": 0.5/'
edited 's/\\"unit\\": \\"char\\"/\\"unit\\": \\"byte\\"/' ".*unit"
edited 's/\[100.0, 0.0, 0.0\]/[-99.0, 0.0, 9.0]/' '.*split'
edited 's/\[100.0, 0.0, 0.0\]/[100.0, -9.9e9,9]/' '.*split'
edited 's/\[100.0, 0.0, 0.0\]/[1e300, 0.0, 0.0]/' '.*split'
edited 's/\[100.0, 0.0, 0.0\]/[100.0, 0.0     ]/'
edited 's/\\"split\\"/\\"spilt\\"/' '.*split'
edited 's/tapeloop.config/tapeloop.konfig/' '.*tapeloop.config'
edited 's/tapeloop.vocabulary/tapeloop.Vocabulary/' '.*vocabulary'
edited 's/__metadata__/__metadatA__/'
edited 's/\\"a\\",\\"b\\"/\\"b\\",\\"a\\"/' '.*vocabulary'
edited 's/\\"a\\",\\"b\\"/\\"a\\",\\"a\\"/' '.*vocabulary'
edited 's/\\"a\\",\\"b\\"/\\"a\\",  7  /' '.*vocabulary'
edited 's/\\"a\\",\\"b\\"/\\"a\\",\\"\\" /' '.*vocabulary'
edited 's/\\"a\\",\\"b\\"/\\"a\\"      /'
edited 's/\\"a\\",\\"b\\"/\\"a\\",\\"b] /' '.*vocabulary'
edited 's/\[\\"\\\\n\\",/{\\"\\\\n\\":/' '.*vocabulary'
edited 's/"shape":\[42\]/"shape":[41]/' '.*out.b'
edited 's/"shape":\[8,32\]/"shape":[32,8]/'
edited 's/"shape":\[8,42\]/"shape":[42,8]/'
edited 's/"rnn.l0.u"/"rnn.l0.x"/'
edited 's/"out.b":{"dtype":"F32"/"out.b":{"dtype":"F64"/'
edited 's/"out.b":{"dtype":"F32"/"out.b":{"dtype":"I32"/'

# Whatever byte of the header is damaged, the program ends in good order.
at=11
while [ $at -lt $((header + 8)) ]; do
    for byte in '\000' 9 '"'; do
        cp $model damaged
        # shellcheck disable=SC2059
        printf "$byte" | dd of=damaged bs=1 seek=$at conv=notrunc 2>/dev/null
        run info damaged
        is "byte $at is $byte" eval 'succeeded || refusal "damaged"'
    done
    at=$((at + 61))
done

finish
