"""When to try again: due times without a clock and jitter without chance."""

import hashlib
from datetime import timedelta

from airlock_contracts.failures import Failure
from airlock_contracts.workflow import RetrySpec

MAX_LOSSES = 5
"""Lost attempts of one node, apart from its `max_attempts`."""
LEASE = timedelta(seconds=30)
LOST_AFTER = timedelta(seconds=10)
"""How long after its lease an attempt is called lost."""
DEADLINE_GRACE = timedelta(seconds=10)
"""How long after an attempt's timeout its host may still report before we end it ourselves."""
_REDISPATCH_SECONDS = (10, 20, 40, 80, 160, 300)


def redispatch_delay(sends: int) -> timedelta:
    """How long to wait after the n-th send (from 1) of an unclaimed attempt: 10 s, doubling to 5 min."""
    return timedelta(seconds=_REDISPATCH_SECONDS[min(sends, len(_REDISPATCH_SECONDS)) - 1])


def retry_delay(policy: RetrySpec, failures: int, attempt_id: str) -> timedelta:
    """How long to back off after the n-th failure (from 1).

    Full jitter is a hash of the attempt's id: the same attempt always waits as long.
    """
    seconds = policy.base_delay.total_seconds() * policy.factor ** (failures - 1)
    delay = min(seconds, policy.max_delay.total_seconds())
    if policy.jitter == "full":
        digest = hashlib.sha256(attempt_id.encode()).digest()
        delay *= int.from_bytes(digest[:8]) / 2**64
    return timedelta(seconds=delay)


def may_retry(policy: RetrySpec, failures: int, failure: Failure) -> bool:
    """Whether the n-th failure (from 1) of a node is followed by another attempt."""
    return failure.retryable and failures < policy.max_attempts
