"""The ack table, row by row."""

import pytest
from airlock_chassis.bus import Later, Permanent, ShuttingDown
from airlock_chassis.bus.acks import MAX_TRIES, Acked, Buried, Returned, Verdict, judge
from airlock_contracts.messages import ClaimRequest, MalformedMessage


@pytest.mark.parametrize(
    ("error", "tries", "verdict"),
    [
        (None, 0, Acked()),
        (Permanent("why"), 0, Buried("why")),
        (MalformedMessage("no header"), 0, Buried("no header")),
        (Later(7.5), 0, Returned(7.5)),
        (Later(-1), 0, Returned(0.0)),
        (ShuttingDown(), 0, Returned(0.0)),
        (ValueError("x"), 1, Returned(0.5)),
        (ValueError("x"), 4, Returned(4.0)),
        (ValueError("x"), MAX_TRIES - 1, Returned(60.0)),
        (ValueError("x"), MAX_TRIES, Buried("failed 20 times, the last time with ValueError: x")),
    ],
)
def test_each_end_of_a_handler_has_its_verdict(error: Exception | None, tries: int, verdict: Verdict) -> None:
    assert judge(error, tries) == verdict


def test_what_contracts_cannot_parse_is_buried_without_a_handler_s_help() -> None:
    with pytest.raises(MalformedMessage) as raised:
        ClaimRequest.decode(b'{"v": 2}\n')
    assert isinstance(judge(raised.value, 0), Buried)


def test_waits_grow_and_stay_bounded() -> None:
    waits = [judge(KeyError(), tries) for tries in range(1, MAX_TRIES)]
    delays = [wait.delay for wait in waits if isinstance(wait, Returned)]
    assert delays == sorted(delays)
    assert delays[-1] == 60.0
