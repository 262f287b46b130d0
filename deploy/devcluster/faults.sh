#!/usr/bin/env bash
# Does `down` leave nothing behind, whatever was killed, and does `up` mend it? Each fault is followed by one
# of the two; the machine is compared with what it was. It needs a machine without a cluster.
set -euo pipefail
devcluster=$1 state=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/traces.sh" >"$work/before"

up() { "$devcluster" up --state "$state" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }
pids() { cat $(find /sys/fs/cgroup -path "*metaparticle-devcluster*" -name cgroup.procs 2>/dev/null) 2>/dev/null | sort -un; }
named() { # the pids of the cluster's processes with this name
    for pid in $(pids); do
        [ "$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -1 | xargs -r basename)" = "$1" ] && echo "$pid"
    done || true
}

clean() { # clean WHAT-HAPPENED
    "$devcluster" down >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
    "$here/traces.sh" >"$work/after"
    if ! diff "$work/before" "$work/after"; then
        echo "not clean after: $1" >&2
        return 1
    fi
    [ ! -e "$state" ] || { echo "state is left after: $1" >&2; return 1; }
    echo "  clean after: $1"
}

mended() { # mended WHAT-HAPPENED
    up && "$devcluster" status >"$work/log" || { cat "$work/log" >&2; echo "not mended after: $1" >&2; return 1; }
    echo "  mended after: $1"
}

up
mended "nothing"
for name in etcd kube-apiserver kube-proxy kubelet containerd coredns docker-registry; do
    kill -9 $(named "$name")
    mended "kill -9 of $name"
done
"$devcluster" add-node >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
kill -9 $(pids)
clean "kill -9 of every process, with two nodes"

for seconds in 0.2 1 3 7; do
    # In a session of its own, as somebody's terminal would have it.
    setsid "$devcluster" up --state "$state" >/dev/null 2>&1 & starting=$!
    timeout "$seconds" tail --pid="$starting" -f /dev/null || true
    kill -9 "$starting" 2>/dev/null || true
    wait "$starting" 2>/dev/null || true
    clean "kill -9 of up after $seconds s"
done

up
setsid "$devcluster" down >/dev/null 2>&1 & ending=$!
timeout 0.2 tail --pid="$ending" -f /dev/null || true
kill -9 "$ending" 2>/dev/null || true
wait "$ending" 2>/dev/null || true
clean "kill -9 of down"

up
rm -rf "$state" 2>/dev/null || true
clean "removal of the state folder"
clean "a second down"
