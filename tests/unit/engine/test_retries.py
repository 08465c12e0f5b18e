"""How long is waited before an attempt is sent again or tried again, and when it is not."""

from datetime import timedelta
from typing import Any

import pytest
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.workflow import RetrySpec
from airlock_orchestration.engine.retry import may_retry, redispatch_delay, retry_delay


def policy(**more: Any) -> RetrySpec:
    plain = {"max_attempts": 3, "base_delay": "2s", "factor": 3, "max_delay": "60s", "jitter": "none"}
    return RetrySpec.model_validate({**plain, **more})


@pytest.mark.parametrize(
    ("sends", "seconds"),
    [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (12, 300), (1000, 300)],
)
def test_an_unclaimed_attempt_is_sent_again_later_each_time(sends: int, seconds: int) -> None:
    assert redispatch_delay(sends) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("changes", "failures", "seconds"),
    [
        ({}, 1, 2),
        ({}, 2, 6),
        ({}, 3, 18),
        ({}, 4, 54),
        ({}, 5, 60),
        ({"factor": 1}, 7, 2),
        ({"base_delay": "90s"}, 1, 60),
    ],
)
def test_a_failed_attempt_is_tried_again_later_each_time(
    changes: dict[str, Any], failures: int, seconds: int
) -> None:
    assert retry_delay(policy(**changes), failures, "run/x/1") == timedelta(seconds=seconds)


def test_jitter_takes_a_part_of_the_delay_that_the_attempts_id_gives() -> None:
    waits = [retry_delay(policy(jitter="full"), 3, f"run/x/{number}") for number in range(1, 401)]
    assert waits[0] == timedelta(microseconds=946_393)
    assert waits == [retry_delay(policy(jitter="full"), 3, f"run/x/{number}") for number in range(1, 401)]
    assert timedelta(0) <= min(waits) < timedelta(seconds=1)
    assert timedelta(seconds=17) < max(waits) < timedelta(seconds=18)


@pytest.mark.parametrize(
    ("failures", "retryable", "again"),
    [(1, True, True), (2, True, True), (3, True, False), (1, False, False)],
)
def test_only_a_failure_that_may_pass_is_tried_again_and_only_so_often(
    failures: int, retryable: bool, again: bool
) -> None:
    failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="no", retryable=retryable)
    assert may_retry(policy(), failures, failure) is again
