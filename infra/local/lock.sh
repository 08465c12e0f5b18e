#!/usr/bin/env bash
# Writes requirements.lock: every package of every extra, for each supported Python and platform, with hashes and no address.
#
# Versions that are locked stay unless pyproject.toml rules them out; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

# uv reads none of pip's configuration: the machine's mirror is handed over, and stays out of the file.
if [ -z "${UV_DEFAULT_INDEX:-}" ] && mirror=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null); then
    export UV_DEFAULT_INDEX="$mirror"
fi
new=$(mktemp)
trap 'rm -f "$new"' EXIT
[ -n "${UPGRADE:-}" ] || cp requirements.lock "$new"
.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --extra dev \
    --output-file "$new" pyproject.toml >/dev/null ||
    fail "requirements.lock was left as it is: mend what uv says above, then run make lock again"
if grep -q '://' "$new"; then fail "the new lock file names an address; requirements.lock was left as it is"; fi
if cmp -s "$new" requirements.lock; then say "requirements.lock is up to date"; exit 0; fi
cat "$new" >requirements.lock
say "requirements.lock was written; commit it together with pyproject.toml"
