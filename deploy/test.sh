#!/usr/bin/env bash
# Is everything right? Each phase in turn; at the end, also after a failure, the cluster that was started for
# it is taken down, and it is told where the time went. CLUSTER=existing: the cluster is the one of KUBECONFIG.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
devcluster=target/devcluster/bin/devcluster state=target/devcluster/state
names=() times=() started=

phase() { # phase NAME COMMAND…
    local name=$1 begun=$SECONDS code=0
    shift
    echo "== $name"
    "$@" || code=$?
    names+=("$name") times+=($((SECONDS - begun)))
    return "$code"
}

end() {
    local code=$?
    if [ -n "$started" ]; then phase "cluster: down" make --no-print-directory cluster-down || code=1; fi
    echo
    for i in "${!names[@]}"; do printf '%5d s  %s\n' "${times[$i]}" "${names[$i]}"; done
    printf '%5d s  in all\n' "$SECONDS"
    [ ! -f target/closing-line ] || cat target/closing-line
    exit "$code"
}
trap end EXIT
rm -f target/closing-line

tests() {
    ./deploy/count-tests.sh "$cargo test --workspace --doc" \
        "$cargo test --workspace --all-targets --no-fail-fast -- --include-ignored $*"
}

phase "set-up" make --no-print-directory setup
for habit in fmt clippy doc deny golden-check instructions; do phase "$habit" make --no-print-directory "$habit"; done

if [ "${CLUSTER:-}" = existing ]; then
    : "${KUBECONFIG:?CLUSTER=existing needs KUBECONFIG to name the cluster}"
    phase "tests" tests --skip outage
    exit
fi

phase "cluster: build" make --no-print-directory cluster-build
phase "cluster: tests of its own code" make --no-print-directory cluster-check
if $devcluster status >/dev/null 2>&1; then
    echo "a cluster is up already, and stays up: how it ends is not tested"
else
    started=yes
    phase "cluster: faults" ./deploy/devcluster/faults.sh "$devcluster" "$PWD/$state"
fi
phase "cluster: up" make --no-print-directory cluster
KUBECONFIG=$($devcluster status | sed -n 's/^export KUBECONFIG=//p')
export KUBECONFIG
phase "tests" tests
