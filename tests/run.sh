#!/usr/bin/env bash
# Runs all tests of sessile. Needs a Debian or Ubuntu machine with Rust; installs what else it
# needs, and says so. Works from any directory. Its status is 0 only if everything passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/steps.sh

# The names in the [features] table. All are read from there, so that a new one is checked too.
features() {
    awk '/^\[/ { inside = ($0 == "[features]") }
         inside && match($0, /^[a-z0-9_-]+ *=/) { sub(/ *=.*/, ""); print }' Cargo.toml
}

# check_library NAME FLAG...: the library alone, without what the tests' dependencies switch on.
# A warning is an error, and only the crate itself is compiled again for that.
check_library() {
    local name=$1
    shift
    step "the library compiles with $name" \
        cargo rustc --lib --profile check "$@" -- --deny warnings
}

check_features() {
    local all feature
    all=$(features)
    [[ -n $all ]] || fail "no features found in Cargo.toml"
    check_library "no feature" --no-default-features
    for feature in $all; do
        check_library "$feature" --no-default-features --features "$feature"
    done
    check_library "all features" --all-features
    step "tests and examples compile with the default features" cargo check --tests --examples
}

run_tests() {
    # Tests start the examples as programs.
    step "the examples" cargo build --examples --all-features
    if cargo nextest --version >/dev/null 2>&1; then
        step "the tests" \
            cargo nextest run --all-features --no-fail-fast -E 'not binary(mutants)'
        # By itself: it compiles all the time, which tests of time limits would feel.
        step "the mutants" cargo nextest run --all-features --test mutants
    else
        step "the tests" cargo test --lib --bins --tests --all-features --no-fail-fast
    fi
    step "the doctests" cargo test --doc --all-features
}

heading "The tools"
need_cargo
need_linker
need_servers
need_browser
check_features
run_tests
summary "tests/run.sh"
