#!/bin/sh
# The orchestration process, or one of its other commands: migrate, keys, diagnose.
exec python -m airlock_orchestration "$@"
