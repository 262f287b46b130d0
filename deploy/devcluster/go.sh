#!/usr/bin/env bash
# Which go builds the cluster? Its path is printed: the one of this machine, or, where there is none or an
# older one, one that Debian's go fetches as a module, checked by the checksum database.
set -euo pipefail
cd "$(dirname "$0")"
# A go that fetches another one by itself would answer for that one.
export GOTOOLCHAIN=local
toolchain=go1.26.8
wanted=$(awk '$1 == "go" { print $2 }' go.mod)

enough() { # whether this go is not older than go.mod asks
    local found
    found=$("$1" env GOVERSION 2>/dev/null) || return 1
    [ "$(printf '%s\n' "$wanted" "${found#go}" | sort -V | head -1)" = "$wanted" ]
}

for go in "$(command -v go || true)" /usr/local/go/bin/go; do
    if [ -n "$go" ] && enough "$go"; then
        echo "$go"
        exit
    fi
done

../install.sh golang-go ca-certificates >&2
# Outside of any module: this go cannot read the go.mod of a newer one.
cd /
module=golang.org/toolchain@v0.0.1-$toolchain.linux-$(dpkg --print-architecture)
folder=$(/usr/bin/go env GOMODCACHE)/$module
if ! enough "$folder/bin/go"; then
    echo "getting $toolchain" >&2
    /usr/bin/go mod download "$module" >&2
    # A module's files are unpacked without leave to run them.
    find "$folder/bin" "$folder/pkg/tool" -type f -exec chmod +x {} +
fi
echo "$folder/bin/go"
