#!/usr/bin/env bash
# Writes the lock files: requirements.lock for the processes, and beside each agent's requirements.in what its image
# installs. Every package with its hashes for each supported Python and platform, and no address.
#
# Versions that are locked stay unless they are ruled out; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

# uv reads none of pip's configuration: the machine's mirror is handed over, and stays out of the files.
if [ -z "${UV_DEFAULT_INDEX:-}" ] && mirror=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null); then
    export UV_DEFAULT_INDEX="$mirror"
fi
new=$(mktemp)
trap 'rm -f "$new"' EXIT

# lock LOCK_FILE SOURCE [EXTRA...]: run in the folder of both.
lock() {
    local locked="$1" source="$2"
    shift 2
    : >"$new"
    [ -n "${UPGRADE:-}" ] || [ ! -f "$locked" ] || cp "$locked" "$new"
    "$root/.venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header "$@" --output-file "$new" "$source" >/dev/null ||
        fail "$locked was left as it is: mend what uv says above, then run make lock again"
    if grep -q '://' "$new"; then fail "the new $locked names an address and was left as it is"; fi
    if cmp -s "$new" "$locked"; then return 0; fi
    cat "$new" >"$locked"
    say "$PWD/$locked was written; commit it together with $source"
}

lock requirements.lock pyproject.toml --extra dev
for source in services/agents/airlock_agents/builtin/*/requirements.in; do
    cd "$root/$(dirname "$source")"
    lock requirements.txt requirements.in
done
# What each image of ours holds (infra/docker/Dockerfile): the versions of requirements.lock, and no more than it needs.
cd "$root"
lock infra/docker/orchestration.lock pyproject.toml --extra orchestration --extra client --constraint requirements.lock
lock infra/docker/agent-host.lock pyproject.toml --extra agents --constraint requirements.lock
lock infra/docker/build.lock infra/docker/build.in --constraint requirements.lock
say "the lock files fit what is asked for"
