#!/usr/bin/env bash
# Sees to mmdebstrap, which builds the agents' base image from this machine's own Debian packages.
#
# It is not needed where the base comes from elsewhere: AIRLOCK_BASE_IMAGE=python:3.12-slim make ...
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

[ -z "${AIRLOCK_BASE_IMAGE:-}" ] || exit 0
otherwise="or name a base image: AIRLOCK_BASE_IMAGE=python:3.12-slim"

if ! command -v mmdebstrap >/dev/null 2>&1; then
    may_install ||
        fail "mmdebstrap is missing: install it (Debian, Ubuntu: sudo apt-get install mmdebstrap uidmap), $otherwise"
    say "installing mmdebstrap (undo: apt-get remove mmdebstrap)"
    install_packages mmdebstrap
fi
# Without root it unpacks in a user namespace of its own, which this command sets up.
if [ "$(id -u)" -ne 0 ] && ! command -v newuidmap >/dev/null 2>&1; then
    fail "mmdebstrap needs newuidmap where it is not run by root: install it (Debian, Ubuntu: sudo apt-get install uidmap), $otherwise"
fi
