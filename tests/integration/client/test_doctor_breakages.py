"""`airlock doctor` with parts that are really broken: each is found, and what was not looked at is named."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest
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


def bus_url(install: Any) -> str:
    port = (install.data / "nats" / "port").read_text().strip()
    password = (install.data / "secrets" / "nats-orchestration").read_text().strip()
    return f"nats://orchestration:{password}@127.0.0.1:{port}"


async def leave_a_dead_letter(url: str) -> None:
    client = await nats.connect(url)
    try:
        await client.jetstream().publish("airlock.dead.REPORTS", b"{}")
    finally:
        await client.close()


async def set_revision(url: str, revision: str) -> str:
    connection = await asyncpg.connect(url)
    before = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    await connection.close()
    return str(before)


def test_each_thing_that_was_broken_is_found_with_how_to_mend_it(running: Any) -> None:
    whole = examined(running, code=1)  # there is no host
    assert one(whole, "hosts", "WRONG") == "none of 0 is up"
    assert {part for part in whole if any(f["verdict"] == "WRONG" for f in whole[part])} == {"hosts"}
    assert one(whole, "limits", "OK").startswith("enforced: ")
    assert re.fullmatch(r"revision \d{4}", one(whole, "schema", "OK"))
    assert one(whole, "keys", "OK") == "1 admin, 1 host"
    assert one(whole, "streams", "OK") == "messages: INVOCATIONS 0, REPORTS 0, DEAD_LETTERS 0"
    assert "against this machine's" in one(whole, "clocks", "OK")

    database = (running.data / "secrets" / "database-url").read_text().strip()
    key = running.data / "keys" / "host.key"
    asyncio.run(leave_a_dead_letter(bus_url(running)))
    revision = asyncio.run(set_revision(database, "9999"))
    key.chmod(0o644)
    try:
        with ForgetfulEngine(b'PidsLimit": 24', b'PidsLimit": 0 ') as engine:
            engine.forgets = True
            # A base of another content: what is built is no longer what this checkout would build.
            more = {"DOCKER_HOST": engine.address, "AIRLOCK_BASE_IMAGE": "airlock-base"}
            broken = examined(running, code=1, more=more)
    finally:
        key.chmod(0o600)
        asyncio.run(set_revision(database, revision))
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
def hung_nats(running: Any) -> Iterator[None]:
    """nats-server does not answer while the test runs."""
    pids = [pid for pid, line in running.processes().items() if "nats-server" in line.split()[0]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert pids
    yield
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def test_a_nats_that_hangs_hides_no_other_part(running: Any, hung_nats: None) -> None:
    found = examined(running, code=1)
    said = [finding["what"] for finding in found["NATS"] if finding["verdict"] == "WRONG"]
    assert any("the service says: down" in what for what in said)
    assert any("does not answer within" in what for what in said)
    assert one(found, "streams", "UNKNOWN")
    assert {finding["verdict"] for finding in found["Postgres"]} == {"OK"}


def test_of_another_machines_install_it_says_what_it_cannot_see(running: Any, tmp_path: Path) -> None:
    state = json.loads((running.data / "airlock.json").read_text())
    elsewhere = {"AIRLOCK_HOME": str(tmp_path / "none")}
    options = ("--url", state["api_url"], "--key-file", str(running.data / "keys" / "admin.key"))
    found = examined(running, code=1, more=elsewhere, options=options)
    assert "they are on another machine" in one(found, "Docker Engine, disk, data folder", "UNKNOWN")
    assert "AIRLOCK_DATABASE_URL is not given" in one(found, "Postgres, NATS, streams", "UNKNOWN")
    assert one(found, "key", "OK") == "is known"
    assert "data folder" not in found


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
