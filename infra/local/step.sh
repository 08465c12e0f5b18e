#!/usr/bin/env bash
# step.sh NAME COMMAND...: runs one step of a make target and says how long it took. Keeps the step's exit code.
#
# With AIRLOCK_STARTED (seconds since 1970) the time of the whole target is told too.
set -uo pipefail
name="$1"
shift
began=$(date +%s)
"$@"
status=$?
now=$(date +%s)
if [ "$status" -eq 0 ]; then outcome=took; else outcome="failed (exit $status) after"; fi
if [ -n "${AIRLOCK_STARTED:-}" ]; then
    printf 'airlock: %s %s %s s; %s s with its preparation\n' "$name" "$outcome" $((now - began)) $((now - AIRLOCK_STARTED)) >&2
elif [ "$status" -ne 0 ] || [ $((now - began)) -ge 1 ]; then
    printf 'airlock: %s %s %s s\n' "$name" "$outcome" $((now - began)) >&2
fi
exit "$status"
