#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trainings that break, and --check-nan of the command, which says where.
# Usage: test_check_nan.sh TAPELOOP SOURCE_ROOT
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

head -c 4000 "$2/tools/data/timemachine.txt" >text
# Rectified units at a rate far too high; 33 rows of 1 window, so that each epoch is one update.
net="lm --data text --cell rnn_relu --hidden 16 --embed 8 --length 16 --threads 1 --quiet"
blow="$net --optimizer sgd --lr 1e6 --clip 0"

# shellcheck disable=SC2086
run train $blow --out a
is "a loss that is no number stops the training" refusal 'epoch 1, batch [0-9]+: the (loss|gradient) is no finite number'
is "and the sentence tells of --check-nan" refusal '--check-nan'
is "no model is left" [ ! -e a/model.safetensors ]

# shellcheck disable=SC2086
run train $blow --out b --check-nan
is "the first operation is named" refusal 'epoch 1, batch [0-9]+: not finite: [a-z_]+, node [0-9]+'
is "with its place" refusal ', in (layer=0/t=[0-9]+|[a-z]+)'
is "and the ranges of its operands" refusal 'first at \(.*shape \(.*operands? .* from -?[0-9.]+'
is "in one line" [ "$(wc -l <err)" -eq 1 ]

# The best model of a training that breaks later is the one before it broke.
# shellcheck disable=SC2086
works train $net --epochs 1 --batch 16 --limit 700 --out c
# shellcheck disable=SC2086
run train $blow --warmup 1000 --epochs 1 --batch 16 --limit 700 --out d
is "a first epoch at a small rate goes well" succeeded
# shellcheck disable=SC2086
run train $blow --warmup 1000 --epochs 60 --batch 16 --limit 700 --out d --resume
is "then the training breaks" refusal 'finite number.*is kept in d/model.safetensors'
works eval lm d/best.safetensors --threads 1
works eval lm d/model.safetensors --threads 1
is "what is kept is finite" holds '"loss": [0-9]'

# A weight that is no number: the last one of the file.
model=c/model.safetensors
size=$(wc -c <$model)
{ head -c $((size - 4)) $model && printf '\000\000\300\177'; } >nan
run eval lm nan --threads 1 --check-nan
is "a parameter that is no number is named" refusal "not finite: parameter '[a-z0-9_.]+': 1 of [0-9]+ elements is NaN, first at"
is "and what reads it first" refusal 'first used by [a-z_]+, node [0-9]+'
works eval lm $model --threads 1 --check-nan
works bench lm --vocab 20 --hidden 8 --embed 8 --length 5 --batch 2 --steps 2 --threads 1 --check-nan
works problem adding --length 8 --hidden 8 --steps 5 --test 32 --quiet --threads 1 --check-nan
run problem adding --length 40 --hidden 8 --steps 50 --test 32 --cell rnn_relu --clip 0 --lr 1e6 --quiet --threads 1
is "a problem's learner that breaks says so" refusal 'step [0-9]+: .*--check-nan'
run problem adding --length 40 --hidden 8 --steps 50 --test 32 --cell rnn_relu --clip 0 --lr 1e6 --quiet --threads 1 --check-nan
is "and with --check-nan where" refusal 'not finite: [a-z_]+, node [0-9]+.* in layer=0/t='

finish
