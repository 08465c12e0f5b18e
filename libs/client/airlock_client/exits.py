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
    """A run ended FAILED or CANCELLED, or its gate was REJECTED; a sandbox is open; an agent's try failed."""
    USAGE = 3
    """The command line itself is wrong."""
    NOT_RUNNING = 4
    """Nothing answers at the address, or no install runs on the data folder."""
    WAITING = 5
    """The run waits for a decision at a gate, and nobody was to wait for that."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM ended it early; what it had started was stopped."""


TABLE = (
    "Exit codes: 0 done, and a run that was followed: SUCCESS. 1 not done. 2 the run ended FAILED or "
    "CANCELLED, or its gate was REJECTED; probe: a sandbox is open; agents try: the agent failed, or broke "
    "its schema. 3 wrong command line. 4 nothing answers. 5 the run waits for a decision. 130 interrupted."
)


def of_run(status: RunStatus) -> Exit:
    """The exit code of a command that followed a run."""
    if status is RunStatus.SUCCESS:
        return Exit.OK
    return Exit.NOT_SUCCESS if status.is_final else Exit.WAITING
