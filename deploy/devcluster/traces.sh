#!/usr/bin/env bash
# What on this machine could be a trace of a cluster? Printed alike before and after one, so that `diff` tells.
set -euo pipefail

tracks() { # the kernel's settings that a node's programs change
    (cd /proc/sys && grep -H . net/ipv4/ip_forward net/bridge/bridge-nf-call-ip*tables vm/overcommit_memory \
        vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_max* 2>/dev/null)
}

echo "processes:"; ps -eo args | awk '{ print $1 }' |
    grep -E '(^|/)(devcluster|kube[a-z-]*|etcd|coredns|containerd[a-z0-9-]*|runc|docker-registry|pause|replica)$' | sort || true
echo "mounts:"; awk '{ print $5 }' /proc/self/mountinfo | sort
echo "interfaces:"; ip -brief link | awk '{ print $1 }' | sort
echo "routes:"; ip route | sort
echo "network namespaces:"; ip netns
echo "rules:"; nft list tables 2>/dev/null | sort
command -v iptables-save >/dev/null && iptables-save | grep -v '^[#:]' || true
echo "cgroups:"; find /sys/fs/cgroup -maxdepth 2 -type d | grep -E 'metaparticle|kubepods' || true
echo "settings:"; tracks || true
echo "folders:"; ls -d /run/metaparticle* /run/containerd /var/lib/kubelet /var/lib/cni /var/log/containers /var/log/pods \
    /opt/cni /opt/containerd /etc/cni /usr/libexec/kubernetes /var/lib/metaparticle* 2>/dev/null || true
