#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train classifier, eval classifier, classify: on names that end as their language has it.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

# write N FILE SEED: names from syllables, with the ending of one of three languages, and others around
write() {
    awk -v n="$1" -v seed="$3" 'BEGIN {
        srand(seed)
        split("ba ko li mu ne ro sa tu", syllable)
        split("ow|escu|ää", end, "|")
        split("polski|română|suomi", label, "|")
        for (i = 0; i < n; i++) {
            k = 1 + int(rand() * 3)
            w = ""
            for (s = 1 + int(rand() * 3); s > 0; s--)
                w = w syllable[1 + int(rand() * 8)]
            print label[k] "\t" w end[k]
        }
    }' >"$2"
}

# words N FILE SEED: a word somewhere in the text says what it is about
words() {
    awk -v n="$1" -v seed="$3" 'BEGIN {
        srand(seed)
        split("the|a|of|and|is|was", filler, "|")
        split("rain|goal|vote", key, "|")
        split("weather|sport|politics", label, "|")
        for (i = 0; i < n; i++) {
            k = 1 + int(rand() * 3)
            length_ = 1 + int(rand() * 8)
            at = 1 + int(rand() * length_)
            w = ""
            for (s = 1; s <= length_; s++)
                w = w (s > 1 ? " " : "") (s == at ? key[k] : filler[1 + int(rand() * 6)])
            print label[k] "\t" w
        }
    }' >"$2"
}

write 240 train.tsv 1
write 50 valid.tsv 2
write 60 test.tsv 3
train() {
    run train classifier --train train.tsv --valid valid.tsv --test test.tsv --unit char --hidden 16 --embed 8 --epochs 8 \
        --lr 0.01 --dropout 0.1 --batch 16 --threads 1 --quiet --overwrite "$@"
}

# figure PART NAME FILE
figure() {
    tail -n 1 "$3" | sed -n "s/.*\"$1\": {\([^}]*\)}.*/\1/p" | sed -n "s/.*\"$2\": \([^,]*\).*/\1/p"
}

cut -f 1 test.tsv >labels
cut -f 2 test.tsv >texts

# --- Learns, is read again, classifies

for pool in last mean max; do
    train --pool $pool --out $pool
    is "trains, pool $pool" succeeded
    is "prints an object" starts '{"task": "classifier", "train": {"loss": [0-9.e-]*}, "valid": {"loss": .*}, "test": {.*}.*}$'
    is "prints JSON" json out
    is "among equal epochs the one with the least loss" awk -v l="$(figure valid loss out)" 'BEGIN { exit !(l < 0.15) }'
    is "all are right, pool $pool" same "$(figure test accuracy out) $(figure test macro_f1 out)" "100.0 100.0"
    cp out first
    run eval classifier $pool/model.safetensors --valid valid.tsv --test test.tsv
    for part in valid test; do
        is "eval finds the loss of $part again" close "$(figure $part loss out)" "$(figure $part loss first)" 1e-5
        is "and its accuracy" same "$(figure $part accuracy out)" "$(figure $part accuracy first)"
    done
    "$tool" classify $pool/model.safetensors <texts >found 2>err
    is "classifies, pool $pool" cmp -s found labels
done
"$tool" classify last/model.safetensors --batch 1 --threads 1 <texts >found
is "line by line, too" cmp -s found labels
"$tool" classify last/model.safetensors --probabilities <texts >found
is "--probabilities has a line each" lines 60 found
is "the likeliest first" [ "$(cut -f 1 found)" = "$(cat labels)" ]
is "with probabilities that fall and add up to 1" awk -F '\t' \
    'NF != 6 || $2 < $4 || $4 < $6 || $2 + $4 + $6 < 0.9999 || $2 + $4 + $6 > 1.0001 { exit 1 }' found
printf 'lirow\r\n\nbaää' | "$tool" classify last/model.safetensors >found
is "an empty line gets a label, too" lines 3 found
is "no newline at the end" same "$(sed -n '1p;3p' found | tr '\n' ' ')" 'polski suomi '

mkfifo to from
"$tool" classify last/model.safetensors <to >from &
exec 3>to 4<from
echo 'koescu' >&3
read -r line <&4
is "answers before the end" same "$line" 'română'
exec 3>&- 4<&-
wait

words 300 train.tsv 1
words 60 valid.tsv 2
words 60 test.tsv 3
for pool in last mean max; do
    train --unit word --pool $pool --bidirectional --cell gru --out words
    is "words, both ways, pool $pool" same "$(figure test accuracy out)" 100.0
    cp out first
    run eval classifier words/model.safetensors --test test.tsv
    is "read again" close "$(figure test loss out)" "$(figure test loss first)" 1e-5
done
is "counts parameters" same "$(number params first)" $((11 * 8 + 2 * (8 + 16 + 1) * 48 + 33 * 3))
echo 'a GOAL was rain' | "$tool" classify words/model.safetensors >found
is "unknown words do no harm" same "$(cat found)" weather
train --unit word --min-count 1000 --out none --epochs 1
is "--min-count leaves <unk> alone" same "$(number params out)" $((2 * 8 + (8 + 16 + 1) * 64 + 17 * 3))
works info words/model.safetensors
is "info tells the pooling" holds '^pool  *"max"'
is "and the unit" holds '^unit  *"word"'

# --- The same by every road

train --unit word --out straight
train --unit word --out split --max-steps 30
run train classifier --resume --out split --quiet
is "in two runs, the same model" cmp -s straight/model.safetensors split/model.safetensors

# Empty texts are examples like others.
printf 'full\ta\nnone\t\nfull\tb a\nnone\t\nfull\tb b b\nnone\t  \n' >empty_texts.tsv
run train classifier --train empty_texts.tsv --test empty_texts.tsv --hidden 4 --embed 4 --epochs 60 --lr 0.1 --batch 2 \
    --dropout 0 --quiet --out empty_texts
is "empty texts can be learned" same "$(figure test accuracy out)" 100.0

# --- Bad input

refused_train() {
    pattern=$1
    shift
    run train classifier --epochs 1 --quiet --out none "$@"
    is "train refuses $* with /$pattern/" refusal "$pattern"
}
: >empty
printf 'a\tb\nc d\n' >columns
printf 'a\tb\n\tc\n' >no_label
printf 'a\tb\tc\n' >three
printf 'weather\train\nmoon\tthe moon\n' >moon
refused_train 'empty: the file is empty' --train empty
refused_train 'columns:2: 1 column found, 2 expected, with tabs between them: label, text' --train columns
refused_train 'three:1: 3 columns' --train three
refused_train 'no_label:2: the label is empty' --train no_label
refused_train 'absent: No such file' --train absent
refused_train '--train FILE is missing'
refused_train "moon:2: the label 'moon' is unknown: it is none of the 3" --train train.tsv --valid moon
refused_train "moon:2: the label 'moon' is unknown" --train train.tsv --test moon
refused_train "--unit: 'byte' is neither char nor word" --train train.tsv --unit byte
refused_train "--pool: 'sum' is .*last.*mean.*max" --train train.tsv --pool sum
refused_train "--min-count: '0'" --train train.tsv --min-count 0
refused "moon:2: the label 'moon' is unknown" eval classifier words/model.safetensors --test moon
refused '--test FILE is missing' eval classifier words/model.safetensors
refused 'say which model' eval classifier --test test.tsv
refused 'say which model' classify
refused 'not for tagger' tag words/model.safetensors
refused 'not for lm' sample words/model.safetensors

# Model files that lie.
changed() {
    ! cmp -s "$1" "$2" && [ "$(wc -c <"$1")" -eq "$(wc -c <"$2")" ]
}
bad_model() {
    sed "s/$1/$2/" max/model.safetensors >bad.safetensors
    is "there is $1 in a model file" changed max/model.safetensors bad.safetensors
    refused "bad.safetensors: .*$3" classify bad.safetensors
}
bad_model 'pool\\": \\"max' 'pool\\": \\"mix' "the configuration's pool is 'mix', which is unknown"
bad_model 'unit\\": \\"char' 'unit\\": \\"ward' "the configuration's unit is 'ward', which is unknown"
bad_model 'pool\\"' 'pole\\"' "pool is ''"
bad_model 'hidden\\": 16' 'hidden\\": 17' 'out.w'
bad_model 'embed\\": 8' 'embed\\": 9' 'embed.table'
bad_model 'layers\\": 1' 'layers\\": 2' 'layers'
bad_model 'română' 'aa\\",\\"b' 'vocabulary|out\.w'

for word in 'train classifier' 'eval classifier' classify; do
    # shellcheck disable=SC2086
    works $word --help
    is "$word --help" holds 'Usage: tapeloop'
    case $word in
    train*) options="train valid test unit pool min-count cell hidden embed layers dropout bidirectional epochs out" ;;
    eval*) options="valid test threads" ;;
    classify) options="probabilities batch threads" ;;
    esac
    for option in $options; do
        is "$word --help mentions --$option" holds "--$option[^a-z-]"
    done
done

# --- Its log

works plot split -o curves.gp
is "its log is drawn, with its scores" eval 'grep -q "^set title .loss" curves.gp &&
    grep -q "^set title .macro_f1" curves.gp &&
    grep -q "^set title .accuracy" curves.gp &&
    grep -q "^set title .learning rate" curves.gp'
works watch --once split
is "and watched" starts 'split: classifier, epoch'
train --unit word --log-gradients --out grads
is "--log-gradients changes nothing of the model" cmp -s grads/model.safetensors straight/model.safetensors
is "and tells of states over time" holds '"grad_by_step": {"layer=0/t=\*": \[[0-9.e-]*, ' grads/log.jsonl

finish
