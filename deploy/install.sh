#!/usr/bin/env bash
# Which of these Debian packages are missing? They are installed, and nothing that is here is removed, changed
# or overwritten for it; their services are not started, not even at the next boot: they are for machines that
# serve all day.
set -euo pipefail

missing=()
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing+=("$package")
done
[ ${#missing[@]} != 0 ] || exit 0

as=
if [ "$(id -u)" != 0 ]; then as="sudo -n"; fi
if ! command -v apt-get >/dev/null || ! $as true 2>/dev/null; then
    echo "packages are missing: as root, \`apt-get install ${missing[*]}\` or what your system has for it, then run again" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '$as rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | $as install -m 755 /dev/stdin $policy
fi
echo "installing ${missing[*]}"
$as apt-get update -qq -o DPkg::Lock::Timeout=300 </dev/null
$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "${missing[@]}" </dev/null >/dev/null
if [ -d /run/systemd/system ]; then
    for service in "${missing[@]}"; do
        if systemctl is-enabled --quiet "$service" 2>/dev/null; then $as systemctl disable --quiet "$service"; fi
    done
fi
