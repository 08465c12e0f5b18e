"""`airlock doctor` with parts that are really broken: each is found, and what was not looked at is named."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airlock_contracts.subjects import AttemptSubject
from broken_parts import LAYOUT, Parts, late_and_reticent, until_told
from forgetful_engine import ForgetfulEngine

Findings = dict[str, list[dict[str, str]]]


def examined(install: Any, *, code: int, more: dict[str, str] | None = None, options: Any = ()) -> Findings:
    """Run doctor; answers its findings by part."""
    done = install.airlock(*options, "doctor", "--json", more=more)
    assert done.returncode == code, done.stdout + done.stderr
    found: Findings = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["part"], []).append(finding)
        assert finding["mend"] or finding["verdict"] in ("OK", "UNKNOWN"), finding
    return found


def one(found: Findings, part: str, verdict: str) -> str:
    """The words of the only finding of a part with that verdict."""
    (finding,) = [finding for finding in found[part] if finding["verdict"] == verdict]
    return finding["what"]


async def set_revision(parts: Parts, revision: str) -> str:
    """Write down that the schema is another release's; answers what stood there."""
    before = await parts.sql("SELECT version_num FROM alembic_version")
    await parts.sql("UPDATE alembic_version SET version_num = $1", revision)
    return str(before)


@pytest.fixture
def parts(running: Any) -> Parts:
    return Parts(running.data)


@pytest.fixture
def host(parts: Parts) -> Iterator[Parts]:
    """A host that was heard of just now."""
    asyncio.run(parts.mend_streams())
    asyncio.run(parts.beat())
    yield parts
    asyncio.run(parts.sql("DELETE FROM hosts"))


def from_elsewhere(running: Any, folder: Path, url: str, **how: Any) -> Findings:
    """Run doctor as on another machine."""
    options = ("--url", url, "--key-file", str(running.data / "keys" / "admin.key"))
    more = {"AIRLOCK_HOME": str(folder / "none")} | how.pop("more", {})
    return examined(running, more=more, options=options, **how)


def test_each_thing_that_was_broken_is_found_with_how_to_mend_it(running: Any, parts: Parts) -> None:
    whole = examined(running, code=1)  # there is no host
    assert one(whole, "hosts", "WRONG") == "none of 0 is up"
    assert {part for part in whole if any(f["verdict"] == "WRONG" for f in whole[part])} == {"hosts"}
    assert one(whole, "limits", "OK").startswith("enforced: ")
    assert re.fullmatch(r"revision \d{4}", one(whole, "schema", "OK"))
    assert one(whole, "keys", "OK") == "1 admin, 1 host"
    assert one(whole, "streams", "OK") == "messages: INVOCATIONS 0, REPORTS 0, DEAD_LETTERS 0"
    assert "against this machine's" in one(whole, "clocks", "OK")

    key = running.data / "keys" / "host.key"
    asyncio.run(parts.publish("airlock.dead.REPORTS"))
    revision = asyncio.run(set_revision(parts, "9999"))
    key.chmod(0o644)
    try:
        with ForgetfulEngine(b'PidsLimit": 24', b'PidsLimit": 0 ') as engine:
            engine.forgets = True
            # A base of another content: what is built is no longer what this checkout would build.
            more = {"DOCKER_HOST": engine.address, "AIRLOCK_BASE_IMAGE": "airlock-base"}
            broken = examined(running, code=1, more=more)
    finally:
        key.chmod(0o600)
        asyncio.run(set_revision(parts, revision))
    assert one(broken, "secrets", "WRONG") == f"others may open {key} (mode 644)"
    assert one(broken, "limits", "WRONG") == "100 processes were made where 24 are allowed"
    assert one(broken, "images", "WARNING").startswith("older than this checkout: airlock-base")
    assert "9999, which this release does not know" in one(broken, "schema", "WRONG")
    assert one(broken, "dead letters", "WARNING") == "1 messages could never be handled"


def test_without_a_host_nothing_can_be_probed_and_it_says_what_to_start(running: Any) -> None:
    done = running.airlock("probe")
    assert done.returncode == 1
    assert "no agent host is up: nothing can be probed" in done.stderr
    assert "hint: airlock up, or airlock agent-host" in done.stderr


@pytest.fixture
def hung_nats(running: Any, parts: Parts) -> Iterator[None]:
    """nats-server does not answer while the test runs."""
    pids = [pid for pid, line in running.processes().items() if "nats-server" in line.split()[0]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert pids
    until_told(parts.api_url, '"nats":"down"', path="/health")
    yield
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    until_told(parts.api_url, '"nats":"up"', path="/health")


def test_a_nats_that_hangs_hides_no_other_part(running: Any, hung_nats: None) -> None:
    found = examined(running, code=1)
    said = [finding["what"] for finding in found["NATS"] if finding["verdict"] == "WRONG"]
    assert any("the service says: down" in what for what in said)
    assert any("does not answer within" in what for what in said)
    assert one(found, "streams", "UNKNOWN")
    assert {finding["verdict"] for finding in found["Postgres"]} == {"OK"}


def test_an_engine_that_is_gone_is_wrong(running: Any) -> None:
    found = examined(running, code=1, more={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert "/nowhere/docker.sock" in one(found, "Docker Engine", "WRONG")
    assert one(found, "images", "UNKNOWN") == "not looked at: no engine"
    assert one(found, "schema", "OK")


def test_an_image_that_is_not_there_is_wrong(running: Any) -> None:
    with ForgetfulEngine(b"airlock-agent-patcher", b"airlock-agent-patches") as engine:
        engine.forgets = True
        found = examined(running, code=1, more={"DOCKER_HOST": engine.address})
    assert one(found, "images", "WRONG") == "not built: airlock-agent-patcher"
    assert one(found, "limits", "OK")


def test_clocks_that_are_far_off_are_wrong_whosever_they_are(
    running: Any, host: Parts, tmp_path: Path
) -> None:
    ahead = asyncio.run(host.database_an_hour_ahead())
    with ForgetfulEngine(b'"SystemTime":"2', b'"SystemTime":"1', answers=True) as engine:
        engine.forgets = True
        more = {"DOCKER_HOST": engine.address} | host.variables(ahead)
        asyncio.run(host.beat(at=datetime.now(UTC) - timedelta(hours=1)))
        said = [*examined(running, code=1, more=more)["clocks"]]
    with late_and_reticent(host.api_url) as url:
        said += from_elsewhere(running, tmp_path, url, code=1)["clocks"]
    asyncio.run(host.sql("DROP DATABASE ahead"))
    wrong = {finding["what"] for finding in said if finding["verdict"] == "WRONG"}
    years, hour = r"-315\d{8}\.\d s", r"(\+36\d\d|-36\d\d|\+359\d|-359\d)\.\d s"
    for pattern in (
        f"the engine's is {years} against this machine's",
        f"Postgres' is {hour} against this machine's",
        f"that of the host elsewhere is {hour} against Postgres'",
        f"the service's is {years} against this machine's",
    ):
        assert any(re.fullmatch(pattern, what) for what in wrong), (pattern, wrong)


def test_versions_that_do_not_go_together_are_wrong(running: Any, host: Parts, tmp_path: Path) -> None:
    asyncio.run(host.beat(version="9.9.8"))
    found = from_elsewhere(running, tmp_path, host.api_url, code=1, more=host.variables())
    assert one(found, "versions", "WRONG").endswith("host elsewhere 9.9.8")
    assert {part for part in found if any(f["verdict"] == "WRONG" for f in found[part])} == {"versions"}


def test_a_stream_that_is_missing_or_was_changed_is_wrong(running: Any, host: Parts, tmp_path: Path) -> None:
    asyncio.run(host.break_streams())
    found = from_elsewhere(running, tmp_path, host.api_url, code=1, more=host.variables())
    asyncio.run(host.mend_streams())
    said = {finding["what"] for finding in found["streams"] if finding["verdict"] == "WRONG"}
    assert said == {
        "DEAD_LETTERS is missing",
        "INVOCATIONS differs from what is declared in max_bytes",
    }


def test_a_host_that_is_silent_while_work_waits_for_it_is_wrong(
    running: Any, host: Parts, tmp_path: Path
) -> None:
    asyncio.run(host.sql("UPDATE hosts SET seen_at = clock_timestamp() - interval '30 s'"))
    subject = LAYOUT.subjects.invocation(AttemptSubject("default", "run", "node", 1))
    asyncio.run(host.publish(subject))
    until_told(host.api_url, 'queue_depth{pool="default"} 1.0')
    began = time.monotonic()
    asyncio.run(host.sql("UPDATE hosts SET seen_at = clock_timestamp() - interval '30 s'"))
    found = from_elsewhere(running, tmp_path, host.api_url, code=1, more=host.variables())
    asyncio.run(host.forget(subject))
    assert one(found, "hosts", "WRONG") == "none of the pool default is heard of, and 1 invocations wait"
    silent = re.search(r"silent for (\d+)", one(found, "host", "WRONG"))
    assert silent is not None
    assert 30 <= int(silent[1]) <= 31 + time.monotonic() - began


def test_of_another_machines_install_it_says_what_it_cannot_see_and_takes_it_for_fine_only_if_remote(
    running: Any, host: Parts, tmp_path: Path
) -> None:
    found = from_elsewhere(running, tmp_path, host.api_url, code=1)
    assert "AIRLOCK_DATABASE_URL is not given" in one(found, "Postgres, NATS, streams", "UNKNOWN")
    assert "they are on another machine" in one(found, "Docker Engine, disk, data folder", "REMOTE")
    assert one(found, "key", "OK") == "is known"
    assert "data folder" not in found
    with host.beating():
        found = from_elsewhere(running, tmp_path, host.api_url, code=0, more=host.variables())
    assert {f["verdict"] for part in found.values() for f in part} <= {"OK", "WARNING", "REMOTE"}


def test_a_proxy_that_keeps_back_what_is_counted_is_told_and_no_clock_makes_a_host_silent(
    running: Any, host: Parts, tmp_path: Path
) -> None:
    with host.beating(), late_and_reticent(host.api_url) as url:
        found = from_elsewhere(running, tmp_path, url, code=1, more=host.variables())
    assert "404" in one(found, "metrics", "UNKNOWN")
    assert one(found, "host", "OK")  # it was heard of just now, by the clocks of where it was heard


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_where_nothing_runs_it_looks_at_what_there_is(fresh: Any, small_disk: Path) -> None:
    done = fresh.airlock("doctor", "--data-dir", str(small_disk / "data"))
    assert done.returncode == 1
    assert re.search(r"^WRONG +disk +8 MiB free at ", done.stdout, re.MULTILINE)
    assert re.search(r"^WRONG +REST +nothing runs on the data folder", done.stdout, re.MULTILINE)
    assert re.search(r"^UNKNOWN +Postgres, NATS, streams +not looked at: ", done.stdout, re.MULTILINE)
    assert re.search(r"^OK +Docker Engine +\d+\.", done.stdout, re.MULTILINE)
    assert re.search(r"^\d+ OK, .*2 WRONG, 1 UNKNOWN$", done.stdout, re.MULTILINE)


@pytest.fixture
def killed_postgres(running: Any, parts: Parts) -> Iterator[None]:
    """Postgres is gone while the test runs, and nobody starts it again."""
    os.kill(parts.state["pid"], signal.SIGSTOP)
    os.kill(parts.state["parts"]["Postgres"], signal.SIGKILL)
    until_told(parts.api_url, '"database":"down"', path="/health")
    yield
    os.kill(parts.state["pid"], signal.SIGCONT)
    until_told(parts.api_url, '"database":"up"', path="/health")


@pytest.mark.usefixtures("killed_postgres")
def test_a_postgres_that_is_gone_is_wrong_and_hides_no_other_part(running: Any) -> None:
    found = examined(running, code=1)
    said = [finding["what"] for finding in found["Postgres"] if finding["verdict"] == "WRONG"]
    assert "its process is gone" in said
    assert any("the service says: down" in what for what in said)
    assert any("refused" in what for what in said)
    assert one(found, "certificate", "UNKNOWN")
    assert {finding["verdict"] for finding in found["NATS"]} == {"OK"}
