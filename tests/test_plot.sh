#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command `plot` on logs made here, and on those of a training. Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt

# epoch E TRAIN VALID NORM LR STEPS SECONDS SPEED: a line of a log
epoch() {
    printf '{"epoch": %s, "train": {"loss": %s}, "valid": %s, "grad_norm": %s, "lr": %s, "steps": %s, "seconds": %s, ' \
        "$1" "$2" "$3" "$4" "$5" "$6" "$7"
    printf '"tok_per_s": %s}\n' "$8"
}
{
    epoch 1 3.5 '{"loss": 3.25, "f1": 10}' 0.5 0.1 100 2 1000
    epoch 2 2.5 '{"loss": 2.75, "f1": null}' '"inf"' 0.1 200 4 1500
    epoch 3 1.5 '{"loss": 2.125, "f1": 40}' 0.25 0.05 300 6 2000
} >a.jsonl
epoch 1 4.5 null 0.75 0.2 10 1 500 >b.jsonl

# panel TITLE FILE: the number of the panel of that title
panel() {
    grep "^set title" "$2" | grep -n "^set title '$1'$" | cut -d: -f1 | awk '{ print $1 - 1 }'
}
# curve PANEL SERIES FILE: its points in one line
curve() {
    sed -n "/^\$panel$1_series$2 << END/,/^END/p" "$3" | sed '1d;$d' | tr '\n' ';'
}

works plot a.jsonl -o a.gp
is "the loss of training" same "$(curve "$(panel loss a.gp)" 0 a.gp)" '1 3.5;2 2.5;3 1.5;'
is "of the validation" same "$(curve "$(panel loss a.gp)" 1 a.gp)" '1 3.25;2 2.75;3 2.125;'
is "a score, with a gap" same "$(curve "$(panel f1 a.gp)" 0 a.gp)" '1 10;;3 40;'
is "what is infinite is a gap" same "$(curve "$(panel 'gradient norm' a.gp)" 0 a.gp)" '1 0.5;;3 0.25;'
is "the rate" same "$(curve "$(panel 'learning rate' a.gp)" 0 a.gp)" '1 0.1;2 0.1;3 0.05;'
is "the speed" same "$(curve "$(panel 'speed, tokens a second' a.gp)" 0 a.gp)" '1 1000;2 1500;3 2000;'
is "five panels" same "$(grep -c '^set title' a.gp)" 5
is "and the legend beside the last" same "$(grep '^set origin' a.gp | tail -n 1)" 'set origin 0.5,0'
is "ticks at whole epochs" holds '^set xtics 1$' a.gp
is "of two names" same "$(sed -n '/^plot NaN/,$p' a.gp | grep -c ' title ')" 2
is "validations are dashed" holds "dashtype 2 .*title 'a.jsonl, validation'" a.gp
is "one x axis" same "$(grep '^set xrange' a.gp | head -n 1)" 'set xrange [1:3]'
works plot a.jsonl -o again.gp
is "the same bytes" cmp -s a.gp again.gp

works plot a.jsonl --x step -o a.gp
is "by updates" same "$(curve 0 0 a.gp)" '100 3.5;200 2.5;300 1.5;'
works plot a.jsonl --x seconds -o a.gp
is "by time, added up" same "$(curve 0 0 a.gp)" '2 3.5;6 2.5;12 1.5;'
works plot a.jsonl --panels lr,loss --log-loss --title "it's" -o a.gp
is "chosen panels" same "$(grep -c '^set title' a.gp)" 2
is "a logarithmic loss" holds 'set logscale y' a.gp
is "a title" holds "title 'it''s'" a.gp

for i in 1 2 3 4 5 6; do cp a.jsonl "run$i.jsonl"; done
works plot run?.jsonl -o many.gp
is "all names in one column" holds 'vertical maxrows 12' many.gp
is "for which there is room" holds 'size 1040,826 ' many.gp
sed 's/"loss": [0-9.]*/"loss": 1.7/g; 1s/1.7/1.6/' a.jsonl > narrow.jsonl
works plot narrow.jsonl --panels loss --log-loss -o narrow.gp
is "numbers on a short logarithmic axis" holds '^set ytics (1.6, 1.62, 1.64, 1.66, 1.68, 1.7)' narrow.gp

works plot a.jsonl b.jsonl -o ab.gp
is "two runs in a panel" same "$(curve 0 1 ab.gp)" '1 4.5;'
is "each with its colour and marks" holds "linetype 2 .*pointtype 4 .*title 'b.jsonl'" ab.gp
is "where one has no validation it has no curve" eval '! holds "b.jsonl, validation" ab.gp'

# A log that is being written, and one that is damaged.
{ cat a.jsonl && printf '{"epoch": 4, "train": {"lo'; } >cut.jsonl
works plot cut.jsonl -o cut.gp
is "a line that is being written is left out" same "$(curve 0 0 cut.gp)" '1 3.5;2 2.5;3 1.5;'
tr -d '\n' <b.jsonl >open.jsonl
works plot open.jsonl -o open.gp
is "a last line without its end counts" same "$(curve 0 0 open.gp)" '1 4.5;'
{ cat b.jsonl && echo '{"epoch": 2, "train"' && cat b.jsonl; } >bad.jsonl
refused 'bad.jsonl:2: no JSON object' plot bad.jsonl -o none.gp
echo '[1]' >>a.jsonl
refused 'a.jsonl:4: no JSON object' plot a.jsonl -o none.gp
printf '{"a": "\000"}\n' >zero.jsonl
refused 'zero.jsonl:1: ' plot zero.jsonl -o none.gp
: >empty.jsonl
refused 'empty.jsonl: there is nothing to draw yet' plot empty.jsonl -o none.gp
refused 'nothing to draw yet in these panels' plot b.jsonl --panels f1 -o none.gp
refused 'absent: ' plot absent -o none.gp
mkdir bare
refused 'bare holds no training' plot bare -o none.gp
refused 'say which training' plot -o none.gp
refused 'say where the picture goes' plot b.jsonl
refused '\.svg' plot b.jsonl -o none.jpeg
refused "--x: 'hours'" plot b.jsonl --x hours -o none.gp

# --- Of trainings

tiny="--limit 3000 --hidden 8 --embed 4 --batch 4 --length 16 --threads 1 --quiet"
# shellcheck disable=SC2086
works train lm --data "$book" $tiny --epochs 2 --out one
# shellcheck disable=SC2086
works train lm --data "$book" $tiny --epochs 3 --cell gru --out two --log elsewhere.jsonl
works plot one two -o lm.gp
is "perplexity has its panel" [ -n "$(panel perplexity lm.gp)" ]
is "and speed its unit" [ -n "$(panel 'speed, characters a second' lm.gp)" ]
is "names are those of directories" holds "title 'two, validation'" lm.gp
is "a log that is elsewhere is found" same "$(curve 0 1 lm.gp | tr ';' '\n' | wc -l | tr -d ' ')" 3
last=$(sed -n '$s/.*"train": {"loss": \([0-9.]*\),.*/\1/p' elsewhere.jsonl)
is "with its figures" eval 'curve 0 1 lm.gp | grep -q "3 $last;$"'

# Within epochs: lines of a journal come by the clock, so these are made.
cat >one/progress.jsonl <<'END'
{"begin": "lm", "unit": "characters", "epochs": 2, "updates": 80, "log": "log.jsonl", "step": 0}
{"step": 10, "epoch": 1, "part": 0.25, "loss": 4.0, "grad_norm": 0.5, "lr": 0.002, "tok_per_s": 100, "seconds": 1, "left": 3}
{"step": 60, "epoch": 2, "part": 0.5, "loss": 3.0, "grad_norm": 0.25, "lr": 0.001, "tok_per_s": 200, "seconds": 3, "left": 1}
END
printf '{"step": 70, "epo' >>one/progress.jsonl
works plot one --within -o within.gp
is "loss within epochs" same "$(curve 0 0 within.gp)" '0.25 4;1.5 3;'
is "speed, too" same "$(curve "$(panel 'speed, characters a second' within.gp)" 0 within.gp)" '0.25 100;1.5 200;'
works plot one/log.jsonl --within --x step -o within.gp
is "also by updates, and of a log beside its journal" same "$(curve 0 0 within.gp)" '10 4;60 3;'

# --- Gradients

# One update an epoch: the norm of all is the root of the sum of squares.
# shellcheck disable=SC2086
works train lm --data "$book" $tiny --limit 600 --length 100 --epochs 6 --layers 2 --split 100,0,0 --log-gradients --out grads
is "the parameters' norms add up" awk '{
    match($0, /"grad_norm": [0-9.e-]*/); all = substr($0, RSTART + 13, RLENGTH - 13)
    match($0, /"grad_norms": {[^}]*/); n = split(substr($0, RSTART + 15, RLENGTH - 15), norm, /[:,]/)
    sum = 0
    for (i = 2; i <= n; i += 2) sum += norm[i] ^ 2
    if (n < 16 || (sqrt(sum) / all - 1) ^ 2 > 1e-10) exit 1 }' grads/log.jsonl
works plot grads --show parameters -o p.gp
is "a panel for each module" same "$(sed -n "s/^set title '\(.*\)'/\1/p" p.gp | tr '\n' ' ')" "gradient norm, embed gradient norm, rnn.l0 gradient norm, rnn.l1 gradient norm, out "
is "with six epochs" same "$(curve 1 0 p.gp | tr ';' '\n' | wc -l | tr -d ' ')" 6
is "the same part, the same look" eval '[ "$(sed -n "s/.*series[0-9]* using 1:2 with linespoints linetype 3 .*/x/p" p.gp | wc -l)" -eq 2 ]'
is "on a logarithmic axis" holds 'set logscale y' p.gp
works plot grads --show steps -o s.gp
is "a panel for each layer" same "$(sed -n "s/^set title '\(.*\)'/\1/p" s.gp | tr '\n' ' ')" "|dL/dh|, layer=0/t=* |dL/dh|, layer=1/t=* "
is "with all steps" same "$(curve 0 4 s.gp | tr ';' '\n' | wc -l | tr -d ' ')" 100
is "after some epochs" same "$(sed -n "s/.*title 'after epoch \([0-9]*\)'.*/\1/p" s.gp | tr '\n' ' ')" "1 2 4 5 6 "
works plot grads --show parameters --panels out -o p.gp
is "chosen modules" same "$(grep -c '^set title' p.gp)" 1
# Scales on which numbers stand: three curves of a ratio, around 0.06.
for ratio in 1.01 1.2 2.9 3.1 4.9 5.1 30 99; do
    awk -v r=$ratio 'BEGIN { for (k = 0; k < 3; k++)
        printf "{\"epoch\": %d, \"grad_norm\": 1, \"grad_norms\": {\"out.w\": %.9g}}\n", k + 1, 0.06 * r ^ ((k - 1) / 2) }' >n.jsonl
    works plot n.jsonl --show parameters -o n.gp
    is "a ratio of $ratio is numbered twice or more" awk '/^unset logscale y/ { fine = 1 }
        /^set yrange/ { split(substr($3, 2), range, ":"); low = range[1] + 0; high = range[2] + 0 }
        /^set ytics \(/ { n = split(substr($0, 12), tic, ", ")
            for (i = 1; i <= n; i++) shown += tic[i] + 0 >= low && tic[i] + 0 <= high }
        END { exit !(fine || shown >= 2) }' n.gp
done
is "one panel is as wide as the sheet" same "$(grep -c '^set size 1,' n.gp)" 2
refused 'only one training' plot grads one --show steps -o none.gp
refused 'train with --log-gradients' plot one --show parameters -o none.gp
refused "--show: 'weights'" plot one --show weights -o none.gp

if command -v gnuplot >/dev/null; then
    for type in svg png pdf; do
        works plot one two b.jsonl -o "x.$type"
        is "draws $type" [ "$(wc -c <"x.$type")" -gt 5000 ]
        is "without a word" [ ! -s err ]
    done
    is "with names" holds 'two, validation' x.svg
    works plot b.jsonl -o one.svg
    is "one epoch is drawn without a word" [ ! -s err ]
fi
works plot --help
is "explains itself" holds 'Usage: tapeloop plot'

finish
