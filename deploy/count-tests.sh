#!/usr/bin/env bash
# Runs each command given (a `cargo test` each) and ends with the figures that the tests left in target/figures,
# and with one line that adds up what they said; a test that is ignored, or left out by name, is one that was skipped.
set -uo pipefail

rm -rf target/figures
mkdir -p target/figures
said=$(mktemp -p target)
trap 'rm -f "$said"' EXIT
code=0
set -f # a `*` is for cargo
for command in "$@"; do
    $command 2>&1 | tee -a "$said" || code=1
done
echo
find target/figures -name '*.txt' | sort | xargs -r cat
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 + $12 }
     END { printf "\ntests: %d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$said" | tee target/closing-line
exit "$code"
