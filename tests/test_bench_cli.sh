#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tapeloop bench: that each work runs and what its JSON object says, not how fast it is.
# Arguments: the tapeloop program, the source directory.
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

# A work of a moment.
quick="--hidden 8 --batch 3 --steps 3 --warmup 2 --threads 1"
sizes() {
    case $1 in
    lm) echo "--vocab 11 --embed 5 --layers 2 --length 4" ;;
    last-state) echo "--input 5 --length 4" ;;
    seq2seq) echo "--vocab 11 --embed 5 --source 4 --target 3" ;;
    ragged) echo "--input 5 --min-length 2 --max-length 6" ;;
    unequal) echo "--input 5 --min-length 2 --length 6" ;;
    trees) echo "--input 5 --vocab 11 --min-leaves 2 --leaves 6" ;;
    esac
}

# bench WORK OPTIONS...
bench() {
    work=$1
    shift
    # shellcheck disable=SC2046,SC2086
    works bench "$work" $quick $(sizes "$work") "$@"
}

# between LOW X HIGH
between() {
    awk -v x="$2" -v low="$1" -v high="$3" 'BEGIN { exit !(x != "" && x + 0 >= low && x + 0 <= high) }'
}

# --- What each work prints

for work in lm last-state seq2seq ragged unequal trees; do
    bench $work
    is "$work prints one line" lines 1
    is "$work prints JSON" json out
    is "$work says nothing else" [ ! -s err ]
    is "$work is Tapeloop's" holds '"framework": "tapeloop", "version": "[0-9]'
    is "$work ran on one thread" same "$(number threads out)" 1
    for key in ms_per_step first_step_ms tok_per_s rss_mib nodes record_ns_per_node; do
        is "$work tells $key" between 1e-6 "$(number $key out)" 1e12
    done
    is "$work asks for no memory" between 0 "$(number allocations_per_step out)" 0
    is "$work plans nothing anew" between 0 "$(number plan_misses out)" 0
    is "$work finds its plans" between 3 "$(number plan_hits out)" 1e6
    loss=$(number loss out)
    is "$work has a loss" between 1e-6 "$loss" 100
    bench $work --threads 2
    is "$work finds it again on two threads" close "$(number loss out)" "$loss" 1e-5
    is "and tells their number" same "$(number threads out)" 2
    bench $work --executor plain
    plain=$(number loss out)
    bench $work --executor planned --plan -split
    is "$work has one loss for all executors" close "$(number loss out)" "$plain" 1e-5
    bench $work --impl composed --plan none --seed 2
    is "$work has another loss for another seed" [ "$(number loss out)" != "$loss" ]
    works bench $work --help
    is "$work explains itself" holds "Usage: tapeloop bench $work"
    is "$work explains itself to the end" holds "they belong to\.$"
    for option in hidden batch threads impl plan executor steps warmup seed; do
        is "$work --help mentions --$option" holds "--$option=[A-Z]"
    done
    is "$work --help mentions --profile" holds '--profile\[=FILE\]'
done

bench lm
is "lm names its sizes" holds '"work": "lm lstm V11 E5 H8 L2 T4 B3"'
is "random symbols are no easy text" close "$(number loss out)" "$(awk 'BEGIN { print log(11) }')" 0.5
for cell in rnn gru gru_lbr mgu lstm_peephole; do
    bench lm --cell $cell --embed 0
    is "lm names the cell" holds "\"lm $cell V11 E0 "
    bench last-state --cell $cell
    is "last-state names it, too" holds "\"last-state $cell I5 H8 T4 B3\""
done
bench lm --length 9
loss=$(number loss out)
for steps in 1 4 9 20; do
    bench lm --length 9 --checkpoint $steps
    is "lm has the same loss with checkpoints" close "$(number loss out)" "$loss" 1e-5
    is "and asks for no memory" same "$(number allocations_per_step out)" 0.0
done
for work in lm last-state; do
    bench $work --cell lstm
    loss=$(number loss out)
    for impl in fused auto; do
        bench $work --cell lstm --impl $impl
        is "$work has the same loss $impl" close "$(number loss out)" "$loss" 1e-5
        is "$work asks for no memory $impl" same "$(number allocations_per_step out)" 0.0
    done
done
bench seq2seq
is "seq2seq names its sizes" holds '"work": "seq2seq attention V11 E5 H8 S4 T3 B3"'
bench ragged
is "ragged names its sizes" holds '"work": "ragged lstm 2..6 I5 H8 B3"'
bench unequal
is "unequal names its sizes" holds '"work": "unequal lstm 2..6 I5 H8 B3"'
bench trees
is "trees names its sizes" holds '"work": "trees lstm 2..6 V11 I5 H8 B3"'
bench trees --plain 1
is "and its cell" holds '"work": "trees plain 2..6 V11 I5 H8 B3"'
bench trees --min-leaves 1 --leaves 1
is "a tree may be a leaf" holds '"work": "trees lstm 1..1 '

# Forward runs have no loss; a layer in every form has nothing else than times.
for cell in lstm gru mgu; do
    for impl in composed auto; do
        works bench forward --cell $cell --input 3 --hidden 4 --length 5 --batch 2 --steps 9 --threads 2 --impl $impl
        is "forward prints JSON" json out
        is "forward names its sizes" holds "\"work\": \"forward $cell I3 H4 L2 T5 B2\""
        is "forward has no loss" [ "$(grep -c loss out)" = 0 ]
        is "forward tells its time" between 1e-6 "$(number ms_per_step out)" 1e6
        is "the fastest step is no slower" between 1e-6 "$(number best_ms out)" "$(number ms_per_step out)"
        is "forward asks for no memory" same "$(number allocations_per_step out)" 0.0
    done
done
works bench forward --cell lstm --hidden 4 --impl fused --profile --steps 2
is "forward has a profile" holds 'phase of a step' err
refused "rnn: cell mgu has no fused form" bench forward --cell mgu --impl fused
for cell in lstm gru gru_lbr rnn rnn_relu; do
    works bench fused --cell $cell --input 3 --hidden 4 --length 5 --batch 3 --rounds 4 --threads 2
    is "fused prints JSON" json out
    is "fused names its sizes" holds "\"work\": \"fused $cell I3 H4 T5 B3\""
    for key in raw_ms composed_ms fused_ms auto_ms fused_over_raw auto_over_better fused_over_raw_cpu; do
        is "fused tells $key" between 1e-6 "$(number $key out)" 1e6
    done
done
refused "--cell: mgu is none of lstm, gru" bench fused --cell mgu

# Losses go down: the steps train.
bench last-state --steps 1 --warmup 0
loss=$(number loss out)
bench last-state --steps 200
is "training lowers the loss" between 0 "$(number loss out)" "$(awk -v x="$loss" 'BEGIN { print 0.99 * x }')"
bench lm --length 1 --batch 1 --hidden 1 --steps 1 --warmup 0
bench ragged --batch 1 --min-length 1 --max-length 1

# --- A stream

for cell in lstm gru mgu jordan; do
    works bench infer --cell $cell --input 3 --hidden 4 --steps 60 --threads 1
    is "infer prints one line" lines 1
    is "infer prints JSON" json out
    is "infer says nothing else" [ ! -s err ]
    is "infer names its sizes" holds "\"work\": \"infer $cell I3 H4 L2 B1\""
    for key in ms_per_step best_ms p99_ms tok_per_s recorded_ms_per_step rss_mib; do
        is "infer tells $key" between 1e-6 "$(number $key out)" 1e12
    done
    is "infer asks for no memory" same "$(number allocations_per_step out)" 0.0
    is "the fastest is not above the median" between 0 "$(number best_ms out)" "$(number ms_per_step out)"
done
works bench infer --input 3 --hidden 4 --layers 3 --batch 5 --steps 1 --threads 2 --plan none
is "infer has layers and rows" holds '"work": "infer lstm I3 H4 L3 B5"'
works bench infer --help
for option in cell input hidden layers batch steps threads seed plan; do
    is "infer --help mentions --$option" holds "--$option=[A-Z]"
done
refused 'no whole number' bench infer --batch 0
refused "'nonsense'" bench infer --plan nonsense

# --- Profiles

# adds_up TITLE: in the first table whose head has this title, the lines make up the last one. The last digit
# may be off, by one in each line.
adds_up() {
    awk -v title="$1" '
        !within && index($0, title) { within = 1; next }
        within && (NF == 0 || $1 !~ /^-?[0-9.]+$/) { exit }
        within { sum += last; last = $1; lines++ }
        END {
            off = sum - last
            exit !(lines > 2 && last > 0 && off < 0.0006 * lines && off > -0.0006 * lines)
        }' err
}

# At most 100 columns in any line.
narrow() {
    awk 'length($0) > 100 { wide = 1 } END { exit wide }' err
}

for work in lm last-state seq2seq ragged unequal; do
    for threads in 1 2; do
        bench $work --threads $threads --profile
        is "$work --profile prints one line to stdout" lines 1
        is "and JSON in it" json out
        is "$work shows the phases of a step" adds_up 'phase of a step'
        for table in 'instruction  ' 'kind of instruction' 'scope'; do
            is "$work: the table by $table adds up to the run" adds_up "$table"
        done
        is "$work's tables are narrow" narrow
        is "$work tells about the planner" holds '^  distribute  [0-9]* nodes in [1-9]' err
    done
done
bench lm --profile --executor plain
is "the plain executor has a profile" adds_up 'instruction  '
is "but no planner" eval '! holds "pass by pass" err'

# In the file nothing is rounded: phases and instructions, with what is left, are the step and the run.
bench lm --profile=profile.json --threads 2
is "a profile in a file leaves stderr empty" [ ! -s err ]
is "the file is one line" lines 1 profile.json
is "of JSON" json profile.json
is "it tells the work" holds '"work": "lm lstm V11 ' profile.json
if command -v jq >/dev/null; then
    says() {
        jq -e "$1" profile.json >/dev/null
    }
    is "phases add up" says '([.phases[]] | add) - .ms_per_step | fabs < 1e-4'
    is "instructions add up" says '([.instructions[].ms] | add) + .waiting_ms + .remainder_ms - .phases.run | fabs < 1e-4'
    is "calls are the plan's instructions" says '([.instructions[].calls] | add) as $calls | .planner |
        .gemms + .programs + .kernels + .copies + .stand_ins + .packs == $calls'
    is "speeds make sense" says '.gemm_gflops > 0 and all(.instructions[]; .ms >= 0 and .bytes >= 0)'
fi
refused "^tapeloop bench: none/x: No such file" bench lm --profile=none/x
refused "--profile: the name is empty" bench lm --profile=

works bench gemm --threads 1
is "gemm prints one line" lines 1
is "gemm prints JSON" json out
for key in gflops gflops_1120x1024x256 gflops_256x1024x1120; do
    is "gemm tells $key" between 1e-3 "$(number $key out)" 1e6
done
is "gemm ran on one thread" same "$(number threads out)" 1
works bench gemm --help

# --- The list of works

works bench --help
for work in lm last-state forward infer seq2seq ragged unequal trees fused gemm; do
    is "lists $work" holds "tapeloop bench $work "
done
run bench
is "without a work the list goes to stderr" eval '[ $rc -eq 2 ] && [ ! -s out ] && holds "bench last-state" err'
is "and a sentence" holds '^tapeloop bench: say which work$' err

# --- Nonsense

refused "'tv' is no work" bench tv
refused "'9' is not an option" bench lm 9
refused "unrecognized option" bench lm --input 3
refused "unrecognized option" bench seq2seq --cell lstm
refused "--cell: 'hopfield' is none of rnn, " bench last-state --cell hopfield
refused "--hidden: '0' is no whole number from 1" bench lm --hidden 0
refused "--checkpoint: '-1' is no whole number from 0" bench lm --checkpoint -1
refused "--layers: '1x' is no whole number" bench lm --layers 1x
refused "--max-length: '2000000' is no whole number" bench ragged --max-length 2000000
refused "--steps: '0' is no whole number" bench unequal --steps 0
refused "--threads: '-1' is no whole number" bench gemm --threads -1
refused "'2' is not an option" bench gemm 2
refused "--impl fused: the layers of this work cannot be fused" bench ragged --impl fused
refused "rnn: cell mgu has no fused form: impl must be composed, or auto" bench last-state --impl fused
refused "--impl: 'fast' is none of composed, fused, auto" bench lm --impl fast
refused "--plan: 'roll_up' is no pass; there are roll" bench lm --plan fuse,roll_up
refused "--executor: 'eager' is neither planned nor plain" bench lm --executor eager
for work in ragged unequal; do
    refused 'the least length, 40, is above the greatest, 35' bench $work --min-length 40
done
refused 'the least number of leaves, 9, is above the greatest, 6' bench trees --min-leaves 9 --leaves 6
# shellcheck disable=SC2046,SC2086
"$tool" bench lm $quick $(sizes lm) >/dev/full 2>err
rc=$?
: >out
is "a full disk is no success" refusal 'standard output'

finish
