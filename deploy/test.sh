#!/usr/bin/env bash
# Is everything right? One phase after the other, each within so many minutes. At the end, also of a failure,
# the cluster that was started for it is taken down, it is told where the time went, and the last line counts
# the tests. CLUSTER says on which cluster those run that want one: `own` (one that is started here, or is up
# here), `existing` (the one of KUBECONFIG) or `none`; if it says nothing, `own` where this machine can have one.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
devcluster=target/devcluster/bin/devcluster state=$PWD/target/devcluster/state
names=() times=() started='' without='' running='' failed='' counted=''

phase() { # phase NAME MINUTES COMMAND…
    local name=$1 minutes=$2 begun=$SECONDS code=0
    shift 2
    echo "== $name"
    # In the background, because a shell that waits for a program in front hears of nothing else.
    timeout --kill-after=20 "${minutes}m" "$@" &
    running=$!
    wait "$running" || code=$?
    names+=("$name") times+=($((SECONDS - begun)))
    if [ $code = 124 ]; then echo "$name took more than $minutes minutes" >&2; fi
    if [ $code != 0 ]; then failed=${failed:-$name}; fi
    return "$code"
}

end() {
    local code=$?
    trap '' INT TERM
    if [ -n "$started" ]; then phase "cluster: down" 5 "$devcluster" down --state "$state" || code=1; fi
    echo
    for i in "${!names[@]}"; do printf '%5d s  %s\n' "${times[$i]}" "${names[$i]}"; done
    printf '%5d s  in all\n' "$SECONDS"
    if [ -n "$without" ]; then echo "the tests that want a cluster were skipped: $without"; fi
    case $failed in
    '') ;;
    cluster*) echo "failed: $failed (\`make test-quick\` is for machines that cannot have one)" ;;
    *) echo "failed: $failed" ;;
    esac
    if [ -n "$counted" ] && [ -f target/closing-line ]; then
        cat target/closing-line
    else # no test ran: whatever kept them from it counts as one
        echo "tests: 0 passed, 1 failed, 0 skipped"
    fi
    exit "$code"
}
trap end EXIT
trap 'kill "$running" 2>/dev/null; exit 130' INT TERM

tests() { # tests ARGUMENTS-OF-THE-TESTS: benches know no others than their own
    rm -f target/closing-line
    counted=yes
    # What people run, and so do tests: they find it here.
    phase "programs" 15 "$cargo" build --quiet --workspace --bins --examples
    phase "tests" 45 ./deploy/count-tests.sh "$cargo test --workspace --doc" \
        "$cargo test --workspace --tests --no-fail-fast -- $*" \
        "$cargo test --workspace --bench *"
}

case ${CLUSTER:-} in
none) without="CLUSTER=none" ;;
existing) : "${KUBECONFIG:?CLUSTER=existing needs KUBECONFIG to name the cluster}" ;;
own | '')
    if [ "$(uname)" != Linux ]; then without="a cluster needs Linux"; fi
    if [ "$(id -u)" != 0 ]; then without="a cluster needs root"; fi
    if [ "${CLUSTER:-}" = own ] && [ -n "$without" ]; then
        failed="$without, and CLUSTER=own asks for one (CLUSTER=none does without)"
        exit 1
    fi
    ;;
*)
    failed="CLUSTER=$CLUSTER is none of: own, existing, none"
    exit 1
    ;;
esac
if [ -n "$without" ]; then echo "the tests that want a cluster will be skipped: $without"; fi

phase "set-up" 15 make --no-print-directory setup
for habit in fmt clippy doc deny golden-check instructions; do
    phase "$habit" 15 make --no-print-directory "$habit"
done
if [ -n "$without" ]; then tests; exit; fi
if [ "${CLUSTER:-}" = existing ]; then tests --include-ignored --skip outage; exit; fi

phase "cluster: build" 30 make --no-print-directory cluster-build
phase "cluster: tests of its own code" 10 make --no-print-directory cluster-check
up=0
"$devcluster" status >/dev/null 2>&1 || up=$?
if [ $up = 3 ]; then
    started=yes
    phase "cluster: faults" 15 ./deploy/devcluster/faults.sh "$devcluster" "$state"
else
    echo "a cluster is up already: what is missing of it is started, it stays up, and how one ends is not tested"
fi
phase "cluster: up" 5 "$devcluster" up --state "$state"
# What is not ready for a moment now is not what is asked here.
KUBECONFIG=$({ "$devcluster" status || true; } | sed -n 's/^export KUBECONFIG=//p')
export KUBECONFIG
tests --include-ignored
