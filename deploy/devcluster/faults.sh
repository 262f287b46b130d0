#!/usr/bin/env bash
# Does `down` leave nothing behind, whatever was killed, and does `up` mend it? Each fault is followed by one
# of the two; the machine is compared with what it was. It needs a machine without a cluster.
set -euo pipefail
devcluster=$1 state=$(realpath -m "$2")
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/traces.sh" "$state" >"$work/before"

up() { "$devcluster" up --state "$state" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }
pids() { find /sys/fs/cgroup -path '*metaparticle-devcluster*' -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un; }
named() { # the pids of the cluster's processes with this name
    for pid in $(pids); do
        [ "$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -1 | xargs -r basename)" = "$1" ] && echo "$pid"
    done || true
}

clean() { # clean WHAT-HAPPENED
    "$devcluster" down --state "$state" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
    "$here/traces.sh" "$state" >"$work/after"
    if ! diff "$work/before" "$work/after"; then
        echo "not clean after: $1" >&2
        return 1
    fi
    echo "  clean after: $1"
}

interrupted() { # interrupted SECONDS VERB: begun, and killed so long after
    # In a session of its own, as somebody's terminal would have it.
    setsid "$devcluster" "$2" --state "$state" >/dev/null 2>&1 & local begun=$!
    timeout "$1" tail --pid="$begun" -f /dev/null || true
    kill -9 "$begun" 2>/dev/null || true
    wait "$begun" 2>/dev/null || true
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
for table in "ip kube-proxy" "ip6 kube-proxy" "ip metaparticle_devcluster"; do nft delete table $table; done
mended "its rules were flushed"
nft list table ip kube-proxy >/dev/null
"$devcluster" add-node >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
kill -9 $(pids)
clean "kill -9 of every process, with two nodes"

for seconds in 0.2 3; do
    interrupted $seconds up
    clean "kill -9 of up after $seconds s"
done
for seconds in 0.1 1 2 5; do
    interrupted $seconds up
    mended "kill -9 of up after $seconds s"
    kill -9 $(pids)
done

# As after a reboot: of all that runs and of all in /run nothing is left, and the state is as it was.
cp -a "$state" "$work/state"
clean "kill -9 of every process, yet again"
mv "$work/state" "$state"
mended "a reboot"
cp -a "$state" "$work/state"
clean "all that"
mv "$work/state" "$state"
clean "a reboot"

up
interrupted 0.2 down
clean "kill -9 of down"

up
rm -rf "$state" 2>/dev/null || true
clean "removal of the state folder"
clean "a second down"

mkdir "$state" && touch "$state/letter"
if "$devcluster" up --state "$state" >"$work/log" 2>&1 || "$devcluster" down --state "$state" >"$work/log" 2>&1; then
    echo "a folder with somebody's files was taken for the state" >&2
    exit 1
fi
rm "$state/letter" && rmdir "$state"
clean "a state folder that was refused"
