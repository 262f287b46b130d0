#!/usr/bin/env bash
# What do the tests need that a fresh machine lacks? `curl` (a real client), `python3` (an independent
# judge of the ring), `valgrind` (counts instructions) and `cargo-deny` (the licences), which goes into
# the folder given. Run again, it finds them and says nothing.
set -euo pipefail
tools=$1

need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null && return
    local as=
    if [ "$(id -u)" != 0 ]; then as="sudo -n"; fi
    if ! command -v apt-get >/dev/null || ! $as true 2>/dev/null; then
        echo "the tests need \`$1\`: install it (on Debian: apt-get install $2), then run again" >&2
        exit 1
    fi
    echo "installing $2"
    $as apt-get update -qq
    $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
}

need curl curl
need python3 python3
need valgrind valgrind

for component in rustfmt clippy; do
    if ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then rustup component add "$component"; fi
done

if ! PATH="$tools/bin:$PATH" cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny into $tools (four minutes on two cores, once)"
    cargo install cargo-deny --locked --version 0.20.2 --root "$tools"
fi
