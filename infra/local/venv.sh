#!/usr/bin/env bash
# Makes .venv from requirements.lock, by hashes, with the project installed editable. Does nothing when nothing changed.
#
# pip and not a faster installer: pip alone follows the machine's own mirror and certificate settings everywhere
# (measured on two cores: pip 22 to 26 s, uv 3 s, which reads none of pip's configuration).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

oldest="3.11"
stamp=.venv/.airlock-stamp
log=.venv/airlock-install.log

# Does this command run, is it new enough, and can it make an environment? A shim of a version switcher may be on
# PATH and still fail, so each candidate is run, not looked up.
runs() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Every one on PATH: behind a shim that fails there may be a Python that runs.
candidates() {
    [ -z "${PYTHON:-}" ] || printf '%s\n' "$PYTHON"
    local name
    for name in python3.13 python3.12 python3.11 python3; do type -aP "$name" || true; done
}

find_python() {
    local candidate
    while IFS= read -r candidate; do
        if runs "$candidate" && makes_venvs "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done < <(candidates)
    return 1
}

find_python_without_venv() {
    local candidate
    while IFS= read -r candidate; do
        if runs "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done < <(candidates)
    return 1
}

# Debian and Ubuntu keep the module venv in a package of its own.
install_venv_module() {
    local bare package
    if bare=$(find_python_without_venv); then
        package=$("$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        may_install || fail "$bare has no venv module: install it (Debian, Ubuntu: sudo apt-get install $package), then run this again"
        say "installing $package (undo: apt-get remove $package)"
        install_packages "$package"
    else
        may_install || fail "no Python $oldest or later was found: install one, or name it (PYTHON=/path/to/python3 make ...)"
        say "installing python3 and python3-venv (undo: apt-get remove python3 python3-venv)"
        install_packages python3 python3-venv
    fi
}

is_sound() { [ -x .venv/bin/python ] && runs .venv/bin/python; }

locked=$(hash_of requirements.lock)
project=$(hash_of pyproject.toml)
wanted="$locked $project $PWD"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && is_sound; then exit 0; fi

# Two commands may run in one checkout: the second waits, and then finds the work done.
if command -v flock >/dev/null 2>&1; then
    exec 9<requirements.lock
    flock 9
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && is_sound; then exit 0; fi
fi

# An environment whose making was broken off may run and still lack pip.
is_whole() { is_sound && .venv/bin/python -c 'import pip' >/dev/null 2>&1; }
had=""
[ ! -f "$stamp" ] || had=$(cat "$stamp")
if ! is_whole || { [ -n "$had" ] && [ "${had#* * }" != "$PWD" ]; }; then
    had=""
    python=$(find_python) || {
        install_venv_module
        python=$(find_python) || fail "no Python $oldest or later with a venv module was found: install one, then run this again"
    }
    say "making .venv with $("$python" -c 'import sys; print(sys.executable, "%d.%d.%d" % sys.version_info[:3])')"
    rm -rf .venv
    "$python" -m venv .venv || fail "$python could not make .venv: install its venv module (Debian, Ubuntu: apt-get install python3-venv)"
fi
rm -f "$stamp"
: >"$log"
# What was broken off on purpose needs no advice: the next command goes on.
trap 'exit 130' INT TERM

if [ "${had%% *}" != "$locked" ]; then
    say "installing requirements.lock into .venv"
    run_logged "$log" .venv/bin/python -m pip install --no-input --progress-bar off --require-hashes -r requirements.lock ||
        fail "pip could not install requirements.lock (whole log: $log): mend what it says above, then run this again"
fi
# The build backend comes from the lock too, so this step asks the network for nothing.
run_logged "$log" .venv/bin/python -m pip install --no-input --progress-bar off --no-index --no-deps --no-build-isolation --editable . ||
    fail "the project could not be installed into .venv (whole log: $log)"
printf '%s\n' "$wanted" >"$stamp"
