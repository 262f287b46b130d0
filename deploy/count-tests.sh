#!/usr/bin/env bash
# Runs each command given (a `cargo test` each) and ends with one line that adds up what they said.
set -uo pipefail

mkdir -p target
said=$(mktemp -p target)
trap 'rm -f "$said"' EXIT
code=0
for command in "$@"; do
    $command 2>&1 | tee -a "$said" || code=1
done
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "\ntests: %d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$said" | tee target/closing-line
exit "$code"
