#!/usr/bin/env bash
# What do the tests need that a fresh machine lacks? A C compiler's friends are not among it; `curl` (a
# real client) and `cargo-deny` (the licences) are. Run again, it finds them and says nothing.
set -euo pipefail

need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null && return
    echo "installing $2"
    local as=; [ "$(id -u)" = 0 ] || as=sudo
    $as apt-get update -qq
    $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
}

need curl curl
need python3 python3

rustup component add rustfmt clippy 2>/dev/null || cargo fmt --version >/dev/null

if ! cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny (a few minutes, once)"
    cargo install cargo-deny --locked --version 0.20.2 --quiet
fi
