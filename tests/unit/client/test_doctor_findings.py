"""What doctor makes of facts: each thing that can be wrong is found, told apart, and says how to mend it."""

import copy
from typing import Any

import pytest
from airlock_client.local.doctor import store_environment
from airlock_client.local.doctor_engine import engine_findings
from airlock_client.local.doctor_folder import look_at_secrets
from airlock_client.local.doctor_store import store_findings
from airlock_client.local.findings import GIB, Finding, Verdict
from airlock_client.local.folder import DataFolder

ENGINE: dict[str, Any] = {
    "engine": {
        "address": "unix:///var/run/docker.sock",
        "version": "20.10.24+dfsg1",
        "storage_driver": "overlay2",
        "cgroup_version": "2",
        "cgroup_driver": "systemd",
        "security": ["name=seccomp,profile=default"],
        "warnings": [],
        "runtime": "runc",
        "root": "/var/lib/docker",
        "free_bytes": 80 * GIB,
        "clock_ahead": 0.01,
        "networks": 3,
        "running": 0,
    },
    "images": [{"tag": "airlock-base", "present": True, "current": True}],
    "leftovers": {"images": 0, "bytes": 0},
    "containers": [],
    "limits": {"pids": 24, "processes_made": 22, "memory_mb": 48, "killed_for_memory": True, "problem": ""},
}
STORE: dict[str, Any] = {
    "database": {
        "version": "16.4",
        "bytes": 9_000_000,
        "fsync": True,
        "connections": 5,
        "max_connections": 100,
        "ours": 4,
        "longest_transaction": 0.0,
        "idle_in_transaction": 0,
        "clock_ahead": 0.001,
        "revision": "0003",
        "wanted_revision": "0003",
        "known_revision": True,
        "keys": {"admin": 1, "host": 1},
        "agent_logs_bytes": 2_000_000,
        "violations": [],
        "violations_total": 0,
    },
    "nats": {
        "account": {
            "server": "2.12.1",
            "storage": 0,
            "max_storage": -1,
            "streams": 3,
            "max_streams": -1,
            "consumers": 2,
            "max_consumers": -1,
        },
        "streams": [
            {
                "name": name,
                "present": True,
                "drift": [],
                "messages": 0,
                "bytes": 0,
                "max_bytes": 1000,
                "oldest_seconds": None,
            }
            for name in ("INVOCATIONS", "REPORTS", "DEAD_LETTERS")
        ],
        "consumers": [
            {
                "stream": "REPORTS",
                "name": "reports",
                "present": True,
                "drift": [],
                "waiting": 0,
                "unacked": 0,
            }
        ],
    },
}


def changed(facts: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The facts with one of them changed; a path like `nats.streams.0.present`."""
    found: Any = (whole := copy.deepcopy(facts))
    *folders, last = path.split(".")
    for name in folders:
        found = found[int(name)] if name.isdecimal() else found[name]
    found[last] = value
    return whole


def troubles(findings: list[Finding]) -> list[Finding]:
    found = [finding for finding in findings if finding.verdict is not Verdict.OK]
    assert all(finding.mend for finding in found if finding.verdict is not Verdict.UNKNOWN)
    return found


def test_where_all_is_well_nothing_is_found() -> None:
    assert troubles(engine_findings(ENGINE, running=True)) == []
    assert troubles(store_findings(STORE)) == []


@pytest.mark.parametrize(
    ("path", "value", "verdict", "words"),
    [
        ("engine.version", "20.10.5", Verdict.WRONG, "cannot apply"),
        ("engine.security", [], Verdict.WRONG, "seccomp"),
        ("engine.storage_driver", "vfs", Verdict.WARNING, "vfs is slow"),
        ("engine.warnings", ["No swap limit support"], Verdict.WARNING, "No swap limit support"),
        ("engine.free_bytes", 3 * GIB, Verdict.WARNING, "3.0 GiB free"),
        ("engine.free_bytes", GIB, Verdict.WRONG, "1.0 GiB free"),
        ("engine.networks", 29, Verdict.WARNING, "29; its address pools"),
        ("engine.clock_ahead", -9.0, Verdict.WARNING, "-9.0 s"),
        ("engine.clock_ahead", -3600.0, Verdict.WRONG, "-3600.0 s"),
        ("engine.clock_ahead", None, Verdict.UNKNOWN, "does not say what time"),
        ("engine.free_bytes", None, Verdict.REMOTE, "not this machine's"),
        ("limits.processes_made", 100, Verdict.WRONG, "100 processes were made where 24"),
        ("limits.killed_for_memory", False, Verdict.WRONG, "more than 48 MiB"),
        ("limits", {"untried": "the image airlock-base is not built"}, Verdict.UNKNOWN, "not built"),
        ("limits.problem", "seccomp profile refused", Verdict.WRONG, "profile refused"),
        ("images", {"problem": "timed out"}, Verdict.WRONG, "the engine failed: timed out"),
        ("leftovers", {"problem": "timed out"}, Verdict.WRONG, "the engine failed: timed out"),
        ("containers", {"problem": "timed out"}, Verdict.WRONG, "the engine failed: timed out"),
        ("images.0.present", False, Verdict.WRONG, "not built: airlock-base"),
        ("images.0.current", False, Verdict.WARNING, "older than this checkout: airlock-base"),
        ("leftovers", {"images": 30, "bytes": 6 * GIB}, Verdict.WARNING, "builds without a name: 30"),
    ],
)
def test_trouble_of_an_engine_is_found(path: str, value: Any, verdict: Verdict, words: str) -> None:
    (found,) = troubles(engine_findings(changed(ENGINE, path, value), running=True))
    assert found.verdict is verdict
    assert words in found.what


def container(**changes: Any) -> dict[str, Any]:
    made = {"name": "airlock-i-1", "state": "running", "host": "h1", "boot": "b1", "age_seconds": 300}
    return made | changes


@pytest.mark.parametrize(
    ("containers", "running", "words"),
    [
        ([container()], False, "1 are left although nothing runs: airlock-i-1"),
        ([container(state="exited")], True, "1 have ended and are not removed"),
        ([container(), container(boot="b2", age_seconds=1)], True, "of an earlier start"),
    ],
)
def test_containers_that_were_left_are_found(
    containers: list[dict[str, Any]], running: bool, words: str
) -> None:
    (found,) = troubles(engine_findings(ENGINE | {"containers": containers}, running=running))
    assert words in found.what


def test_a_sandbox_that_works_or_has_just_ended_is_no_trouble() -> None:
    of_now = [container(), container(state="exited", age_seconds=1)]
    assert troubles(engine_findings(ENGINE | {"containers": of_now}, running=True)) == []


def test_an_engine_that_is_away_is_wrong_and_what_depends_on_it_unknown() -> None:
    found = engine_findings({"problem": "Docker Engine stopped: nothing answers"}, running=True)
    assert [finding.verdict for finding in found] == [Verdict.WRONG, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("path", "value", "part", "verdict", "words"),
    [
        ("database.connections", 90, "Postgres", Verdict.WARNING, "90 of 100"),
        ("database.fsync", False, "Postgres", Verdict.WRONG, "fsync"),
        ("database.longest_transaction", 75.0, "Postgres", Verdict.WARNING, "75 s"),
        ("database.idle_in_transaction", 2, "Postgres", Verdict.WARNING, "2 sessions"),
        ("database.revision", "0001", "schema", Verdict.WRONG, "this release needs 0003"),
        ("database.revision", None, "schema", Verdict.WRONG, "it is at nothing"),
        ("database.known_revision", False, "schema", Verdict.WRONG, "does not know"),
        ("database.clock_ahead", 2.0, "clocks", Verdict.WARNING, "+2.0 s"),
        ("database.clock_ahead", -60.0, "clocks", Verdict.WRONG, "-60.0 s"),
        ("database.keys", {"host": 1}, "keys", Verdict.WRONG, "admin"),
        ("database.keys", {"admin": 1}, "keys", Verdict.WRONG, "host"),
        ("database.violations_total", 1, "certificate", Verdict.WRONG, "nothing would wake 1"),
        ("database.violations_total", None, "certificate", Verdict.UNKNOWN, "took too long"),
        ("nats.problem", "NATS at x does not answer", "NATS", Verdict.WRONG, "does not answer"),
        ("nats.account.server", "2.9.10", "NATS", Verdict.WARNING, "2.9.10"),
        ("nats.account.max_streams", 3, "NATS", Verdict.WARNING, "streams: 3 of 3"),
        ("nats.streams.0.present", False, "streams", Verdict.WRONG, "INVOCATIONS is missing"),
        ("nats.streams.1.drift", ["max_age"], "streams", Verdict.WRONG, "REPORTS differs"),
        ("nats.streams.1.bytes", 900, "streams", Verdict.WARNING, "nearly full"),
        ("nats.streams.2.messages", 3, "dead letters", Verdict.WARNING, "3 messages"),
        ("nats.streams.0.oldest_seconds", 400.0, "streams", Verdict.WARNING, "waited for 400 s"),
        ("nats.streams.1.oldest_seconds", 90.0, "streams", Verdict.WRONG, "waited for 90 s"),
        ("nats.consumers.0.present", False, "consumers", Verdict.WRONG, "reports of REPORTS is missing"),
        ("nats.consumers.0.drift", ["ack_wait"], "consumers", Verdict.WRONG, "ack_wait"),
    ],
)
def test_trouble_of_postgres_and_nats_is_found(
    path: str, value: Any, part: str, verdict: Verdict, words: str
) -> None:
    found = [one for one in troubles(store_findings(changed(STORE, path, value))) if one.part == part]
    assert [one.verdict for one in found] == [verdict]
    assert words in found[0].what


def test_without_a_database_nats_is_looked_at_all_the_same() -> None:
    found = store_findings(changed(STORE, "database.problem", "Postgres at x: refused"))
    assert {one.part: one.verdict for one in found if one.part in ("Postgres", "certificate", "NATS")} == {
        "Postgres": Verdict.WRONG,
        "certificate": Verdict.UNKNOWN,
        "NATS": Verdict.OK,
    }


@pytest.mark.parametrize(
    ("name", "mode"), [("keys/admin.key", 0o640), ("keys", 0o755), ("nats/passwords.json", 0o604)]
)
def test_a_secret_that_others_may_read_is_found(tmp_path: Any, name: str, mode: int) -> None:
    for made in ("keys", "secrets", "nats"):
        (tmp_path / made).mkdir(mode=0o700)
    for path in ("keys/admin.key", "secrets/database-url", "nats/passwords.json"):
        (tmp_path / path).touch(mode=0o600)
    folder = DataFolder(tmp_path)
    assert troubles(look_at_secrets(folder)) == []
    (tmp_path / name).chmod(mode)
    (found,) = troubles(look_at_secrets(folder))
    assert found.verdict is Verdict.WRONG
    assert f"(mode {mode:o})" in found.what
    assert found.mend.startswith("chmod ")


def test_postgres_and_nats_are_reached_as_variables_say_or_not_at_all(tmp_path: Any) -> None:
    given = {
        "AIRLOCK_DATABASE_URL_FILE": "/x",
        "AIRLOCK_NATS_URL": "nats://n",
        "AIRLOCK_KEY": "secret",
        "PATH": "/",
    }
    assert store_environment(DataFolder(tmp_path), given) == {
        "AIRLOCK_DATABASE_URL_FILE": "/x",
        "AIRLOCK_NATS_URL": "nats://n",
    }
    assert store_environment(DataFolder(tmp_path), {"PATH": "/"}) is None


def test_only_what_was_looked_at_and_is_not_wrong_passes() -> None:
    assert {verdict for verdict in Verdict if verdict.passes} == {
        Verdict.OK,
        Verdict.WARNING,
        Verdict.REMOTE,
    }
