# Shared by tests/run.sh and .ci/run, which source it: steps that are all run and all counted,
# tools that are found or installed, and nothing left running.
# shellcheck shell=bash

passed=()
failed=()
# What could not be tested here.
left_out=()
# Ids of process groups that end when the script does. A server started with
# `set -m; some-server & started+=("$!"); set +m` belongs here too.
started=()

heading() {
    printf '\n==> %s\n' "$*"
}

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

stop_what_was_started() {
    local group
    for group in "${started[@]}"; do
        kill -TERM -- "-$group" 2>/dev/null || true
    done
    for group in "${started[@]}"; do
        wait "$group" 2>/dev/null || true
    done
}
trap stop_what_was_started EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# step NAME COMMAND...: runs the command in a process group of its own, so that a stopped script
# takes it along with all its children. A failure is noted; the steps after it run all the same.
step() {
    local name=$1 status=0 begin=$SECONDS
    shift
    heading "$name"
    printf '    %s\n' "$*"
    set -m
    "$@" </dev/null &
    started+=("$!")
    set +m
    wait "$!" || status=$?
    unset 'started[-1]'
    if ((status == 0)); then
        passed+=("$name")
        printf -- '--- ok: %s (%d s)\n' "$name" $((SECONDS - begin))
    else
        failed+=("$name")
        printf -- '--- FAILED with status %d: %s (%d s)\n' "$status" "$name" $((SECONDS - begin))
    fi
}

# The last line of a script: what came out, also as the exit status.
summary() {
    local name
    heading "Summary of $1"
    for name in "${passed[@]}"; do printf '    ok      %s\n' "$name"; done
    for name in "${failed[@]}"; do printf '    FAILED  %s\n' "$name"; done
    for name in "${left_out[@]}"; do printf '    NOT RUN %s\n' "$name"; done
    if ((${#failed[@]} > 0)); then
        fail "$1: ${#failed[@]} of $((${#passed[@]} + ${#failed[@]})) steps"
    fi
    ((${#passed[@]} > 0)) || fail "$1: no step was run"
    printf '\nPASSED: %s: all %d steps in %d s\n' "$1" "${#passed[@]}" "$SECONDS"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root and there is no sudo: $*"
    fi
}

# install PACKAGE...: from the distribution's archive. Servers among them are not started.
install() {
    command -v apt-get >/dev/null ||
        fail "there is no apt-get here; install what Debian calls: $*"
    heading "Installing with apt-get: $*"
    as_root apt-get update -q || fail "apt-get update"
    without_services apt_install "$@" || fail "could not install: $*"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$@"
}

# without_services COMMAND...: while it runs, packages start no services.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return "$status"
}

# install_from_backports PACKAGE...: what Debian has for its stable release since that came out. The
# machine's own list of sources stays as it is.
install_from_backports() {
    local release lists status=0
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    command -v apt-get >/dev/null && grep -q '^ID=debian' /etc/os-release || return 1
    heading "Installing from $release-backports: $*"
    lists=$(mktemp -d)
    mkdir -p "$lists/lists/partial"
    chmod -R 755 "$lists"
    printf 'deb http://deb.debian.org/debian %s main\n' "$release" "$release-backports" >"$lists/sources"
    local own=(-o "Dir::Etc::SourceList=$lists/sources" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$lists/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    { as_root apt-get "${own[@]}" update -q &&
        without_services apt_install "${own[@]}" -t "$release-backports" "$@"; } || status=$?
    as_root rm -rf "$lists"
    return "$status"
}

need_cargo() {
    if ! command -v cargo >/dev/null && [[ -x $HOME/.cargo/bin/cargo ]]; then
        PATH=$HOME/.cargo/bin:$PATH
    fi
    command -v cargo >/dev/null || fail "cargo is missing; install Rust first: https://rustup.rs"
    printf 'using %s\n' "$(cargo --version)"
}

# Whether the linker that Rust calls can make a program.
links() {
    command -v cc >/dev/null || return 1
    local directory status=0
    directory=$(mktemp -d)
    echo 'int main(void) { return 0; }' |
        cc -x c -o "$directory/program" - 2>/dev/null || status=1
    rm -rf "$directory"
    return "$status"
}

need_linker() {
    links || install gcc libc6-dev
    links || fail "cc cannot link a program"
    printf 'using %s\n' "$(cc --version | head -n 1)"
}

# The servers that the tests start. One that cannot be had here is named, and its tests are left out.
need_servers() {
    local missing=()
    command -v redis-server >/dev/null || missing+=(redis-server)
    command -v redis-cli >/dev/null || missing+=(redis-tools)
    command -v redis-sentinel >/dev/null || missing+=(redis-sentinel)
    command -v memcached >/dev/null || missing+=(memcached)
    command -v openssl >/dev/null || missing+=(openssl)
    is_left_out nginx || has_nginx || missing+=(nginx)
    ((${#missing[@]} == 0)) || install "${missing[@]}"
    printf 'using %s\n' "$(redis-server --version)" "$(memcached --version)" "$(openssl version)"
    if is_left_out nginx; then left_out+=("nginx, as TEST_WITHOUT says"); fi

    if ! command -v valkey-server >/dev/null && ! is_left_out valkey; then
        if [[ $(apt-cache policy valkey-server 2>/dev/null) == *Candidate:*[0-9]* ]]; then
            install valkey-server
        else
            install_from_backports valkey-server || true
        fi
    fi
    if command -v valkey-server >/dev/null; then
        printf 'using %s\n' "$(valkey-server --version)"
    else
        left_out+=("valkey, which cannot be installed here")
        export TEST_WITHOUT="${TEST_WITHOUT:+$TEST_WITHOUT,}valkey"
    fi
}

# The browser that the tests drive. Ubuntu has no package of it, only a snap.
need_browser() {
    if is_left_out chromium; then
        left_out+=("chromium, as TEST_WITHOUT says")
        return
    fi
    if ! command -v chromedriver >/dev/null && command -v apt-get >/dev/null; then
        as_root apt-get update -q || fail "apt-get update"
        if [[ $(apt-cache policy chromium-driver) == *Candidate:*[0-9]* ]]; then
            install chromium chromium-driver
        fi
    fi
    if command -v chromedriver >/dev/null; then
        printf 'using %s\n' "$(chromedriver --version)"
    else
        left_out+=("chromium, which cannot be installed here")
        export TEST_WITHOUT="${TEST_WITHOUT:+$TEST_WITHOUT,}chromium"
    fi
}

# Whether there is nginx, which Debian has where only root looks for programs.
has_nginx() {
    PATH=$PATH:/usr/sbin command -v nginx >/dev/null
}

# is_left_out NAME: whether TEST_WITHOUT names it.
is_left_out() {
    [[ ,${TEST_WITHOUT:-}, == *,"$1",* ]]
}
