#!/bin/sh
# An agent host on a data folder of its own.
#
# Replicas of one Compose service share one volume, and a host must have its folder to itself: its name, and reports
# that are not settled yet, are kept there. So each takes the first one that no other holds, and finds it again after
# a restart. The lock is held by the open file, which the process inherits, and goes with it in whatever way it ends.
set -eu
volume="${AIRLOCK_DATA_DIR:-/var/lib/airlock}"
number=1
while [ "$number" -le 256 ]; do
    exec 9>"$volume/$number.lock"
    if flock --nonblock 9; then
        AIRLOCK_DATA_DIR="$volume/$number"
        export AIRLOCK_DATA_DIR
        exec python -m airlock_agents host "$@"
    fi
    number=$((number + 1))
done
echo "airlock: all 256 data folders below $volume are taken: give this host a volume of its own" >&2
exit 1
