#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command `watch`: on a training that ended, one under way, one that was killed; on a terminal and elsewhere.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"
book=$2/tools/data/timemachine.txt
unset NO_COLOR COLUMNS
escape=$(printf '\033')

tiny="--data $book --limit 3000 --hidden 8 --embed 4 --batch 4 --length 16 --threads 1 --quiet"
# shellcheck disable=SC2086
works train lm $tiny --epochs 3 --out done
cp out result

# --- What has ended

works watch done
is "a line for each epoch, and the result" lines 4
is "epochs" starts 'done: epoch 1  loss [0-9.]*  perplexity [0-9.]*  valid: loss [0-9.]*  perplexity [0-9.]*  [0-9,]* characters/s$'
is "the result as train printed it" eval 'tail -n 1 out | cmp -s - result'
works watch --once done
is "how it stands" starts 'done: lm, epoch 3 of 3, update [0-9]* of [0-9]*; ended: finished$'
is "a curve and its value" holds '^  loss  *@.*\.  *[0-9.]*  least [0-9.]*$'
is "of all figures" same "$(sed 's/^  \([a-z]*\).*/\1/' out | tail -n +2 | tr '\n' ' ')" \
    "loss validation perplexity gradient rate speed "
is "no line is wider than 80 columns" awk 'length > 80 { exit 1 }' out
is "plain" eval '! holds "$escape"'
COLUMNS=50 works watch --once done
is "as wide as it is told" awk 'length > 50 { exit 1 }' out
COLUMNS=3 works watch --once done
is "even where hardly anything is seen" awk 'length > 3 { exit 1 }' out
if locale -a 2>/dev/null | grep -qi '^C.utf-\{0,1\}8$'; then
    LC_ALL=C.UTF-8 works watch --once done
    is "blocks where the locale has them" holds '^  loss  *█.*▁'
fi
works watch --once done/log.jsonl
is "a log alone, beside its journal" starts 'done/log.jsonl: lm, epoch 3 of 3'
cp done/log.jsonl alone.jsonl
works watch alone.jsonl
is "a log alone" starts 'alone.jsonl: epoch 1 '
is "has no result" lines 3
works watch done alone.jsonl
is "several at once" lines 7

# A name, or a sentence in a file, does not steer the terminal.
mkdir wild
printf '%s\n' '{"begin": "lm\u001b[31m", "unit": "x\u009by", "epochs": 1, "updates": 1, "log": "log.jsonl", "step": 0}' \
    >wild/progress.jsonl
printf '%s\n' '{"end": "failed", "step": 1, "why": "it\u001b[2J\nbroke"}' >>wild/progress.jsonl
works watch --once wild
is "control characters are replaced" eval '! grep -q "$escape" out && starts "wild: lm?\[31m, .*; failed: it?\[2J?broke$"'
refused 'wild: the training failed: it' watch wild

# --- What went wrong

refused 'absent: No such file' watch absent
refused 'say which training' watch
mkdir bad
printf '{"epoch": 1}\n{"epoch"\n' >bad/log.jsonl
rm -f out
run watch --once bad
is "a bad line is named" refusal 'bad/log.jsonl:2: no JSON object'
# shellcheck disable=SC2086
run train lm $tiny --epochs 9 --optimizer sgd --lr 1e6 --clip 0 --cell rnn_relu --out blown
is "a training fails" refusal 'no finite number'
run watch blown
is "as watch says, too" eval '[ $rc -eq 2 ] && grep -q "blown: the training failed: .*no finite number" err'

# --- What is under way

# until WHAT: within a minute
until_() {
    i=0
    while ! eval "$1" && [ $i -lt 600 ]; do
        sleep 0.1
        i=$((i + 1))
    done
    eval "$1"
}
# shellcheck disable=SC2086
"$tool" train lm $tiny --epochs 100000 --out live >/dev/null 2>&1 &
pid=$!
is "begins" until_ '[ -s live/last.safetensors ] && [ "$(wc -l <live/progress.jsonl)" -gt 2 ]'
works watch --once live
is "it runs" starts 'live: lm, epoch [0-9]* of 100000\( ([0-9]*%)\)*, update [0-9,]* of [0-9,]*; running, [0-9hms]* left$'
"$tool" watch live >followed 2>err &
watcher=$!
is "epochs are told" until_ '[ -s followed ] && [ "$(wc -l <followed)" -gt 3 ]'
before=$(wc -l <followed)
is "and those that come" until_ '[ "$(wc -l <followed)" -gt $before ]'
kill -TERM $pid
wait $pid 2>/dev/null
rc=0
wait $watcher || rc=$?
is "watch ends with the training" [ $rc -eq 0 ]
is "each epoch has one line" same "$(sed -n 's/^live: epoch \([0-9]*\) .*/\1/p' followed)" \
    "$(sed -n 's/.*"epoch": \([0-9]*\),.*/\1/p' live/log.jsonl)"
is "no escape codes" eval '! holds "$escape" followed'
works watch --once live
is "and says how it ended" starts '.*; ended: SIGTERM$'

# shellcheck disable=SC2086
"$tool" train lm $tiny --epochs 100000 --out killed >/dev/null 2>&1 &
pid=$!
is "begins" until_ '[ -s killed/last.safetensors ]'
kill -KILL $pid
wait $pid 2>/dev/null
run watch killed
is "a killed one is told" eval '[ $rc -eq 2 ] && grep -q "killed: the training.s process ended without a word" err'

# What begins later.
"$tool" watch --wait later >followed 2>err &
watcher=$!
# shellcheck disable=SC2086
"$tool" train lm $tiny --epochs 2 --out later >/dev/null 2>&1
is "--wait sees what begins later" until_ '[ -s followed ] && [ "$(grep -c "^later: epoch" followed)" -eq 2 ]'
kill -INT $watcher 2>/dev/null || kill -TERM $watcher
sleep 0.2
kill -TERM $watcher 2>/dev/null
wait $watcher 2>/dev/null

# --- On a terminal

# terminal COMMAND: its output there, to `out`
terminal() {
    last=$1
    rc=0
    TERM=xterm script -qec "stty rows 12 cols 60; $1" /dev/null </dev/null >out 2>err || rc=$?
    tr -d '\r' <out >shown
}
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    terminal "'$tool' watch done alone.jsonl"
    is "ends" [ $rc -eq 0 ]
    is "draws" holds "^$escape\[1;0mdone: lm, epoch 3 of 3, .*$escape\[0m$escape\[K" shown
    is "no more lines than there is room for" [ "$(grep -c "$escape\[K$" shown)" -eq 11 ]
    is "of the terminal's width" eval 'sed "s/$escape\[[0-9;]*[A-Za-z]//g" shown | grep -v "^{" | awk "length > 59 { exit 1 }"'
    terminal "NO_COLOR=1 '$tool' watch done"
    is "NO_COLOR has no colours" eval '! holds "$escape\[[0-9;]*m" shown && holds "^done: lm" shown'
    terminal "TERM=dumb '$tool' watch done"
    is "a terminal that cannot gets lines" eval '! holds "$escape" shown && holds "^done: epoch 3" shown'
    terminal "'$tool' watch --once done"
    is "--once is plain" eval '! holds "$escape" shown'
    # shellcheck disable=SC2086
    "$tool" train lm $tiny --epochs 100000 --out drawn >/dev/null 2>&1 &
    pid=$!
    is "begins" until_ '[ -s drawn/progress.jsonl ] && [ "$(wc -l <drawn/progress.jsonl)" -gt 2 ]'
    terminal "timeout --foreground -s INT 2 '$tool' watch drawn; echo code \$?"
    is "drawn again, in place" [ "$(grep -c "$escape\[7A" shown)" -ge 2 ]
    is "SIGINT ends it, the cursor below" eval 'tail -n 1 shown | grep -q "^\($escape\[J\)*code 1[23][04]$"'
    kill -TERM $pid
    wait $pid 2>/dev/null
else
    echo "skipped: watch on a terminal (no program script)"
fi
works watch --help
is "explains itself" holds 'Usage: tapeloop watch'

finish
