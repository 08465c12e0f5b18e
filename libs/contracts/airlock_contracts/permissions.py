"""What each kind of process may say and hear on NATS, made from the names in `subjects`.

`airlock up`, infra/nats/users.conf and an operator's own users all take it from here. What is not allowed is
refused. Answers come to inboxes, so every user has its own (`_INBOX.<user>`): a report that is pulled is
delivered to an inbox too.
"""

from collections.abc import Mapping

from .subjects import Subjects

ANY = "*"
ANSWER_SECONDS = 60
Permissions = Mapping[str, object]
"""One user's, in the words of nats-server's configuration."""


def orchestration(subjects: Subjects) -> Permissions:
    """Everything of its install, and JetStream itself."""
    return {
        "publish": [f"{subjects.prefix}.>", "$JS.>", "_INBOX.>"],
        "subscribe": [f"{subjects.prefix}.>", "_INBOX.>"],
    }


def host(subjects: Subjects, *, user: str = "host", pool: str = ANY, name: str = ANY) -> Permissions:
    """A host of one pool, or of any; `name` is its own where it has a user of its own.

    It asks, reports and fetches. It can neither order work, nor end that of others, nor read reports: streams
    and their consumers are made by orchestration, but for its pool's own consumer.
    """
    prefix, stream = subjects.prefix, _stream(subjects, subjects.invocations_stream)
    consumer = ANY if pool == ANY else subjects.pool_consumer(pool)
    return {
        "publish": [
            subjects.claim,
            subjects.heartbeat,
            f"{prefix}.reports.*.{name}",
            subjects.logs(name),
            subjects.dead_letter(stream),
            f"$JS.API.CONSUMER.CREATE.{stream}.{consumer}.{subjects.pool_invocations(pool)}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
            f"$JS.ACK.{stream}.{consumer}.>",
            f"$JS.ACK.*.*.{stream}.{consumer}.>",  # with a domain and an account's hash before the stream
        ],
        "subscribe": [subjects.cancel, subjects.image, f"_INBOX.{user}.>"],
        # What it answers to `control.image` goes to the inbox of who asked, once.
        "allow_responses": {"max": 1, "expires": f"{ANSWER_SECONDS}s"},
    }


def reader(subjects: Subjects) -> Permissions:
    """Looks at streams and hears bells; says nothing, reads no message."""
    return {
        "publish": [
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.>",
            "$JS.API.STREAM.LIST",
            "$JS.API.STREAM.NAMES",
            "$JS.API.CONSUMER.INFO.>",
            "$JS.API.CONSUMER.LIST.>",
            "$JS.API.CONSUMER.NAMES.>",
        ],
        "subscribe": [subjects.bell(ANY), "_INBOX.reader.>"],
    }


def _stream(subjects: Subjects, name: str) -> str:
    """A stream's name in a subject; with any prefix it is any stream, for a subject has no half wildcards."""
    return ANY if subjects.prefix == ANY else name
