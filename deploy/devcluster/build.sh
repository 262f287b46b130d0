#!/usr/bin/env bash
# What does the development cluster need that this machine lacks? Debian's packages for what runs containers,
# a go, and the cluster's own program, built into the folder given. Run again, it finds them.
set -euo pipefail
out=$(realpath -m "$1")
cd "$(dirname "$0")"

# Looked for by what they bring: where another package brought it, that one stays.
packages=()
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
for tool in containerd runc docker-registry nft/nftables; do
    command -v "${tool%/*}" >/dev/null || packages+=("${tool#*/}")
done
compgen -G '/usr/lib*/cni/bridge' >/dev/null || [ -e /opt/cni/bin/bridge ] || packages+=(containernetworking-plugins)
[ ${#packages[@]} = 0 ] || ../install.sh "${packages[@]}"
go=$(./go.sh)
version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
if [ ! -x "$out/devcluster" ]; then
    echo "building Kubernetes $version (some 2800 packages, twelve minutes of CPU time, once)"
fi
mkdir -p "$out"
progress() { # of go's lines, a name alone is a package that it builds now; the rest is for people
    awk '/^go: downloading/ { next } NF == 1 { if (++built % 250 == 0) { print "  " built " packages"; fflush() } next }
         { print; fflush() }' >&2
}

# Behind whoever works on this machine; without C, so that nothing depends on where it was built. Nobody
# debugs it and no request of a test waits for its inner loops: what inlining and debug information cost is a
# third of the build.
CGO_ENABLED=0 GOTOOLCHAIN=local GOGC=${GOGC:-200} nice -n 10 "$go" build -v -trimpath -buildvcs=false -gcflags='all=-l -dwarf=false' -o "$out/" \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" . ./pause 2>&1 | progress
ln -sf devcluster "$out/kubectl"
