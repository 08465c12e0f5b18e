#!/usr/bin/env bash
# step.sh NAME COMMAND...: runs one step of a make target and says how long it took. Keeps the step's exit code.
#
# With STEP_STARTED (seconds since 1970) it is a target's last step, and the time of the whole is told too. Without,
# it is one on the way: told when it took a second or more; one that fails has said itself what to do.
set -uo pipefail
name="$1"
shift
began=$(date +%s)
"$@"
status=$?
now=$(date +%s)
if [ "$status" -eq 0 ]; then outcome=took; else outcome="failed (exit $status) after"; fi
if [ -n "${STEP_STARTED:-}" ]; then
    printf 'airlock: %s %s %s s; %s s with its preparation\n' "$name" "$outcome" $((now - began)) $((now - STEP_STARTED)) >&2
elif [ "$status" -eq 0 ] && [ $((now - began)) -ge 1 ]; then
    printf 'airlock: %s took %s s\n' "$name" $((now - began)) >&2
fi
exit "$status"
