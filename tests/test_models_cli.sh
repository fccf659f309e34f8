#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Language models of all kinds as a user meets them. Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt

# valid FILE, test FILE: the losses
valid() {
    sed -n 's/.*"valid": {"loss": \([0-9.]*\),.*/\1/p' "$1"
}
test_loss() {
    sed -n 's/.*"test": {"loss": \([0-9.]*\),.*/\1/p' "$1"
}

for model in markov hmm ngram rnn; do
    case $model in
    markov) sizes="--order 3 --embed 4 --hidden 8" ;;
    hmm) sizes="--states 5" ;;
    ngram) sizes="--order 3" ;;
    rnn) sizes="--embed 4 --hidden 8" ;;
    esac
    tiny="train lm --data $book --limit 3000 --batch 4 --length 16 --epochs 2 --threads 1 --quiet --model $model $sizes"
    # shellcheck disable=SC2086
    works $tiny --out $model
    is "$model prints the line of train lm" starts \
        '{"task": "lm", "train": {"loss": .*}, "valid": {"loss": .*, "perplexity": .*}, "test": {.*}.*}$'
    cp out trained
    works eval lm $model/model.safetensors --threads 1
    is "$model is evaluated as it was in training" same "$(valid out) $(test_loss out)" "$(valid trained) $(test_loss trained)"
    works sample $model/model.safetensors --chars 20 --prime "The "
    is "$model writes" [ "$(wc -c <out)" -ge 20 ]
    works info $model/model.safetensors
    is "$model is described" holds '^model  '
    works graph $model/model.safetensors --length 2
    is "$model is drawn" holds digraph
    # shellcheck disable=SC2086
    works $tiny --out split --max-steps 7
    works train lm --out split --resume --threads 1 --quiet --max-steps 1000
    is "$model trained in two parts is the same" cmp -s $model/model.safetensors split/model.safetensors
    rm -rf split
done
works train lm --data "$book" --model ngram --order 4 --threads 1 --quiet --out big
is "n-grams need one epoch" same "$(number epochs out)" 1
is "n-grams of a book know half of it" awk -v x="$(test_loss out)" 'BEGIN { exit !(x > 1.4 && x < 1.75) }'
works train lm --data "$book" --model ngram --order 2 --threads 1 --quiet --overwrite --out big
is "pairs know less" awk -v x="$(test_loss out)" 'BEGIN { exit !(x > 2 && x < 2.6) }'

refused "--model: 'mlp' is none of rnn, markov, hmm, ngram" train lm --data "$book" --model mlp --out none
refused '--order is not for the model rnn' train lm --data "$book" --order 2 --out none
refused '--states is not for the model markov' train lm --data "$book" --model markov --states 2 --out none
refused '--order is not for the model hmm' train lm --data "$book" --model hmm --order 2 --out none
refused 'at most 32' train lm --data "$book" --model ngram --order 33 --out none
refused 'no layers' train lm --data "$book" --model ngram --hidden 33 --out none
refused 'no recurrent layers' train lm --data "$book" --model markov --layers 2 --out none

# edited MODEL SED WHAT: a model of the same length with other words in its header, or other bytes behind it
edited() {
    LC_ALL=C sed "$2" "$1/model.safetensors" >edited
    is "the edit $2 changes the file" eval '! cmp -s "$1/model.safetensors" edited'
    run eval lm edited --threads 1
    is "a model with $2" refusal "$3"
}
edited markov 's/\\"order\\": 3/\\"order\\": 2/' "edited: .*net.hidden.w"
edited markov 's/\\"order\\": 3/\\"order\\": 0/' "edited: .*range"
edited hmm 's/\\"states\\": 5/\\"states\\": 6/' "edited: .*emission"
edited hmm 's/\\"states\\": 5/\\"states\\": 0/' "edited: .*range"
edited ngram 's/\\"order\\": 3/\\"order\\": 0/' "edited: .*range"
edited ngram 's/\\"model\\": \\"ngram\\"/\\"model\\": \\"ngrim\\"/' "edited: .*'ngrim'"
size=$(wc -c <ngram/model.safetensors)
{ head -c $((size - 4)) ngram/model.safetensors && printf '\000\000\200\177'; } >edited
run eval lm edited --threads 1
is "a text with an infinite symbol" refusal "not in 0"

finish
