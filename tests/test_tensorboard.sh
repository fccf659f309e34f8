#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train --tensorboard: event files, and what TensorBoard itself reads in them where Python has it (TL_PYTHON, or
# python3). Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt
reader=$2/tools/fixtures/tensorboard_events.py
python=${TL_PYTHON:-python3}

tiny="--data $book --limit 3000 --hidden 8 --embed 4 --batch 4 --length 16 --threads 1 --quiet --epochs 3"
# shellcheck disable=SC2086
works train lm $tiny --out one --tensorboard deep/er
is "one file" same "$(ls deep/er | wc -l | tr -d ' ')" 1
is "that TensorBoard finds by its name" eval 'ls deep/er | grep -q "^events\.out\.tfevents\.[0-9]\{10\}\."'
cp one/model.safetensors with
# shellcheck disable=SC2086
works train lm $tiny --out one --overwrite
is "the model is the same without" cmp -s with one/model.safetensors

# A training that goes on adds a file.
# shellcheck disable=SC2086
works train lm $tiny --out two --tensorboard events --max-steps 50
cp -r two stopped
works train lm --resume --out two --tensorboard events --quiet
is "going on adds a file" same "$(ls events | wc -l | tr -d ' ')" 2
rm -r two
mv stopped two
sleep 1 # files are read in the order of their names, which begin with the second
works train lm --resume --out two --tensorboard events --quiet
is "and going on once more from the same place" same "$(ls events | wc -l | tr -d ' ')" 3
is "which is no bound option" holds '"end": "finished"' two/progress.jsonl
refused 'tensorboard: ' train lm --data "$book" --limit 3000 --out other --tensorboard "$book/x"

if "$python" -c 'import tensorboard' 2>/dev/null; then
    # told TAG FILTER LOG: TensorBoard's values of the tag are the log's
    told() {
        "$python" "$reader" read "$2" | awk -v tag="$1" '$1 == tag { print $2, $3 }' >found
        # shellcheck disable=SC2016
        sed -n "$3" "$4" >logged
        [ -s found ] && awk 'NR == FNR { step[NR] = $1; value[NR] = $2; n = NR; next }
            { d = value[FNR] - $2; bad += step[FNR] != $1 || d * d > 1e-10 * $2 * $2 }
            END { exit bad || n != FNR || n == 0 }' found logged
    }
    for log in one two; do
        case $log in one) dir=deep/er ;; two) dir=events ;; esac
        is "TensorBoard reads the training loss of $log" told train/loss $dir \
            's/.*"train": {"loss": \([^,}]*\).*"steps": \([0-9]*\).*/\2 \1/p' $log/log.jsonl
        is "the validation's perplexity of $log" told valid/perplexity $dir \
            's/.*"valid": {[^}]*"perplexity": \([^,}]*\).*"steps": \([0-9]*\).*/\2 \1/p' $log/log.jsonl
        is "the gradient's norm of $log" told grad_norm $dir \
            's/.*"grad_norm": \([^,}]*\).*"steps": \([0-9]*\).*/\2 \1/p' $log/log.jsonl
    done
else
    echo "skipped: TensorBoard's own reader (python3 without tensorboard)"
fi

finish
