#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Training in one run equals training in several, bit for bit: by --max-steps, by signals, after a kill.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt
head -c 3000 "$book" >book.txt

# 16 windows an epoch.
model="--data book.txt --limit 2400 --hidden 12 --embed 6 --layers 2 --batch 8 --length 16 --threads 2"
train() {
    # shellcheck disable=SC2086
    run train lm $model --quiet --overwrite "$@"
}

go_on() {
    run train lm --quiet --resume "$@"
}

# What stands in a log but times.
untimed() {
    sed 's/, "seconds": .*//' "$1/log.jsonl"
}

# equal A B: the same models, the same state, the same log
equal() {
    for file in last best model; do
        [ -e "$1/$file.safetensors" ] || [ $file = best ] || return 1
        [ ! -e "$1/$file.safetensors" ] || cmp -s "$1/$file.safetensors" "$2/$file.safetensors" || return 1
    done
    [ "$(untimed "$1")" = "$(untimed "$2")" ] && [ -s "$1/log.jsonl" ]
}

# The result line but times and paths.
result() {
    sed 's/"tok_per_s".*"epochs"/"epochs"/; s/"model".*//' out
}

# resumes WHAT STEPS... -- OPTIONS...: one run, and one that stops after each of the updates
resumes() {
    how=$1 stops=
    shift
    while [ "$1" != -- ]; do
        stops="$stops $1"
        shift
    done
    shift
    rm -rf straight split
    train "$@" --out straight
    is "$how: trains" succeeded
    result >result.txt
    first=train
    for at in $stops; do
        if [ "$first" = train ]; then
            train "$@" --out split --max-steps "$at"
        else
            go_on --out split --max-steps "$at"
        fi
        first=
        is "$how: stops after $at updates" succeeded
        is "$how: after exactly $at" same "$(number steps out)" "$at"
    done
    go_on --out split
    is "$how: goes on" succeeded
    is "$how: in $stops and the rest it is the same" equal straight split
    is "$how: the result, too" same "$(result)" "$(cat result.txt)"
}

resumes "dropout, adam, plateau" 1 7 16 17 40 -- --epochs 4 --dropout 0.3 --schedule plateau --lr 0.01
resumes "every update" 1 2 3 4 5 6 7 8 9 10 -- --epochs 1 --limit 1700 --dropout 0.1
resumes "accumulation" 3 4 9 -- --epochs 3 --accumulate 5 --dropout 0.2
resumes "momentum, cosine, shift" 5 21 -- --epochs 3 --optimizer sgd --lr 0.5 --momentum 0.9 --schedule cosine --period 40 \
    --warmup 4 --shift 3
resumes "lazy rows" 5 18 -- --epochs 2 --lazy --limit 2000
resumes "words, keep best" 2 5 -- --epochs 6 --unit word --limit 450 --length 8 --batch 4 --keep best --lr 0.05
resumes "random starts, zoneout" 3 20 -- --epochs 2 --start random --zoneout 0.2 --recurrent-dropout 0.2
resumes "checkpoints, truncation" 3 20 -- --epochs 2 --checkpoint 5 --tbptt 7
resumes "no validation" 3 20 -- --epochs 2 --split 100,0,0
resumes "rmsprop, one thread" 9 -- --epochs 2 --optimizer rmsprop --threads 1

# Norms of gradients are those of the whole epoch, too, and change nothing of what is learned.
gradients() {
    sed 's/.*\("grad_norms": \)/\1/' "$1/log.jsonl"
}
resumes "norms of gradients" 3 20 -- --epochs 3 --dropout 0.2 --log-gradients
is "their log is the same" same "$(gradients straight)" "$(gradients split)"
is "in all its parts" [ "$(grep -c '"grad_norms": {"embed.*"grad_norms_max": {.*"grad_by_step": {"layer=0/t=.*"layer=1/t=' straight/log.jsonl)" -eq 3 ]
train --epochs 3 --dropout 0.2 --out plain
is "the model is the one without" cmp -s plain/model.safetensors straight/model.safetensors


# Nothing gets better at that rate: 1 + 3 epochs.
resumes "patience" 20 40 -- --epochs 30 --optimizer sgd --lr 1e-12 --patience 3
is "patience ends the training" same "$(number epochs out)" 4
go_on --out split --patience 5
is "more patience, more epochs" same "$(number epochs out)" 6

# More epochs than at first.
train --epochs 5 --dropout 0.2 --out five
train --epochs 2 --dropout 0.2 --out grown
go_on --epochs 5 --out grown
is "2 epochs and 3 more are 5" equal five grown
is "the log has 5 lines" lines 5 grown/log.jsonl
go_on --out grown
is "a finished training has the result only" succeeded
is "nothing changes" equal five grown
is "counts epochs" same "$(number epochs out)" 5

# The same options may be given again, in other words, and those that change nothing.
train --epochs 3 --lr 0.01 --out again --max-steps 20
run train lm $model --lr 1e-2 --out again --save-every 3 --resume --log elsewhere.jsonl
is "the same options again" succeeded
train --epochs 3 --lr 0.01 --out once
is "give the same model" cmp -s again/last.safetensors once/last.safetensors

# --- The best model

train --epochs 25 --keep best --lr 0.1 --limit 1200 --out keep
is "keeps the best" cmp -s keep/best.safetensors keep/model.safetensors
least=$(sed 's/.*"valid": {"loss": \([0-9.]*\),.*/\1/' keep/log.jsonl | sort -n | head -n 1)
final=$(tail -n 1 keep/log.jsonl | sed 's/.*"valid": {"loss": \([0-9.]*\),.*/\1/')
is "which is not the last" [ "$least" != "$final" ]
is "and is the result" holds "\"valid\": {\"loss\": $least,"
run eval lm keep/model.safetensors --threads 2
is "as eval finds it" holds "\"valid\": {\"loss\": $least"
run eval lm keep/last.safetensors --threads 2
is "last.safetensors is a model, too" holds "\"valid\": {\"loss\": $final"
train --epochs 25 --lr 0.1 --limit 1200 --out keep
is "--keep last keeps the last" holds "\"valid\": {\"loss\": $final,"

# --- Batches that add up

# Two windows of 8 are one of 16 whose gradient is cut in the middle.
small="--optimizer sgd --lr 0.5 --epochs 2 --limit 2000"
# shellcheck disable=SC2086
train $small --length 8 --accumulate 2 --out two
cp out first
# shellcheck disable=SC2086
train $small --length 16 --tbptt 8 --out one
is "as many updates" same "$(number steps out)" "$(number steps first)"
for part in train valid test; do
    loss=$(sed "s/.*\"$part\": {\"loss\": \\([0-9.]*\\),.*/\\1/" out)
    is "--accumulate 2: the loss of $part" close "$loss" "$(sed "s/.*\"$part\": {\"loss\": \\([0-9.]*\\),.*/\\1/" first)" 1e-6
done
# shellcheck disable=SC2086
train $small --length 16 --out uncut
is "which is not the uncut one" [ "$(result)" != "$(cat first | sed 's/"tok_per_s".*"epochs"/"epochs"/; s/"model".*//')" ]

# --- Signals

# begun WHAT: the run in the background has done WHAT, within a minute
begun() {
    i=0
    while ! eval "$1" && [ $i -lt 600 ]; do
        sleep 0.1
        i=$((i + 1))
    done
    eval "$1"
}

# Also with one batch an epoch, where most signals fall between the last batch and the end of the epoch.
for at in 1 2 3 4 5 6; do
    long="--epochs 60 --dropout 0.2 --hidden 48"
    [ $at -le 2 ] || long="--epochs 60 --length 250 --hidden 32 --schedule exponential --gamma 0.99"
    # shellcheck disable=SC2086
    [ $at -ne 1 ] && [ $at -ne 3 ] || train $long --out straight
    rm -rf stopped
    last="tapeloop train lm, SIGTERM"
    # shellcheck disable=SC2086
    "$tool" train lm $model $long --out stopped --quiet >out 2>err &
    pid=$!
    is "begins" begun '[ -s stopped/log.jsonl ]'
    sleep 0.$((at * 7 + 10))
    kill -TERM $pid 2>/dev/null
    rc=0
    wait $pid || rc=$?
    is "SIGTERM ends it with 128 + 15" [ $rc -eq 143 ]
    is "without a result" [ ! -s out ]
    is "says how to go on" holds 'SIGTERM after update [0-9]*, in epoch [0-9]*; saved in stopped/last.safetensors' err
    is "that can be pasted" eval "$(tail -n 1 err) >out 2>err"
    is "and is the same in the end" equal straight stopped
done

if command -v timeout >/dev/null; then
    rc=0
    last="tapeloop train lm, SIGINT"
    # shellcheck disable=SC2086
    timeout --foreground --preserve-status -s INT 1.5 "$tool" train lm $model --epochs 100000 --out interrupted --max-steps 900000 \
        --save-every 7 --log 'a log' >out 2>err || rc=$?
    is "SIGINT ends it with 128 + 2" [ $rc -eq 130 ]
    is "what to type has all that is not saved" holds "train lm --out=interrupted --max-steps=900000 --save-every=7 '--log=a log' --resume$" err
    is "a model is there" [ -s interrupted/model.safetensors ]
fi

train --epochs 60 --dropout 0.2 --hidden 48 --out straight
rm -rf killed
last="tapeloop train lm, kill -9"
for i in 1 2 3; do
    resume="$model --epochs 60 --dropout 0.2 --hidden 48"
    [ $i -eq 1 ] || resume=--resume
    rm -f killed/mark
    # shellcheck disable=SC2086
    "$tool" train lm $resume --save-every 5 --out killed --quiet >out 2>err &
    pid=$!
    is "begins" begun '[ -s killed/last.safetensors ]'
    sleep 0.2
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
done
is "a kill leaves no sentence" [ ! -s err ]
go_on --out killed
is "goes on after kills" succeeded
is "and is the same in the end" equal straight killed

# One training in a directory; a dead one holds nothing.
# shellcheck disable=SC2086
"$tool" train lm $model --epochs 100000 --out held --quiet >first 2>&1 &
pid=$!
is "begins" begun '[ -s held/last.safetensors ] && [ "$(wc -l <held/progress.jsonl)" -gt 4 ]'
go_on --out held
is "--resume does not go on with a training under way" refusal "another training, process $pid, is under way in held"
train --out held
is "--overwrite does not replace it" refusal "another training, process $pid, is under way in held"
kill -KILL $pid
wait $pid 2>/dev/null
epoch=$(sed -n 's/.*"epoch": \([0-9]*\),.*/\1/p' held/log.jsonl | tail -n 1)
go_on --out held --epochs $((epoch + 1))
is "a dead one is gone on with" succeeded
is "and told in one journal" [ "$(grep -c '"begin": "lm"' held/progress.jsonl)" -eq 2 ]
is "up to its end" eval 'tail -n 1 held/progress.jsonl | grep -q "^{\"end\": \"finished\", .*\"result\": {\"task\": \"lm\""'
steps=$(sed -n 's/.*"step": \([0-9]*\),.*/\1/p' held/progress.jsonl)
is "in the order of its updates" same "$steps" "$(echo "$steps" | sort -n)"

# Where another training was, and the newer one fails before its first save, --resume does not go on with the older.
wild="--cell rnn_relu --optimizer sgd --lr 1e6 --clip 0"
train --epochs 1 --out reused
is "trains" succeeded
# shellcheck disable=SC2086
train $wild --out reused
is "another one fails" refusal 'no finite number'
go_on --out reused
is "and fails again" refusal 'no finite number'

train --epochs 1 --save-every 1s --out timed
is "--save-every 1s" succeeded
train --epochs 1 --save-every 2m --out timed
is "--save-every 2m" succeeded

# --- What cannot go on

train --epochs 3 --out whole --max-steps 20
cp -r whole kept
unresumed() {
    pattern=$1
    shift
    run train lm --resume "$@"
    is "refuses --resume $* with /$pattern/" refusal "$pattern"
    is "and changes nothing" eval 'diff -r kept whole >/dev/null'
}
unresumed '--hidden=16: .*--hidden=12' --out whole --hidden 16
unresumed '--lr=0.1: .*without it' --out whole --lr 0.1
unresumed '--seed=2: ' --out whole --seed 2
unresumed '--data=other.txt: .*--data=book.txt' --out whole --data other.txt
unresumed '--lazy: .*without' --out whole --lazy
unresumed 'none/last.safetensors: .*No such file' --out none
unresumed "--epochs: '0' is" --out whole --epochs 0
unresumed 'bogus' --out whole --bogus
cp book.txt right.txt
sed 's/Time/Tame/' right.txt >book.txt
unresumed 'last.safetensors: the data are not' --out whole
printf '€' >book.txt
head -c 2997 right.txt >>book.txt
unresumed 'last.safetensors: the data are not' --out whole
cp right.txt book.txt

size=$(wc -c <kept/last.safetensors)
mkdir damaged
refuses_damaged() {
    cp -r damaged before
    run train lm --resume --out damaged
    is "refuses $1" refusal "damaged/last.safetensors: ${2:-}"
    is "and leaves it" eval 'diff -r before damaged >/dev/null'
    rm -rf before
}
for n in 0 7 100 2000 $((size / 2)) $((size - 1)); do
    head -c $n kept/last.safetensors >damaged/last.safetensors
    refuses_damaged "a file cut to $n bytes"
done
cp kept/model.safetensors damaged/last.safetensors
refuses_damaged "a model without a training" "no Tapeloop model: .*tapeloop.training"
edited() {
    sed "$1" kept/last.safetensors >damaged/last.safetensors
    is "the edit $1 is one" eval '! cmp -s kept/last.safetensors damaged/last.safetensors'
    refuses_damaged "$1" "${2:-}"
}
edited 's/\\"place\\":4/\\"place\\":9e9/'
edited 's/\\"place\\":4,/\\"place\\":99,/'
edited 's/\\"epoch\\":2/\\"epoch\\":0/' '.*damaged'
edited 's/\\"epoch\\":2/\\"epoch\\":-/' '.*JSON'
edited 's/\\"epoch\\":2/\\"epock\\":2/' ".*'epoch'"
edited 's/\\"loss\\":\\"0x/\\"loss\\":\\"zz/' ".*'loss'"
edited 's/tapeloop.training/tapeloop.trainimg/' '.*tapeloop.training'
edited 's/\\"task\\": \\"lm\\"/\\"task\\": \\"tv\\"/' ".*'tv'"
edited 's/\\"options\\":\[/\\"optiuns\\":[/' '.*options'
edited 's/optimizer.exp_avg.out.b/optimizer.exp_avg.out.c/' '.*exp_avg.out.b'
edited 's/training.state/training.stage/' '.*training.state'

finish
