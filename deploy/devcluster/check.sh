#!/usr/bin/env bash
# Is the cluster's own code right? Formatting, what vet finds, and its tests; Kubernetes has its own.
set -euo pipefail
cd "$(dirname "$0")"
go=$(./go.sh)
# As build.sh builds, so that Kubernetes is compiled once.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-trimpath '-gcflags=all=-l -dwarf=false'"
unformatted=$("$(dirname "$go")/gofmt" -l .)
if [ -n "$unformatted" ]; then
    echo "gofmt would change: $unformatted" >&2
    exit 1
fi
# Not the joinery beside this: vet would look through all of Kubernetes for it, for ten minutes.
nice -n 10 "$go" vet ./cluster ./host ./image ./pki ./pause
nice -n 10 "$go" test ./cluster ./host ./image ./pki
