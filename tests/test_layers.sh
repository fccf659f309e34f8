#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The layers: core < graph < ops < optim < models < tools. A file may include only what stands left of it, or
# its own layer. Also: no function that the house rules ban. Argument: source directory.
set -eu
cd "$1"
checks=0 failures=0
allowed=
for layer in core graph ops optim models tools; do
    allowed="$allowed $layer"
    for file in "$layer"/*.[ch]; do
        checks=$((checks + 1))
        for included in $(sed -n 's/^# *include "\([^"]*\)".*/\1/p' "$file"); do
            case " $allowed " in
            *" ${included%%/*} "*) ;;
            *)
                echo "$file includes $included: that layer stands above $layer"
                failures=$((failures + 1))
                ;;
            esac
        done
        if grep -nE '\b(strcpy|strcat|sprintf|gets|strtok|alloca|atoi|atof|exit|abort)\(' "$file" | grep -v '^[0-9]*:[ 	]*\*'; then
            echo "$file: calls a banned function"
            failures=$((failures + 1))
        fi
    done
done
echo "$((100 * (checks - failures) / checks))%: Checks: $checks, Failures: $failures, Errors: 0"
[ "$failures" -eq 0 ]
