#!/usr/bin/env bash
# How many instructions a request of each kind takes in a plain tower service with sessions on
# the memory store, the making of the request included, beside a service that puts one `Arc` into
# the extensions. The count does not depend on what else
# the machine does, so that growth shows. A report and no test: needs valgrind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 1; }

program=$(CARGO_PROFILE_BENCH_DEBUG=1 cargo bench --bench instructions --no-run 2>&1 | sed -n "s/.*Executable.*(\(.*\))$/\1/p")
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

count() {
    valgrind --tool=callgrind --callgrind-out-file="$directory/out" "$program" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : //p'
}

printf '%-14s %s\n' kind 'instructions for a request'
for kind in one-arc one-arc-cookie no-cookie untouched read forged modify create; do
    few=$(count "$kind" 1000)
    many=$(count "$kind" 3000)
    printf '%-14s %d\n' "$kind" $(((many - few) / 2000))
done
