#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train series, eval series, predict: on series made here, and what is said of files that do not fit.
# Arguments: the tapeloop program, the source directory, the program npy_text.
npy=$3
case $npy in /*) ;; *) npy=$PWD/$npy ;; esac
# shellcheck source=tests/cli.sh
. "$2/tests/cli.sh"

# make PROGRAM N SEED: awk's output into files of numbers
make() {
    awk -v n="$2" -v seed="$3" 'BEGIN { srand(seed); pi = 3.14159265358979
        '"$1"'
    }'
}

# pack DTYPE SHAPE NAME: the file NAME.txt
pack() {
    "$npy" pack "$1" "$2" "$3.npy" <"$3.txt"
}

# figure PART NAME FILE
figure() {
    tail -n 1 "$3" | sed -n "s/.*\"$1\": {\([^}]*\)}.*/\1/p" | sed -n "s/.*\"$2\": \([^,]*\).*/\1/p"
}

# below A B
below() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a < b) }'
}

parts='train valid test'
count() {
    case $1 in train) echo 300 ;; valid) echo 60 ;; test) echo 64 ;; esac
}
seed() {
    case $1 in train) echo 1 ;; valid) echo 2 ;; test) echo 3 ;; esac
}

# train NAME ARGS...: on the files NAME_PART_x.npy and NAME_PART_y.npy, into the directory NAME
train() {
    name=$1
    shift
    run train series --train-x "${name}_train_x.npy" --train-y "${name}_train_y.npy" --valid-x "${name}_valid_x.npy" \
        --valid-y "${name}_valid_y.npy" --test-x "${name}_test_x.npy" --test-y "${name}_test_y.npy" \
        --threads 1 --quiet --overwrite --out "$name" "$@"
}

# again NAME ARGS...: eval finds what training found
again() {
    name=$1
    shift
    cp out first
    run eval series "$name/model.safetensors" --valid-x "${name}_valid_x.npy" --valid-y "${name}_valid_y.npy" \
        --test-x "${name}_test_x.npy" --test-y "${name}_test_y.npy" "$@"
    for part in valid test; do
        for what in loss accuracy macro_f1 mse; do
            is "eval finds $what of $part again" [ "$(figure $part $what out)" = "$(figure $part $what first)" ]
        done
    done
}

# predict NAME ARGS...: for the test part, as text in "found"
predict() {
    name=$1
    shift
    run predict "$name/model.safetensors" --x "${name}_test_x.npy" -o "$name.npy" "$@"
    "$npy" print "$name.npy" >found
}

# --- Classes: the frequency of a noisy sine

for part in $parts; do
    make '
        for (i = 0; i < n; i++) {
            k = int(rand() * 3); phase = rand() * 2 * pi
            print k > "'sine_${part}_y.txt'"
            for (t = 0; t < 30; t++)
                print sin((0.3 + 0.4 * k) * t + phase) + 0.2 * (rand() - 0.5) > "'sine_${part}_x.txt'"
            print 20 + int(rand() * 11) > "'sine_${part}_n.txt'"
        }' "$(count $part)" "$(seed $part)"
    pack '<f4' "($(count $part), 30, 1)" sine_${part}_x
    pack '<i4' "($(count $part),)" sine_${part}_y
    pack '<i4' "($(count $part),)" sine_${part}_n
done
lengths="--train-lengths sine_train_n.npy --valid-lengths sine_valid_n.npy --test-lengths sine_test_n.npy"

# right FILE LABELS: percent of lines whose largest number stands where the label says
right() {
    paste "$2" "$1" | awk '{ best = 2; for (k = 3; k <= NF; k++) if ($k > $best) best = k; right += best - 2 == $1 }
        END { printf "%.4f", 100 * right / NR }'
}

for how in last max 'mean lengths'; do
    more=
    case $how in *lengths) more=$lengths ;; esac
    # shellcheck disable=SC2086
    train sine --pool ${how% *} --bidirectional --cell gru --hidden 16 --lr 0.02 --epochs 10 $more
    is "trains, $how" succeeded
    is "prints an object" starts '{"task": "series", "train": {"loss": [0-9.e-]*}, "valid": {"loss": .*}, "test": {.*}.*}$'
    is "prints JSON" json out
    is "more than 95 % are right, $how" below 95 "$(figure test accuracy out)"
    accuracy=$(figure test accuracy out)
    # shellcheck disable=SC2086
    again sine ${more#* * }
    case $how in *lengths) more='--lengths sine_test_n.npy' ;; esac
    # shellcheck disable=SC2086
    predict sine $more
    is "predicts" same "$(cat out)" \
        '{"task": "series", "output": "sine.npy", "holds": "probabilities", "shape": [64, 3]}'
    is "the likeliest are as right as they should be" close "$(right found sine_test_y.txt)" "$accuracy" 1e-3
    is "probabilities add up to 1" awk '$1 + $2 + $3 < 0.9999 || $1 + $2 + $3 > 1.0001 { exit 1 }' found
done
cp found ragged
head -n 30 sine_test_x.txt | head -n "$(head -n 1 sine_test_n.txt)" >one.txt
pack '<f4' "(1, $(head -n 1 sine_test_n.txt))" one
run predict sine/model.safetensors --x one.npy -o one_found.npy
is "a series alone, (N, T), as among longer ones" close "$("$npy" print one_found.npy | cut -d ' ' -f 2)" \
    "$(head -n 1 ragged | cut -d ' ' -f 2)" 1e-5

# The same as bytes, by every road.
for part in $parts; do
    awk '{ printf "%d\n", 128 + 100 * $1 }' sine_${part}_x.txt >bytes_${part}_x.txt
    pack '|u1' "($(count $part), 15, 2)" bytes_${part}_x
    cp sine_${part}_y.npy bytes_${part}_y.npy
done
train bytes --hidden 8 --pool max --epochs 3 --dropout 0.2 --layers 2 --standardize --batch 7
is "bytes" succeeded
again bytes
cp bytes/model.safetensors straight
rm -r bytes
train bytes --hidden 8 --pool max --epochs 3 --dropout 0.2 --layers 2 --standardize --batch 7 --max-steps 61
run train series --resume --out bytes --quiet
is "in two runs, the same model" cmp -s straight bytes/model.safetensors
is "counts parameters" same "$(number params out)" $(((2 + 8 + 1) * 32 + (8 + 8 + 1) * 32 + 9 * 3))
cp sine_train_x.npy copy.npy
run train series --train-x copy.npy --train-y sine_train_y.npy --out other --epochs 2 --max-steps 3 --quiet --hidden 4
awk 'NR == 100 { $1 += 1 } { print }' sine_train_x.txt >copy.txt
pack '<f4' '(300, 30, 1)' copy
run train series --resume --out other --quiet
is "other data are refused" refusal 'data'

# --- Values: the adding problem

for part in $parts; do
    make '
        for (i = 0; i < n; i++) {
            a = int(rand() * 4); b = 4 + int(rand() * 4); sum = 0
            for (t = 0; t < 8; t++) {
                v = rand(); on = t == a || t == b; sum += on * v
                print v, on + 0 > "'add_${part}_x.txt'"
            }
            print sum > "'add_${part}_y.txt'"
            print 1000 + 50 * sum, sum / 10 > "'scaled_${part}_y.txt'"
        }' "$(($(count $part) * 3))" "$(seed $part)"
    n=$(($(count $part) * 3))
    pack '<f4' "($n, 8, 2)" add_${part}_x
    pack '<f4' "($n,)" add_${part}_y
    pack '<f4' "($n, 2)" scaled_${part}_y
    cp add_${part}_x.npy scaled_${part}_x.npy
done
train add --lr 0.01 --epochs 25 --hidden 16
is "adds two numbers: variance 1/6" below "$(figure test mse out)" 0.005
is "no scale, so the loss is that" same "$(figure test loss out)" "$(figure test mse out)"
is "no accuracy" [ -z "$(figure test accuracy out)" ]
again add
cp out first
predict add
is "says what it holds" holds '"values", "shape": \[192, 1\]'
is "predictions miss as much" close "$(paste add_test_y.txt found | awk '{ s += ($1 - $2) ^ 2 } END { print s / NR }')" \
    "$(figure test mse first)" 1e-5
train scaled --lr 0.01 --epochs 10 --hidden 16 --standardize
is "values far from 0 and 1: variances 417 and 0.0017" below "$(figure test loss out)" 0.1
again scaled
cp out first
predict scaled
is "predictions are in the data's own units, as mse is" close "$(paste scaled_test_y.txt found |
    awk '{ s += ($1 - $3) ^ 2 + ($2 - $4) ^ 2 } END { print s / NR / 2 }')" "$(figure test mse first)" 0.01

# --- Labels and values of steps: parity, where half of them are not asked for, and a sum

for part in $parts; do
    make '
        for (i = 0; i < n; i++) {
            odd = sum = 0
            for (t = 0; t < 10; t++) {
                bit = rand() < 0.5; odd = (odd + bit) % 2; sum += bit / 4
                print bit > "'odd_${part}_x.txt'"
                print rand() < 0.5 ? -100 : odd > "'odd_${part}_y.txt'"
                print odd > "'odd_${part}_all.txt'"
                print sum, -sum > "'sum_${part}_y.txt'"
            }
            print i % 11 > "'odd_${part}_n.txt'"
        }' "$(count $part)" "$(seed $part)"
    pack '<f4' "($(count $part), 10, 1)" odd_${part}_x
    pack '<i4' "($(count $part), 10)" odd_${part}_y
    pack '<i4' "($(count $part),)" odd_${part}_n
    pack '<f4' "($(count $part), 10, 2)" sum_${part}_y
    cp odd_${part}_x.npy sum_${part}_x.npy
done
train odd --hidden 8 --lr 0.03 --epochs 30
is "finds parities" same "$(figure test accuracy out) $(figure test macro_f1 out)" "100.0 100.0"
again odd
predict odd
is "says what it holds" holds '"labels of steps", "shape": \[64, 10\]'
is "steps without a label, too" same "$(tr ' ' '\n' <found)" "$(cat odd_test_all.txt)"
lengths=$(echo "$lengths" | sed 's/sine/odd/g')
# shellcheck disable=SC2086
train odd --hidden 8 --lr 0.03 --epochs 30 $lengths
is "with lengths, of which some are 0" same "$(figure test accuracy out)" 100.0
# shellcheck disable=SC2086
again odd ${lengths#* * }
predict odd --lengths odd_test_n.npy
is "-100 past the ends" same "$(sed -n 4p found | cut -d ' ' -f 4-)" '-100 -100 -100 -100 -100 -100 -100'
is "labels before them" same "$(tr ' ' '\n' <found | paste - odd_test_all.txt | awk '$1 == -100 || $1 == $2' | wc -l)" 640
# shellcheck disable=SC2086
train sum --hidden 16 --lr 0.02 --epochs 30 $lengths
is "sums up: variance about 0.5" below "$(figure test mse out)" 0.01
# shellcheck disable=SC2086
again sum ${lengths#* * }
cp out first
predict sum --lengths odd_test_n.npy
is "says what it holds" holds '"values of steps", "shape": \[64, 10, 2\]'
is "predictions miss as much, on real steps" close "$(tr ' ' '\n' <found | paste - - | paste -d ' ' - sum_test_y.txt | awk '
    { i = int((NR - 1) / 10); if ((NR - 1) % 10 < i % 11) { s += ($1 - $3) ^ 2 + ($2 - $4) ^ 2; n += 2 } }
    END { print s / n }')" "$(figure test mse first)" 1e-5

# --- What comes next

next() {
    # shellcheck disable=SC2086
    run train series --train-x sine_train_x.npy --valid-x sine_valid_x.npy --test-x sine_test_x.npy --threads 1 --quiet \
        --overwrite --out next --autoregressive "$@"
    is "trains --autoregressive $*" succeeded
}
# Two pure waves in one series: AR(2) knows each.
make 'for (i = 0; i < 90; i++) for (t = 0; t < 40; t++) print 5 + 3 * sin(0.5 * t + i), cos(0.5 * t + 2 * i)' 0 0 >wave.txt
pack '<f4' '(90, 40, 2)' wave
run train series --train-x wave.npy --valid-x wave.npy --autoregressive 2 --linear --standardize --out wave --quiet \
    --epochs 150 --lr 0.02 --ahead 20
is "x_{t+1} = 2 cos(w) x_t - x_{t-1} + c" below "$(figure valid mse out)" 1e-5
is "and so for twenty steps" below "$(figure valid mse_ahead out)" 1e-2
is "two steps of two numbers in, two out" same "$(number params out)" 10
cp out first
run eval series wave/model.safetensors --valid-x wave.npy
is "eval finds mse_ahead again" same "$(figure valid mse_ahead out)" "$(figure valid mse_ahead first)"
run eval series wave/model.safetensors --valid-x wave.npy --ahead 0
is "or does not ask" [ -z "$(figure valid mse_ahead out)" ]
awk 'int((NR - 1) / 40) < 4 && (NR - 1) % 40 < 20' wave.txt >start.txt
pack '<f4' '(4, 20, 2)' start
run predict wave/model.safetensors --x start.npy -o future.npy
is "predicts as far as training looked ahead" holds '"next steps", "shape": \[4, 20, 2\]'
is "what comes true" awk '
    NR == FNR { if (int((NR - 1) / 40) < 4 && (NR - 1) % 40 >= 20) { want[n++] = $1; want[n++] = $2 } next }
    { for (k = 1; k <= NF; k++) { d = $k - want[m++]; if (d > 0.5 || d < -0.5) exit 1 } } END { exit m != 160 }' \
    wave.txt - <<END
$("$npy" print future.npy)
END
run predict wave/model.safetensors --x start.npy -o future.npy --ahead 3
is "or as far as is asked" holds '"shape": \[4, 3, 2\]'
next 0 --hidden 16 --lr 0.02 --epochs 15
is "a recurrent net: variance 1/2" below "$(figure test mse out)" 0.1
next 3 --hidden 16 --lr 0.02 --epochs 15
is "three steps and hidden units" below "$(figure test mse out)" 0.1
is "have so many parameters" same "$(number params out)" $((4 * 16 + 17))
lengths=$(echo "$lengths" | sed 's/odd/sine/g')
# shellcheck disable=SC2086
next 3 --hidden 16 --lr 0.02 --epochs 15 $lengths
is "of unequal lengths" below "$(figure test mse out)" 0.1

# The loss that is learned from is the one that is reported: where nothing is learned, the same part has the same.
unmoved() {
    name=$1
    shift
    run train series --train-x "${name}_train_x.npy" --valid-x "${name}_train_x.npy" --epochs 1 --lr 1e-12 --hidden 4 \
        --batch 7 --quiet --overwrite --out unmoved "$@"
    is "the loss of $name is the same, $*" close "$(figure train loss out)" "$(figure valid loss out)" 1e-5
}
unmoved odd --train-y odd_train_y.npy --valid-y odd_train_y.npy --train-lengths odd_train_n.npy \
    --valid-lengths odd_train_n.npy
unmoved sum --train-y sum_train_y.npy --valid-y sum_train_y.npy --train-lengths odd_train_n.npy \
    --valid-lengths odd_train_n.npy --standardize
unmoved scaled --train-y scaled_train_y.npy --valid-y scaled_train_y.npy --standardize
for order in 0 3; do
    unmoved sine --autoregressive $order --train-lengths sine_train_n.npy --valid-lengths sine_train_n.npy --standardize
done

# --- Bad input

refused_train() {
    pattern=$1
    shift
    run train series --epochs 1 --quiet --out none "$@"
    is "train refuses $* with /$pattern/" refusal "$pattern"
}
x='--train-x sine_train_x.npy' y='--train-y sine_train_y.npy'
printf '1 2 nan 4\n' >nan.txt
printf '0 -1\n' >minus.txt
printf '0 7\n' >seven.txt
seq 4 >four.txt
"$npy" pack '<f4' '(2, 2, 1)' nan.npy <nan.txt
"$npy" pack '<f4' '(2, 2)' four.npy <four.txt
"$npy" pack '<i4' '(2, 2)' whole.npy <four.txt
"$npy" pack '<f4' '(2, 5)' lies.npy <four.txt
"$npy" pack '<f4' '(0, 5)' none_at_all.npy </dev/null
"$npy" pack '<i4' '(2,)' minus.npy <minus.txt
"$npy" pack '<i4' '(2,)' seven.npy <seven.txt
"$npy" pack '<c8' '(2,)' complex.npy <four.txt
echo -100 -100 -100 -100 >ignored.txt
"$npy" pack '<i4' '(2, 2)' ignored.npy <ignored.txt
echo 1 3 >long.txt
"$npy" pack '<i4' '(2,)' long.npy <long.txt
echo text >text.npy
refused_train '--train-x FILE is missing'
refused_train '--train-y FILE is missing' --train-x four.npy
refused_train 'absent.npy: cannot be opened: No such file' --train-x absent.npy --train-y minus.npy
refused_train 'four.npy has 2 series but sine_train_y.npy has 300' --train-x four.npy $y
refused_train 'nan.npy\[1, 0, 0\] is not a number' --train-x nan.npy --train-y seven.npy
refused_train 'nan.npy\[1, 0, 0\] is not a number' --train-x nan.npy --autoregressive 1
refused_train 'nan.npy.* is not a number' --train-x four.npy --train-y nan.npy
refused_train 'whole.npy has dtype <i4 .*x is' --train-x whole.npy --train-y seven.npy
refused_train 'complex.npy' --train-x four.npy --train-y complex.npy
refused_train 'lies.npy' --train-x lies.npy --train-y seven.npy
refused_train 'text.npy' --train-x text.npy --train-y seven.npy
refused_train 'there is no series in it' --train-x none_at_all.npy --train-y seven.npy
refused_train 'minus.npy\[1\] is -1' --train-x four.npy --train-y minus.npy
refused_train 'ignored.npy: no step of any series has a label' --train-x four.npy --train-y ignored.npy
refused_train 'four.npy: no series is longer than the 2 steps' --train-x four.npy --autoregressive 2
refused_train 'four.npy has 2 series but sine_train_n.npy has 300' --train-x four.npy --train-y seven.npy \
    --train-lengths sine_train_n.npy
refused_train 'long.npy\[1\] is 3; a length is 0 to 2, the steps of four.npy' --train-x four.npy --train-y seven.npy \
    --train-lengths long.npy
refused_train 'there is no y' --train-x four.npy --train-y four.npy --autoregressive 1
refused_train 'what comes next cannot be read from behind' --train-x four.npy --autoregressive 0 --bidirectional
refused_train 'seven.npy\[1\] is class 7; the training data have the classes 0 to 2' $x $y --valid-x four.npy \
    --valid-y seven.npy
refused_train 'odd_test_y.npy holds labels of steps; the model was trained on classes' $x $y --test-x odd_test_x.npy \
    --test-y odd_test_y.npy
refused_train 'add_test_x.npy has 2 inputs a step; the model has 1' $x $y --test-x add_test_x.npy --test-y add_test_y.npy
refused_train '--valid-x FILE is missing' $x $y --valid-y seven.npy
refused_train '--embed: there are no symbols' $x $y --embed 3
refused_train '--linear is for' $x $y --linear
refused_train "--pool: 'sum' is none of last, mean, max" $x $y --pool sum
refused '--test-x FILE is missing' eval series sine/model.safetensors
refused '--test-y FILE is missing' eval series sine/model.safetensors --test-x sine_test_x.npy
refused 'there is no y' eval series next/model.safetensors --test-x sine_test_x.npy --test-y sine_test_y.npy
refused 'say which model' eval series --test-x sine_test_x.npy --test-y sine_test_y.npy
refused 'say which model' predict --x four.npy -o none
refused '-o FILE is missing' predict sine/model.safetensors --x four.npy
refused '--x FILE is missing' predict sine/model.safetensors -o none
refused 'nan.npy\[1, 0, 0\] is not a number' predict sine/model.safetensors --x nan.npy -o none
refused 'add_test_x.npy has 2 inputs a step; the model has 1' predict sine/model.safetensors --x add_test_x.npy -o none
refused 'four.npy: series 0 has 2 steps; the model goes on from 3' predict next/model.safetensors --x four.npy -o none
refused 'four.npy: ' predict four.npy --x four.npy -o none
sed 's/inputs\\": 1,/inputs\\": 9,/' sine/model.safetensors >lying
refused 'lying: the configuration does not fit the weights' predict lying --x four.npy -o none
refused 'not for tagger' eval tagger sine/model.safetensors --test-tokens four.npy --test-tags four.npy

for word in 'train series' 'eval series' predict; do
    # shellcheck disable=SC2086
    works $word --help
    is "$word --help" holds 'Usage: tapeloop'
    case $word in
    train*) options="train-x train-y train-lengths valid-x test-y pool autoregressive linear ahead standardize cell epochs" ;;
    eval*) options="valid-x valid-y valid-lengths test-x test-y test-lengths ahead threads" ;;
    predict) options="x lengths output ahead batch threads" ;;
    esac
    for option in $options; do
        is "$word --help mentions --$option" holds "--$option[^a-z-]"
    done
done

# --- Arrays of .npz archives: those of tests/fixtures/npy, stored and compressed, row-major and column-major

printf '0 1 0\n' >three.txt
"$npy" pack '<i4' '(3,)' three.npy <three.txt
for kind in stored deflated; do
    for array in reals columns; do
        works train series --train-x "$2/tests/fixtures/npy/$kind.npz:$array" --train-y three.npy --epochs 2 --hidden 3 \
            --out "$kind.$array"
        sed 's/"tok_per_s".*//' out >"$kind.$array.out"
        is "$kind $array are the same numbers" cmp -s "$kind.$array.out" stored.reals.out
    done
done
refused "stored.npz: holds no array 'x', but 6 arrays \(reals, columns, " \
    train series --train-x "$2/tests/fixtures/npy/stored.npz:x" --train-y three.npy --out none

# --- Its log

works plot bytes -o curves.gp
is "its log is drawn, with its scores" eval 'grep -q "^set title .loss" curves.gp &&
    grep -q "^set title .accuracy" curves.gp'
works watch --once bytes
is "and watched" starts 'bytes: series, epoch'
train bytes --hidden 8 --pool max --epochs 3 --dropout 0.2 --layers 2 --standardize --batch 7 --log-gradients
is "--log-gradients changes nothing of the model" cmp -s bytes/model.safetensors straight
is "and tells of states over time" holds '"grad_by_step": {"layer=0/t=\*": \[[0-9.e-]*, ' bytes/log.jsonl

finish
