#!/usr/bin/env bash
# step.sh NAME COMMAND...: runs one step of a make target and says how long it took. Keeps the step's exit code.
#
# With STEP_STARTED (seconds since 1970) it is a target's last step, and the time of the whole is told too. Without,
# it is one on the way: told when it took a second or more; one that fails has said itself what to do.
set -uo pipefail
name="$1"
shift
microseconds() { # since 1970; whole seconds where bash is older than 5
    local now="${EPOCHREALTIME:-$(date +%s).000000}"
    echo "${now/[.,]/}"
}
began=$(microseconds)
"$@"
status=$?
now=$(microseconds)
took=$(((now - began) / 1000000))
if [ "$status" -eq 0 ]; then outcome=took; else outcome="failed (exit $status) after"; fi
if [ -n "${STEP_STARTED:-}" ]; then
    printf 'airlock: %s %s %s s; %s s with its preparation\n' "$name" "$outcome" "$took" $((now / 1000000 - STEP_STARTED)) >&2
elif [ "$status" -eq 0 ] && [ "$took" -ge 1 ]; then
    printf 'airlock: %s took %s s\n' "$name" "$took" >&2
fi
exit "$status"
