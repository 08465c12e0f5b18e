#!/usr/bin/env bash
# Sees to what the stack's tests run beside Airlock: Prometheus with promtool, Alertmanager with amtool, Compose.
#
# Debian's packages would start their services and again at each boot; the tests start processes of their own, on
# free ports in temporary folders, so the services are neither started nor enabled.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/local/machine.sh
. infra/local/machine.sh

there() { command -v "$1" >/dev/null 2>&1; }

missing=()
there prometheus && there promtool || missing+=(prometheus)
{ there prometheus-alertmanager || there alertmanager; } && there amtool || missing+=(prometheus-alertmanager)
there docker-compose || missing+=(docker-compose)
[ "${#missing[@]}" -gt 0 ] || exit 0

may_install ||
    fail "missing for the stack's tests: ${missing[*]}: install them (Debian, Ubuntu: sudo apt-get install ${missing[*]})"
say "installing ${missing[*]}, without starting their services (undo: apt-get remove ${missing[*]})"

# Asked by every package before it starts a service: 101 is no. One that is there is the machine's own and stays.
policy="${AIRLOCK_SERVICE_POLICY:-/usr/sbin/policy-rc.d}"
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
install_packages "${missing[@]}"
if there update-rc.d; then
    for service in "${missing[@]}"; do
        if [ "$service" != docker-compose ]; then update-rc.d "$service" disable >/dev/null 2>&1 || true; fi
    done
fi
