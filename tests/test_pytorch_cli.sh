#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command and PyTorch's state dicts: those of tests/fixtures/pytorch (tools/fixtures/state_dicts.py) are evaluated,
# converted and written; models are saved under PyTorch's names.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
dicts=$2/tests/fixtures/pytorch
text=$dicts/text.txt
book=$2/tools/data/timemachine.txt

loss() {
    tail -n 1 "${1:-out}" | sed -n 's/.*"test": {"loss": \([^,]*\),.*/\1/p'
}

size() {
    wc -c <"$1" | tr -d ' '
}

# --- What PyTorch saved gives the loss that PyTorch computed: read as it is, converted, and converted back

while read -r name cell all _; do
    [ "$cell" = rnn_relu ] && given="--cell rnn_relu" || given=
    # shellcheck disable=SC2086
    works eval lm "$dicts/$name.safetensors" --vocab "$text" --data "$text" $given
    is "$name has PyTorch's loss" close "$(loss)" "$all" 1e-5
    # shellcheck disable=SC2086
    works convert "$dicts/$name.safetensors" --vocab "$text" $given -o ours.safetensors
    works eval lm ours.safetensors --data "$text"
    is "$name, converted, has its loss" close "$(loss)" "$all" 1e-5
    works convert ours.safetensors --pytorch-names -o theirs.safetensors
    works eval lm theirs.safetensors --data "$text"
    is "$name, converted back, has its loss" close "$(loss)" "$all" 1e-5
    works info theirs.safetensors
    is "info lists what is in the file" eval 'holds "^tensors .*, a state dict of PyTorch" && holds "^  rnn.weight_hh_l0 " && ! holds "rnn.l0"'
    is "$name is one of $cell" holds "^model        $cell language model"
done <"$dicts/losses.tsv"
is "the relu net is none of tanh" [ "$(awk '$1 == "rnn_relu" { print $2 }' "$dicts/losses.tsv")" = rnn_relu ]

# --- Half of the text is what --split says

works eval lm "$dicts/gru.safetensors" --vocab "$text" --data "$text" --split 0,50,50
half=$(awk '$1 == "gru" { print $4 }' "$dicts/losses.tsv")
is "half of the text has its loss" close \
    "$(sed -n 's/.*"valid": {"loss": \([^,]*\),.*/\1/p' out)" "$half" 1e-5

# --- Symbols in another order, which rows follow; lists, objects, and with the file

# Each symbol replaced by the next one, in the list and in the text: the numbers are what they were.
all=$(awk '$1 == "gru" { print $3 }' "$dicts/losses.tsv")
works eval lm "$dicts/gru.safetensors" --vocab "$dicts/rotated.json" --data "$dicts/rotated.txt"
is "rows go where their symbols go" close "$(loss)" "$all" 1e-5
if command -v jq >/dev/null; then
    jq -Rs '[match("(.|\n)"; "g").string] | unique' <"$text" >list.json
    jq 'to_entries | map({(.value): .key}) | add' <list.json >object.json
    for vocab in list object; do
        works eval lm "$dicts/gru.safetensors" --vocab $vocab.json --data "$text"
        is "a vocabulary as $vocab" close "$(loss)" "$all" 1e-5
    done
    jq 'reverse' <list.json >reversed.json
    works eval lm "$dicts/gru.safetensors" --vocab reversed.json --data "$text"
    reversed=$(loss)
    is "another order is another model" awk -v a="$reversed" -v b="$all" 'BEGIN { exit !(a > b + 0.01 || a < b - 0.01) }'
    works convert "$dicts/gru.safetensors" --vocab reversed.json -o reversed.safetensors
    works eval lm reversed.safetensors --data "$text"
    is "the order stays" close "$(loss)" "$reversed" 1e-5
    jq '.[0:32]' <list.json >short.json
    refused 'the vocabulary has 32 symbols, and no matrix of the state dict has as many rows: .* have 33$' \
        eval lm "$dicts/gru.safetensors" --vocab short.json --data "$text"
    jq '.[0] = .[1]' <list.json >twice.json
    refused "twice.json: the symbol .* stands twice" eval lm "$dicts/gru.safetensors" --vocab twice.json --data "$text"
    jq '.["q"] = 0' <object.json >numbers.json
    refused "numbers.json: the symbols' numbers are not those from 0 to 32, once each" \
        eval lm "$dicts/gru.safetensors" --vocab numbers.json --data "$text"
fi
echo '[1]' >bad.json
refused 'bad.json: symbol 0 of the vocabulary is no text' eval lm "$dicts/gru.safetensors" --vocab bad.json --data "$text"
echo '"text"' >bad.json
refused 'bad.json:1: no JSON|bad.json: no vocabulary' eval lm "$dicts/gru.safetensors" --vocab bad.json --data "$text"
echo '{' >bad.json
refused 'bad.json:[12]: no JSON: ' eval lm "$dicts/gru.safetensors" --vocab bad.json --data "$text"
refused 'none.json: ' eval lm "$dicts/gru.safetensors" --vocab none.json --data "$text"
refused 'none.txt: ' eval lm "$dicts/gru.safetensors" --vocab none.txt --data "$text"

# --- What cannot be known, or be read

LC_ALL=C sed '1s/"F32"/"I32"/' "$dicts/gru.safetensors" >whole.safetensors
refused "tapeloop eval lm: whole.safetensors: tensor '.*' has dtype I32" \
    eval lm whole.safetensors --vocab "$text" --data "$text"
refused 'does not tell what its symbols are: .* take --vocab FILE' eval lm "$dicts/gru.safetensors" --data "$text"
refused 'does not tell what its symbols are' sample "$dicts/gru.safetensors"
refused 'read in both directions; a language model may not' \
    eval lm "$dicts/lstm_both.safetensors" --vocab "$text" --data "$text"
refused '--cell lstm: the state dict is one of gru_lbr' \
    eval lm "$dicts/gru.safetensors" --vocab "$text" --data "$text" --cell lstm
refused 'the vocabulary has 33 symbols, and no matrix of the state dict has as many rows' \
    eval lm "$dicts/alone.safetensors" --vocab "$text" --data "$text"
refused 'it asks for nothing.weight of shape \(33, 5\), which is missing' \
    eval lm "$dicts/gru.safetensors" --vocab "$text" --data "$text" --modules embed=nothing
refused "the file has no recurrent layers named 'lstm': no matrices weight_ih_l0 and weight_hh_l0" \
    eval lm "$dicts/gru.safetensors" --vocab "$text" --data "$text" --modules rnn=lstm
refused "'oops' is no list like embed=encoder,rnn=rnn,out=decoder" convert x -o y --modules oops
refused 'a state dict that PyTorch saved, which is read as a language model, not for tagger' eval tagger "$dicts/gru.safetensors" --test-tokens "$text" --test-tags "$text"
works info "$dicts/gru.safetensors"
is "tells that it is no model yet" holds "^model        none: a state dict of PyTorch's"
is "lists its tensors" holds '^  rnn.weight_hh_l0 *(24, 8) *F32$'
works info "$dicts/half.safetensors"
is "lists halves" holds '^  rnn.weight_hh_l0 *(32, 8) *F16$'

# --- Trained under PyTorch's names

# shellcheck disable=SC2086
tiny="--limit 600 --hidden 8 --embed 4 --epochs 2 --batch 4 --length 16 --threads 1"
for cell in rnn rnn_relu gru_lbr lstm; do
    # shellcheck disable=SC2086
    works train lm --data "$book" $tiny --cell $cell --layers 2 --out $cell
    cp out plain.json
    # shellcheck disable=SC2086
    works train lm --data "$book" $tiny --cell $cell --layers 2 --pytorch-names --keep best --out $cell.named
    is "$cell: names change no number" close "$(loss)" "$(loss plain.json)" 1e-6
    works eval lm $cell.named/model.safetensors
    is "$cell: read again" close "$(loss)" "$(loss plain.json)" 1e-5
    is "$cell: under PyTorch's names" [ "$(grep -ac '"rnn.weight_hh_l1"' $cell.named/model.safetensors)" -gt 0 ]
    is "$cell: and no others" [ "$(grep -ac '"rnn.l1.w"' $cell.named/model.safetensors)" -eq 0 ]
    works convert $cell.named/model.safetensors -o back.safetensors
    is "$cell: back to the same bytes" cmp -s back.safetensors $cell/model.safetensors
    works sample $cell.named/model.safetensors --chars 20 --seed 3
    cp out sampled
    works sample $cell/model.safetensors --chars 20 --seed 3
    is "$cell: writes the same" cmp -s out sampled
done
works convert lstm/model.safetensors --names rnn=lstm,embed=encoder,out=fc -o other.safetensors
is "names that were asked for" [ "$(grep -ac '"lstm.weight_hh_l1".*' other.safetensors)" -gt 0 ]
works eval lm other.safetensors
is "are read again" close "$(loss)" "$(loss plain.json)" 1e-5
works train lm --data "$book" --out lstm.named --resume --epochs 3
is "a training goes on under its names" [ "$(grep -ac '"rnn.weight_hh_l1"' lstm.named/model.safetensors)" -gt 0 ]
works eval lm lstm.named/last.safetensors

# shellcheck disable=SC2086
run train lm --data "$book" $tiny --cell mgu --pytorch-names --out none
is "refused before it trains" refusal "--pytorch-names: torch.nn has no cell mgu"
# shellcheck disable=SC2086
run train lm --data "$book" --limit 600 --model markov --batch 4 --length 16 --epochs 1 --pytorch-names --out none
is "refused for other models" refusal "--pytorch-names: PyTorch's names are for models of an embedding"
# shellcheck disable=SC2086
works train lm --data "$book" $tiny --cell mgu --out mgu
refused "torch.nn has no cell mgu: it has rnn, " convert mgu/model.safetensors --pytorch-names -o none
refused '-o FILE is missing' convert mgu/model.safetensors
refused 'no state dict that PyTorch saved, so it takes none of --vocab' eval lm mgu/model.safetensors --vocab "$text"

# --- Taggers and classifiers

printf 'a b c\nb c\nc a\n' >words
printf 'A B C\nB C\nC A\n' >tags
printf 'x\ta b\ny\tb c\nx\ta a\n' >lines
works train tagger --train-tokens words --train-tags tags --test-tokens words --test-tags tags --epochs 2 --hidden 4 \
    --embed 3 --bidirectional --cell gru_lbr --pytorch-names --out tagger
cp out trained
works eval tagger tagger/model.safetensors --test-tokens words --test-tags tags
is "a tagger is read again" close "$(loss)" "$(loss trained)" 1e-5
is "a tagger in both directions" [ "$(grep -ac '"rnn.weight_hh_l0_reverse"' tagger/model.safetensors)" -gt 0 ]
works train classifier --train lines --test lines --epochs 2 --hidden 4 --embed 3 --pytorch-names --out classifier
cp out trained
works eval classifier classifier/model.safetensors --test lines
is "a classifier is read again" close "$(loss)" "$(loss trained)" 1e-5

# --- Damaged

head -c 3000 "$dicts/gru.safetensors" >cut.safetensors
refused 'cut.safetensors: .*the file was cut short' eval lm cut.safetensors --vocab "$text" --data "$text"
# 999 layers that are only named, upon one of 512 units: 8 GB, were it believed.
awk 'function tensor(name, a, b) {
        printf "%s\"%s\":{\"dtype\":\"F16\",\"shape\":[%d,%d],\"data_offsets\":[%d,%d]}", at ? "," : "{", name, a, b, at, at + 2 * a * b
        at += 2 * a * b
    }
    BEGIN {
        tensor("e.weight", 33, 8); tensor("o.weight", 33, 512)
        tensor("r.weight_ih_l0", 2048, 8); tensor("r.weight_hh_l0", 2048, 512)
        for (k = 1; k < 1000; k++) tensor("r.weight_ih_l" k, 0, 1)
        printf "}"
    }' >header
n=$(size header)
{
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o\\%03o\\%03o\\0\\0\\0\\0\\0' $((n % 256)) $((n / 256 % 256)) $((n / 65536)))"
    cat header
    head -c $((2 * (33 * 8 + 33 * 512 + 2048 * 8 + 2048 * 512))) /dev/zero
} >named.safetensors
refused '1000 layers of lstm with 512 units are 2.1e.09 numbers, the file has 1.08e.06' \
    eval lm named.safetensors --vocab "$text" --data "$text"
is "a state dict is as small as its numbers" [ "$(size "$dicts/half.safetensors")" -lt 3000 ]
finish
