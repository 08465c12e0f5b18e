# shellcheck shell=bash
# What this machine is and what may be installed on it. Sourced by the scripts beside it; runs under bash 3.2 and later.

say() { printf 'airlock: %s\n' "$*" >&2; }

# One line that says what is wrong and what to do; then the end.
fail() {
    say "$*"
    exit 1
}

# May packages be installed here? Only as root, and only where apt-get is the machine's own way.
may_install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 && is_debian_or_ubuntu
}

is_debian_or_ubuntu() {
    local release="${AIRLOCK_OS_RELEASE:-/etc/os-release}"
    [ -r "$release" ] && grep -Eq '^(ID|ID_LIKE)="?([a-z ]* )?(debian|ubuntu)( [a-z ]*)?"?$' "$release"
}

# agreed QUESTION ANNOUNCEMENT UNDO: asks in a terminal; elsewhere the change is announced together with its undo.
agreed() {
    if ! { [ -t 0 ] && [ -t 2 ]; }; then
        say "$2 (undo: $3)"
        return 0
    fi
    local answer
    printf 'airlock: %s (undo: %s) [Y/n] ' "$1" "$3" >&2
    read -r answer || return 1
    case "$answer" in '' | [Yy] | [Yy][Ee][Ss]) return 0 ;; *) return 1 ;; esac
}

# install_packages NAME...: from the sources that this machine is configured for.
# The lists of a fresh machine are empty or old: they are fetched when the first try fails, not each time.
install_packages() {
    local log status=0
    log=$(mktemp)
    apt_install "$@" >"$log" 2>&1 || {
        { apt-get update && apt_install "$@"; } >"$log" 2>&1 || status=$?
    }
    if [ "$status" -ne 0 ]; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install $*: mend what it says above, then run this again"
    fi
    rm -f "$log"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# run_logged LOG COMMAND...: quiet while it works; the end of the log when it does not.
run_logged() {
    local log="$1"
    shift
    "$@" >>"$log" 2>&1 </dev/null && return 0
    local status=$?
    tail -n 20 "$log" >&2
    return "$status"
}

# hash_of FILE...: one key over contents (sha256sum is GNU's, shasum is what macOS has).
hash_of() {
    if command -v sha256sum >/dev/null 2>&1; then cat "$@" | sha256sum | cut -c1-24
    else cat "$@" | shasum -a 256 | cut -c1-24; fi
}
