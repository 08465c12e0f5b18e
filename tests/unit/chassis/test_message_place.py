"""Where a delivered message stands, read from its reply address."""

import pytest
from airlock_chassis.bus import Message, MessageKey
from nats.aio.msg import Msg

SHORT = "$JS.ACK.REPORTS.reports.3.17.21.1760000000000000000.4"
LONG = "$JS.ACK._.accounthash.REPORTS.reports.3.17.21.1760000000000000000.4"
LONGER = LONG + ".random"


@pytest.mark.parametrize("reply", [SHORT, LONG, LONGER])
def test_stream_number_deliveries_and_time_are_read(reply: str) -> None:
    message = Message.read(None, Msg(_client=None, subject="a.b", reply=reply, data=b"x"))  # type: ignore[arg-type]
    assert message is not None
    assert message.key == MessageKey("REPORTS", 17, 1760000000000000000)
    assert (message.consumer, message.deliveries, message.payload) == ("reports", 3, b"x")


@pytest.mark.parametrize("reply", ["", "_INBOX.abc", "$JS.ACK.too.short"])
def test_what_no_stream_delivered_is_no_message(reply: str) -> None:
    assert Message.read(None, Msg(_client=None, subject="a.b", reply=reply)) is None  # type: ignore[arg-type]
