#!/usr/bin/env bash
# What do the tests need that a fresh machine lacks? `curl` (a real client), `python3` (an independent
# judge of the ring), `node` (for the examples), `valgrind` (counts instructions), `skopeo` (an independent
# reader of images), `docker-registry` and `htpasswd` (a real registry, and who may push there) and `cargo-deny`
# (the licences), which goes into the folder given. Run again, it finds them and says nothing. The cluster has a
# set-up of its own: devcluster/build.sh.
set -euo pipefail
tools=$1
here=$(dirname "$0")

for tool in curl python3 valgrind skopeo docker-registry htpasswd/apache2-utils; do
    command -v "${tool%/*}" >/dev/null || "$here/install.sh" "${tool#*/}"
done

command -v node >/dev/null || "$here/install.sh" nodejs

for component in rustfmt clippy; do
    if ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then rustup component add "$component"; fi
done

if ! PATH="$tools/bin:$PATH" cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny into $tools (two minutes on two cores, once)"
    # Not optimized, which would take twice as long: it runs for seconds.
    cargo install cargo-deny --locked --debug --version 0.20.2 --root "$tools"
fi
