#!/usr/bin/env bash
# Sees to a Docker Engine: uses the one that answers; as root on Debian or Ubuntu installs and starts one that does not.
#
# Whether an engine answers, where, and what is wrong with it is said by `python -m airlock_agents engine` alone, which
# reads DOCKER_HOST, DOCKER_CONTEXT and docker's own configuration. It prints one line and exits with
#   0 answers   3 missing   4 stopped   5 permission denied   6 remote and unreachable   7 too old
#
#   docker-engine.sh          an engine answers afterwards, or one line says what to do (exit 1)
#   docker-engine.sh named    names an engine that was started here and still runs
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

run="${AIRLOCK_DOCKER_RUN:-/var/run}"
log="${AIRLOCK_DOCKER_LOG:-/var/log/airlock-dockerd.log}"
note="$run/airlock-dockerd.pid" # of a daemon that this script started
starter="$run/airlock-dockerd.checkout" # in which checkout
patience="${AIRLOCK_DOCKER_PATIENCE:-40}" # seconds; a first start answers after 2 to 5

said=""
ask_engine() {
    local status=0
    said=$(.venv/bin/python -m airlock_agents engine 2>&1) || status=$?
    return "$status"
}

# is_process PID NAME: is that the process, and not another one that has got its number since, nor what is left of
# one that ended and that nobody waited for (it keeps its name, but has no file any more)?
is_process() {
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] && [ -n "$(readlink "/proc/$1/exe")" ]
}

name_it() {
    [ -r "$note" ] || return 0
    local pid
    pid=$(cat "$note")
    is_process "$pid" dockerd || return 0
    # Another checkout's may be in use by other people: it is not for this one to end.
    [ "$(cat "$starter" 2>/dev/null)" = "$PWD" ] || return 0
    say "the Docker daemon that was started for this keeps running: pid $pid, log $log; stop it with: kill $pid"
}

# Docker is told to look elsewhere: then starting a daemon here would help nobody.
looks_elsewhere() {
    local host="${DOCKER_HOST:-}"
    [ -n "$host" ] && [ "$host" != unix:///var/run/docker.sock ] && [ "$host" != unix:///run/docker.sock ] && return 0
    [ -z "$host" ] && [ -n "${DOCKER_CONTEXT:-}" ] && [ "$DOCKER_CONTEXT" != default ] && return 0
    [ -z "$host" ] && [ -z "${DOCKER_CONTEXT:-}" ] &&
        grep -Eq '"currentContext"[[:space:]]*:[[:space:]]*"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json" 2>/dev/null &&
        ! grep -Eq '"currentContext"[[:space:]]*:[[:space:]]*"(default)?"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json"
}

# wait_for_engine PID: the engine's answer is the fact waited for; a daemon that ended will not give one.
wait_for_engine() {
    local until=$(($(date +%s) + patience))
    until ask_engine; do
        [ "$(date +%s)" -lt "$until" ] || return 1
        [ -z "$1" ] || [ -d "/proc/$1" ] || return 1
        sleep 0.2
    done
}

# What a killed daemon leaves behind: a pid file that stops the next one when the number was given out again, and the
# same for its containerd. A living containerd stays: the next daemon takes it over.
clear_stale_files() {
    local name="$1" file="$2"
    [ -e "$file" ] || return 0
    is_process "$(cat "$file" 2>/dev/null)" "$name" || rm -f "$file"
}

end_orphaned_containerd() {
    local pid
    pid=$(cat "$run/docker/containerd/containerd.pid" 2>/dev/null) || return 1
    is_process "$pid" containerd || return 1
    say "ending containerd (pid $pid), which a killed Docker daemon left behind and which does not answer"
    kill "$pid" && tail --pid="$pid" -f /dev/null
}

start_by_hand() {
    clear_stale_files dockerd "$run/docker.pid"
    clear_stale_files containerd "$run/docker/containerd/containerd.pid"
    : >"$log" || fail "the log file $log cannot be written: run this as root, or start Docker yourself"
    # A session of its own: neither Ctrl-C nor the end of this command takes the daemon along.
    setsid dockerd </dev/null >>"$log" 2>&1 9>&- &
    local pid=$!
    printf '%s\n' "$pid" >"$note"
    printf '%s\n' "$PWD" >"$starter"
    wait_for_engine "$pid" && return 0
    kill "$pid" 2>/dev/null && tail --pid="$pid" -f /dev/null
    rm -f "$note" "$starter"
    return 1
}

start_engine() {
    local pid
    pid=$(cat "$run/docker.pid" 2>/dev/null) || pid=""
    if is_process "$pid" dockerd; then
        wait_for_engine "$pid" && return 0
        fail "dockerd runs (pid $pid) and does not answer: look at its log, or end it (kill $pid) and run this again"
    fi
    if [ -d "$run/systemd/system" ]; then
        systemctl start docker && wait_for_engine "" && return 0
        fail "systemctl could not start Docker: see journalctl -u docker, then run this again"
    fi
    start_by_hand && return 0
    end_orphaned_containerd && start_by_hand && return 0
    tail -n 15 "$log" >&2
    fail "dockerd did not start (whole log: $log): mend what it says above, or start Docker yourself, then run this again"
}

install_engine() {
    local packages="docker.io"
    # Where the kernel enforces AppArmor the daemon needs its parser to start a container.
    if grep -qs Y /sys/module/apparmor/parameters/enabled; then packages="docker.io apparmor"; fi
    # shellcheck disable=SC2086 # one word per package
    install_packages $packages
}

main() {
    local status=0
    ask_engine || status=$?
    case "$status" in
        0) name_it && return 0 ;;
        3 | 4) ;;
        5 | 6 | 7) fail "$said" ;;
        *) printf '%s\n' "$said" >&2 && fail "the engine could not be asked: mend what it says above, then run this again" ;;
    esac
    if looks_elsewhere || ! may_install; then fail "$said"; fi

    local stop="kill \$(cat $note)"
    [ ! -d "$run/systemd/system" ] || stop="systemctl stop docker docker.socket"
    if ! command -v dockerd >/dev/null 2>&1; then
        agreed "Docker Engine is missing. Install docker.io and start it?" \
            "Docker Engine is missing: installing docker.io and starting it" \
            "$stop; apt-get purge docker.io && apt-get autoremove; images are under /var/lib/docker" || fail "$said"
        install_engine
    else
        agreed "Docker Engine does not run. Start it?" "Docker Engine does not run: starting it" \
            "$stop" || fail "$said"
    fi
    # Of two commands at once the second waits here. Installing, or the other command, may have started it already.
    exec 9>"$run/airlock-dockerd.lock"
    flock 9
    ask_engine || start_engine
    name_it
}

if [ "${1:-}" = named ]; then name_it; else main; fi
