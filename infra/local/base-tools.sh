#!/usr/bin/env bash
# Sees to mmdebstrap, which builds the agents' base image from this machine's own Debian packages.
#
# It is not needed where the base comes from elsewhere: AIRLOCK_BASE_IMAGE=python:3.12-slim make ...
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

if [ -n "${AIRLOCK_BASE_IMAGE:-}" ] || command -v mmdebstrap >/dev/null 2>&1; then exit 0; fi
may_install ||
    fail "mmdebstrap is missing: install it (Debian, Ubuntu: sudo apt-get install mmdebstrap), or name a base image: AIRLOCK_BASE_IMAGE=python:3.12-slim"
say "installing mmdebstrap (undo: apt-get remove mmdebstrap)"
install_packages mmdebstrap
