"""What the exit code of `airlock` says to a script."""

from enum import IntEnum

from airlock_contracts.statuses import RunStatus


class Exit(IntEnum):
    """Every exit code there is; docs/reference/exit-codes.md is the same table."""

    OK = 0
    """It was done; where a run was waited for: SUCCESS."""
    ERROR = 1
    """It was not done; one line on stderr says why."""
    NOT_SUCCESS = 2
    """The run ended FAILED or CANCELLED, or its gate was REJECTED."""
    USAGE = 3
    """The command line itself is wrong."""
    NOT_RUNNING = 4
    """Nothing answers at the address, or no install runs on the data folder."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM ended it early; what it had started was stopped."""


TABLE = "\n\n".join(
    (
        "Exit codes: 0 done (a run: SUCCESS) · 1 not done · 2 the run ended FAILED, CANCELLED or REJECTED",
        "3 wrong command line · 4 nothing answers · 130 interrupted",
    )
)


def of_run(status: RunStatus) -> Exit:
    """The exit code of a command that waited for a run."""
    if not status.is_final or status is RunStatus.SUCCESS:
        return Exit.OK
    return Exit.NOT_SUCCESS
