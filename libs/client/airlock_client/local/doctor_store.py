"""Findings about Postgres and NATS, from what `python -m airlock_orchestration diagnose` prints. Pure."""

import re
from collections.abc import Iterator

from .findings import Facts, Finding, apart, bytes_text, ok, unknown, warning, wrong

_OLDEST_NATS = (2, 10)
_FULL = 0.8
_LONG_TRANSACTION = 60.0
_SECONDS_APART = 1.0
_INVOCATION_SECONDS, _REPORT_SECONDS = 300.0, 60.0
_BUG = "this is a bug of Airlock: report it with `airlock runs explain ID`; cancel and retry the run"
_AGAIN = "restart the orchestration service: it declares them again, and what was lost is sent again when due"


def store_findings(facts: Facts) -> list[Finding]:
    """Judge the database, the certificate, the keys, the clocks, NATS, streams and consumers."""
    return [*_database(facts["database"]), *_nats(facts["nats"])]


def _database(facts: Facts) -> Iterator[Finding]:
    part = "Postgres"
    if problem := facts.get("problem"):
        yield wrong(part, problem, "is it running, and AIRLOCK_DATABASE_URL right?")
        yield unknown("certificate", "no database")
        return
    yield ok(
        part,
        f"{facts['version']}, {bytes_text(facts['bytes'])} ({bytes_text(facts['agent_logs_bytes'] or 0)} of "
        f"agents' logs), {facts['connections']} of {facts['max_connections']} connections, "
        f"{facts['ours']} of them ours",
    )
    if facts["connections"] > _FULL * facts["max_connections"]:
        what = f"{facts['connections']} of {facts['max_connections']} connections are taken"
        yield warning(part, what, "raise max_connections, or lower AIRLOCK_DATABASE_CONNECTIONS")
    if not facts["fsync"]:
        yield wrong(part, "fsync is off: a crash of the machine loses what was committed", "fsync = on")
    if facts["longest_transaction"] > _LONG_TRANSACTION:
        what = f"a transaction has been open for {facts['longest_transaction']:.0f} s"
        yield warning(
            part, what, "SELECT pid, state, query FROM pg_stat_activity ORDER BY xact_start; end it"
        )
    if facts["idle_in_transaction"]:
        what = f"{facts['idle_in_transaction']} sessions are idle in a transaction"
        yield warning(
            part, what, "find them in pg_stat_activity and end them: they keep rows from being cleaned"
        )
    yield from _schema(facts)
    ahead = facts["clock_ahead"]
    if abs(ahead) > _SECONDS_APART:
        yield apart("clocks", f"Postgres' is {ahead:+.1f} s against this machine's", ahead)
    else:
        yield ok("clocks", f"Postgres' is {ahead * 1000:+.0f} ms against this machine's")


def _schema(facts: Facts) -> Iterator[Finding]:
    part, revision, wanted = "schema", facts["revision"], facts["wanted_revision"]
    if not facts["known_revision"]:
        what = f"it is at {revision}, which this release does not know; its own is {wanted}"
        yield wrong(part, what, "use the release that migrated it, or a newer one")
    elif revision != wanted:
        yield wrong(part, f"it is at {revision or 'nothing'}, this release needs {wanted}", "airlock migrate")
    else:
        yield ok(part, f"revision {revision}")
        yield from _rows(facts)


def _rows(facts: Facts) -> Iterator[Finding]:
    total = facts["violations_total"]
    if total is None:
        yield unknown("certificate", "it took too long to find out", "look at wakeup_certificate_violations")
    elif total:
        yield wrong("certificate", f"nothing would wake {total}: {'; '.join(facts['violations'])}", _BUG)
    else:
        yield ok("certificate", "whatever is not over has a reason to wake")
    keys = facts["keys"]
    if not keys.get("admin"):
        yield wrong("keys", "there is no key of role admin", "airlock keys create --name NAME --output FILE")
    elif not keys.get("host"):
        yield wrong(
            "keys",
            "there is no key of role host",
            "airlock keys create --name NAME --role host --output FILE",
        )
    else:
        yield ok("keys", ", ".join(f"{number} {role}" for role, number in sorted(keys.items())))


def _nats(facts: Facts) -> Iterator[Finding]:
    part = "NATS"
    if problem := facts.get("problem"):
        yield wrong(part, problem, "is it running with JetStream (-js), and AIRLOCK_NATS_URL right?")
        yield unknown("streams", "no NATS")
        return
    account = facts["account"]
    yield ok(part, f"{account['server']} with JetStream, {bytes_text(account['storage'])} stored")
    if tuple(int(number) for number in re.findall(r"\d+", account["server"])[:2]) < _OLDEST_NATS:
        yield warning(part, f"version {account['server']} is older than any that was tried", "2.10 or newer")
    for what in ("storage", "streams", "consumers"):
        most = account[f"max_{what}"]
        if most > 0 and account[what] > _FULL * most:
            yield warning(
                part, f"{what}: {account[what]} of {most} that the account may have", "raise the limit"
            )
    yield from _streams(facts)
    yield from _consumers(facts)


def _streams(facts: Facts) -> Iterator[Finding]:
    part, well = "streams", []
    for stream in facts["streams"]:
        name = stream["name"]
        if not stream["present"]:
            yield wrong(part, f"{name} is missing", _AGAIN)
            continue
        if stream["drift"]:
            yield wrong(part, f"{name} differs from what is declared in {', '.join(stream['drift'])}", _AGAIN)
        if stream["bytes"] > _FULL * stream["max_bytes"]:
            what = (
                f"{name} is nearly full: {bytes_text(stream['bytes'])} of {bytes_text(stream['max_bytes'])}"
            )
            yield warning(part, what, "are hosts and the orchestration service up, and keeping pace?")
        yield from _waiting(stream)
        well.append(f"{name} {stream['messages']}")
    if well:
        yield ok(part, f"messages: {', '.join(well)}")


def _waiting(stream: Facts) -> Iterator[Finding]:
    name, oldest = stream["name"], stream["oldest_seconds"] or 0.0
    if name.endswith("DEAD_LETTERS") and stream["messages"]:
        what = f"{stream['messages']} messages could never be handled"
        yield warning("dead letters", what, "the service's log has each cause: message.dead_lettered")
    elif name.endswith("INVOCATIONS") and oldest > _INVOCATION_SECONDS:
        what = f"the oldest of {stream['messages']} invocations has waited for {oldest:.0f} s"
        yield warning("streams", what, "airlock hosts: are slots free, and is a host of its pool up?")
    elif name.endswith("REPORTS") and oldest > _REPORT_SECONDS:
        what = f"the oldest of {stream['messages']} reports has waited for {oldest:.0f} s"
        yield wrong("streams", what, "look into the orchestration service's log: reports are not taken")


def _consumers(facts: Facts) -> Iterator[Finding]:
    part, well = "consumers", []
    for consumer in facts["consumers"]:
        name = consumer["name"]
        if not consumer["present"]:
            yield wrong(
                part, f"{name} of {consumer['stream']} is missing", f"{_AGAIN}; a host makes its pool's"
            )
        elif consumer["drift"]:
            what = f"{name} differs from what is declared in {', '.join(consumer['drift'])}"
            yield wrong(part, what, _AGAIN)
        else:
            well.append(f"{name} {consumer['waiting']} waiting, {consumer['unacked']} in hand")
    if well:
        yield ok(part, "; ".join(well))
