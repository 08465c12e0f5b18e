"""How programs that call REST name themselves in `User-Agent`: a run knows what kind of trigger began it."""

CLIENT = "airlock-client"
"""A program that uses the client library."""
COMMAND_LINE = "airlock-cli"
"""The `airlock` command."""


def trigger_kind(user_agent: str) -> str:
    """The kind of a run's trigger: `cli`, or `api` for other programs. Callers say it of themselves."""
    return "cli" if user_agent.partition("/")[0] == COMMAND_LINE else "api"
