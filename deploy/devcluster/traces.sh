#!/usr/bin/env bash
# What on this machine could be a trace of a cluster? Printed alike before and after one, so that `diff` tells;
# what has neither a name nor a place that a cluster would use is somebody else's, and may change meanwhile.
set -euo pipefail
state=$1 run=/run/metaparticle-devcluster

settings() { # the kernel's, that a node's programs change
    (cd /proc/sys && grep -H . net/ipv4/ip_forward net/bridge/bridge-nf-call-ip*tables vm/overcommit_memory \
        vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_max* 2>/dev/null)
}
rules() {
    nft list chains | awk '$1 == "table" { table = $2 " " $3 } { print table ": " $0 }' |
        grep -E 'metaparticle|kube|KUBE|CNI' || true
    if command -v iptables-save >/dev/null; then iptables-save 2>/dev/null | grep -E 'KUBE|CNI' || true; fi
}

processes() { # what is linked into devcluster, and what was told of its folders; but not who looks for it
    local all
    all=$(ps -ewwo args)
    grep -E -e "^([^ ]*/)?(devcluster|kube-[a-z-]+|kubelet|coredns|docker-registry)( |\$)" -e "$state|$run" <<<"$all" |
        grep -vE '(traces|faults|test)\.sh' | awk '{ print $1 }' | sort || true
}

echo "processes:"; processes
echo "mounts:"; awk -v state="$state" -v run="$run" '$5 ~ "/cni-" || index($5, state) == 1 || index($5, run) == 1 { print $5 }' \
    /proc/self/mountinfo | sort
echo "interfaces:"; ip -brief link | awk '{ print $1 }' | grep -E '^(mpdev|cni|kube-|veth[0-9a-f]{8}@)' | sort || true
echo "routes:"; ip route | grep -E 'mpdev|^10\.(244|96)\.' | sort || true
echo "network namespaces:"; ip netns | grep '^cni-' || true
echo "rules:"; rules
echo "cgroups:"; find /sys/fs/cgroup -maxdepth 2 -type d | grep -E 'metaparticle|kubepods' || true
echo "settings:"; settings || true
echo "folders:"; ls -d "$state" "$run" /run/containerd /var/lib/kubelet /var/lib/cni /var/log/containers /var/log/pods \
    /opt/cni /opt/containerd /etc/cni /usr/libexec/kubernetes 2>/dev/null || true
