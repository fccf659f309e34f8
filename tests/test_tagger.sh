#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train tagger, eval tagger, tag: on sentences whose tags depend on a word before.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

# write N NAME SEED: "arrive Xa in Yb" and "leave Xa ...": the city is a destination or an origin; two-word names.
write() {
    awk -v n="$1" -v name="$2" -v seed="$3" 'BEGIN {
        srand(seed)
        split("taipei oslo köln 台北 quito", city)
        split("monday tuesday friday", day)
        for (i = 0; i < n; i++) {
            w = t = ""
            for (k = int(rand() * 3); k > 0; k--) {
                w = w "please "
                t = t "O "
            }
            to = rand() < 0.5
            w = w (to ? "arrive " : "leave ") (rand() < 0.3 ? "new " : "") city[1 + int(rand() * 5)]
            t = t "O B-" (to ? "to" : "from") (w ~ /new/ ? " I-" (to ? "to" : "from") : "")
            if (rand() < 0.5) {
                w = w " on " day[1 + int(rand() * 3)]
                t = t " O B-day"
            }
            if (i % 50 == 7)
                w = t = ""
            print w >(name ".in")
            print t >(name ".out")
        }
    }'
}

write 300 train 1
write 60 valid 2
write 70 test 3
data="--train-tokens train.in --train-tags train.out --valid-tokens valid.in --valid-tags valid.out
    --test-tokens test.in --test-tags test.out"
train() {
    # shellcheck disable=SC2086
    run train tagger $data --hidden 12 --embed 10 --epochs 8 --lr 0.01 --dropout 0.1 --threads 1 --quiet --overwrite "$@"
}

# figure PART NAME FILE
figure() {
    tail -n 1 "$3" | sed -n "s/.*\"$1\": {\([^}]*\)}.*/\1/p" | sed -n "s/.*\"$2\": \([^,]*\).*/\1/p"
}

# --- Learns, is read again, tags

train --out m
is "trains" succeeded
is "prints one line" lines 1
is "prints an object" starts '{"task": "tagger", "train": {"loss": [0-9.e-]*}, "valid": {"loss": .*}, "test": {.*}.*}$'
is "prints JSON" json out
for part in valid test; do
    for name in f1 precision recall accuracy; do
        is "$name of $part is 100 percent" same "$(figure $part $name out)" 100.0
    done
done
is "counts parameters" same "$(number params out)" $((15 * 10 + 2 * (10 + 12 + 1) * 48 + 25 * 6))
cp out first
run eval tagger m/model.safetensors --valid-tokens valid.in --valid-tags valid.out --test-tokens test.in --test-tags test.out
is "evaluates" succeeded
for part in valid test; do
    is "eval finds the loss of $part again" close "$(figure $part loss out)" "$(figure $part loss first)" 1e-5
    is "and its F1" same "$(figure $part f1 out)" "$(figure $part f1 first)"
done
is "eval leaves the train part out" holds '"train": null'
"$tool" tag m/model.safetensors <test.in >tagged 2>err
is "tags a file as it should be" cmp -s tagged test.out
"$tool" tag m/model.safetensors --batch 1 --threads 1 <test.in >tagged 2>err
is "line by line, too" cmp -s tagged test.out
printf 'leave\ttaipei \r\n\n  \nplease arrive new 台北' | "$tool" tag m/model.safetensors >tagged 2>err
is "blanks, empty lines, no newline at the end" same "$(cat tagged; echo .)" "$(printf 'O B-from\n\n\nO O B-to I-to\n.')"
: | "$tool" tag m/model.safetensors >tagged 2>err
is "no lines, no lines" [ ! -s tagged ]
is "and no error" [ ! -s err ]
echo 'arrive atlantis on monday' | "$tool" tag m/model.safetensors >tagged 2>err
is "a word that nobody taught" same "$(cut -d' ' -f 1,3,4 tagged) $(wc -w <tagged | tr -d ' ')" "O O B-day 4"

# Whoever writes a line and waits gets its answer.
mkfifo to from
"$tool" tag m/model.safetensors <to >from &
exec 3>to 4<from
echo 'leave oslo' >&3
read -r line <&4
is "answers before the end" same "$line" 'O B-from'
echo 'arrive oslo' >&3
read -r line <&4
is "and again" same "$line" 'O B-to'
exec 3>&- 4<&-
wait

works info m/model.safetensors
is "info names the task" holds '^task  *tagger'

# --- The same by every road

train --out again
is "the same seed, the same model" cmp -s m/model.safetensors again/model.safetensors
train --out split --max-steps 25
run train tagger --resume --out split --quiet
is "resumes" succeeded
is "in two runs, the same model" cmp -s m/model.safetensors split/model.safetensors
is "and figures" same "$(figure test loss out)" "$(figure test loss first)"
for cell in rnn gru gru_lbr lstm_norm; do
    train --cell $cell --layers 2 --epochs 2 --out cell
    is "trains $cell, two layers" succeeded
done
train --unidirectional --out one
is "one direction is enough here" same "$(figure test f1 out)" 100.0
is "with fewer parameters" same "$(number params out)" $((15 * 10 + (10 + 12 + 1) * 48 + 13 * 6))
run train tagger --train-tokens train.in --train-tags train.out --hidden 4 --embed 0 --epochs 1 --quiet --out alone
is "without validation and test" holds '"valid": null, "test": null'

# --- Tags that training lacks are counted as missed chunks

sed 's/B-day/B-weekday/' test.out >odd.out
run eval tagger m/model.safetensors --test-tokens test.in --test-tags odd.out
is "tags that training lacks" succeeded
days=$(grep -o B-weekday odd.out | wc -l)
chunks=$(grep -o B- odd.out | wc -l)
is "are told" same "$(figure test unknown_tags out)" "$days.0"
is "are missed" close "$(figure test recall out)" "$(awk -v d="$days" -v c="$chunks" 'BEGIN { print 100 * (c - d) / c }')" 1e-3
is "their words do not make the loss" close "$(figure test loss out)" 0 0.1

# --- Bad input

refused_train() {
    pattern=$1
    shift
    run train tagger --epochs 1 --quiet --out none "$@"
    is "train refuses $* with /$pattern/" refusal "$pattern"
}
head -n 299 train.out >short.out
refused_train 'train.in has 300 lines but short.out has 299' --train-tokens train.in --train-tags short.out
sed '3s/$/ O/' train.out >more.out
refused_train 'train.in:3: [0-9]* tokens, but line 3 of more.out has [0-9]* tags' --train-tokens train.in --train-tags more.out
: >empty
refused_train 'empty: the file is empty' --train-tokens empty --train-tags empty
printf '\n\n' >blank
refused_train 'blank: no line holds a token' --train-tokens blank --train-tags blank
refused_train 'absent: No such file' --train-tokens absent --train-tags train.out
refused_train '--train-tokens FILE and --train-tags FILE are missing'
refused_train '--train-tags FILE is missing' --train-tokens train.in
refused_train '--test-tokens FILE is missing' --train-tokens train.in --train-tags train.out --test-tags test.out
refused_train '--valid-tags: ' --train-tokens train.in --train-tags train.out --valid-tokens valid.in --valid-tags ''
printf 'a\377\n' >bytes
refused_train 'bytes: no valid UTF-8 at byte 1 \(line 1\)' --train-tokens bytes --train-tags bytes
refused_train 'more' --train-tokens train.in --train-tags train.out --valid-tokens train.in --valid-tags more.out
refused_train "gru has no forget gate" --train-tokens train.in --train-tags train.out --cell gru --forget-bias 1
refused '--test-tokens FILE' eval tagger m/model.safetensors
refused 'short.out has 299' eval tagger m/model.safetensors --test-tokens train.in --test-tags short.out
refused 'say which model' eval tagger --test-tokens test.in --test-tags test.out
refused "train.in: .*" tag train.in
refused 'say which model' tag
refused "'b'" tag m/model.safetensors b
refused "--batch: '0'" tag m/model.safetensors --batch 0
refused 'not for lm' eval lm m/model.safetensors --data train.in
refused 'not for classifier' classify m/model.safetensors
rc=0
"$tool" tag m/model.safetensors <bytes >out 2>err || rc=$?
is "bytes that are no text" refusal 'standard input: no valid UTF-8 at byte 1 \(line 1\)'

rc=0
printf 'leave oslo\n\377\narrive\n' | "$tool" tag m/model.safetensors >out 2>err || rc=$?
is "lines before them are answered" same "$rc $(cat out)" '2 O B-from'
is "the line is named" holds 'standard input: no valid UTF-8 at byte 0 .line 2.' err

for word in 'train tagger' 'eval tagger' tag; do
    # shellcheck disable=SC2086
    works $word --help
    is "$word --help" holds 'Usage: tapeloop'
    case $word in
    train*) options="train-tokens train-tags valid-tokens valid-tags test-tokens test-tags unidirectional cell hidden
        embed layers dropout epochs batch lr seed threads out resume" ;;
    eval*) options="valid-tokens valid-tags test-tokens test-tags threads" ;;
    tag) options="batch threads" ;;
    esac
    for option in $options; do
        is "$word --help mentions --$option" holds "--$option[^a-z-]"
    done
done

# --- Its log

works plot split -o curves.gp
is "its log is drawn, with its scores" eval 'grep -q "^set title .loss" curves.gp &&
    grep -q "^set title .f1" curves.gp &&
    grep -q "^set title .precision" curves.gp &&
    grep -q "^set title .gradient norm" curves.gp &&
    grep -q "^set title .speed, words" curves.gp'
works watch --once split
is "and watched" starts 'split: tagger, epoch'
train --log-gradients --out grads
is "--log-gradients changes nothing of the model" cmp -s grads/model.safetensors m/model.safetensors
is "and tells of states over time" holds '"grad_by_step": {"layer=0/t=\*": \[[0-9.e-]*, ' grads/log.jsonl

finish
