"""What can go wrong between the client and Airlock.

ClientError
  ServerUnreachable   nothing answers at the address
  ProblemError        Airlock answered with a problem (RFC 9457)
  UnexpectedAnswer    something answered that is not Airlock, or not this version
"""

from airlock_contracts.problems import Problem


class ClientError(Exception):
    """A call to Airlock did not do what was asked."""


class ServerUnreachable(ClientError):
    """Nothing answers at the address."""


class UnexpectedAnswer(ClientError):
    """What answered does not speak like Airlock."""


class ProblemError(ClientError):
    """Airlock said what is wrong."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(f"{problem.title} {problem.detail}".strip())
        self.problem = problem
        self.retry_after = retry_after
        """Seconds to wait, where the answer said so."""
