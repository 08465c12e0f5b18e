"""Messages as they were once sent: whatever changes, these must still be understood.

A file is never edited. A new version of a message gets a new file.
"""

from pathlib import Path

import pytest
from airlock_contracts.logs import AgentLog
from airlock_contracts.messages import (
    Bell,
    CancelBroadcast,
    ClaimReply,
    ClaimRequest,
    DeadLetter,
    Header,
    HeartbeatReply,
    HeartbeatRequest,
    Holding,
    ImageReply,
    ImageRequest,
    Invocation,
    MalformedMessage,
    Report,
    ReportStatus,
)

FOLDER = Path(__file__).parent / "golden"
KINDS: dict[str, type[Header]] = {
    "agent-log": AgentLog,
    "bell": Bell,
    "cancel-broadcast": CancelBroadcast,
    "claim-reply": ClaimReply,
    "claim-request": ClaimRequest,
    "dead-letter": DeadLetter,
    "heartbeat-reply": HeartbeatReply,
    "heartbeat-request": HeartbeatRequest,
    "image-reply": ImageReply,
    "image-request": ImageRequest,
    "invocation": Invocation,
    "report": Report,
}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_an_old_message_still_parses_and_says_the_same(path: Path) -> None:
    kind = KINDS[path.name.partition(".")[0]]
    header, body = kind.decode(path.read_bytes())
    again, same = kind.decode(header.encode(body))
    assert (again, same) == (header, body)


def test_every_kind_has_a_golden_message() -> None:
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == set(KINDS)


def test_a_golden_invocation_says_what_it_said() -> None:
    header, body = Invocation.decode((FOLDER / "invocation.v1").read_bytes())
    assert str(header.attempt) == "01990000-0000-7000-8000-000000000001/scan/2"
    assert header.claim_first
    assert body == '{"text":"quotes \\" and ünïcode","n":1.0}'.encode()


def test_a_golden_report_says_what_it_said() -> None:
    header, body = Report.decode((FOLDER / "report.v1").read_bytes())
    assert header.status is ReportStatus.FAILED
    assert header.failure is not None
    assert header.failure.code == "exit.nonzero"
    assert body == b"half an answer\n"


def test_a_golden_heartbeat_answer_says_what_it_said() -> None:
    header, _ = HeartbeatReply.decode((FOLDER / "heartbeat-reply.v1").read_bytes())
    assert set(header.holdings.values()) == set(Holding)


def test_a_field_of_a_newer_sender_is_ignored() -> None:
    header, _ = Bell.decode(b'{"v":1,"runs":[],"volume":11}\n')
    assert header.runs == []


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"v":2,"runs":[]}\n', b"\xff\xfe", b"[]\n", b"null"])
def test_what_is_no_message_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Bell.decode(payload)
