"""The fixtures of tests/conftest.py keep their word: real parts, nothing shared, nothing left."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import docker
import nats
import pytest
from airlock_client.embedded import EmbeddedNats, EmbeddedPostgres

_REPOSITORY = Path(__file__).parents[3]
_SECONDS = 200.0


class Suite:
    """A pytest run of its own, with our conftest.py, over one file of tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(_REPOSITORY / "tests/conftest.py", folder)

    def start(self, tests: str, **variables: str) -> subprocess.Popen[str]:
        (self.folder / "test_inner.py").write_text(tests)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(self.folder)]
        return subprocess.Popen(
            [*command, "-c", str(_REPOSITORY / "pyproject.toml"), str(self.folder / "test_inner.py")],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.folder), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whoever runs in the background of a shell ignores Ctrl-C, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, tests: str, **variables: str) -> str:
        """The output of the whole run."""
        return self.start(tests, **variables).communicate(timeout=_SECONDS)[0]


@pytest.fixture
def suite(data_dir: Path) -> Suite:
    data_dir.mkdir(mode=0o711)
    return Suite(data_dir)


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_an_empty_database(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE TABLE mine AS SELECT {turn} AS turn")
    assert await connection.fetchval("SELECT sum(turn) FROM mine") == turn
    await connection.close()


async def test_prefixes_keep_tests_apart_on_one_server(nats_server: EmbeddedNats, nats_prefix: str) -> None:
    client = await nats.connect(nats_server.url())
    made = await client.jetstream().add_stream(name=f"{nats_prefix}_S", subjects=[f"{nats_prefix}.>"])
    assert made.state.messages == 0
    await client.close()


def test_databases_can_be_made_after_the_server_was_killed(suite: Suite) -> None:
    output = suite.run("""
import asyncio, asyncpg
async def test_kill(postgres_server, database_url):
    await asyncio.to_thread(postgres_server.kill)
    await asyncio.to_thread(postgres_server.start)
async def test_next(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.close()
""")
    assert "2 passed" in output


def test_a_test_that_leaves_a_task_running_fails(suite: Suite) -> None:
    output = suite.run("""
import asyncio
async def test_leaves():
    test_leaves.kept = asyncio.create_task(asyncio.sleep(3600), name="forgotten")
""")
    assert "tasks left running" in output
    assert "forgotten" in output
    assert "1 passed, 1 error" in output


def test_a_test_whose_airlock_code_blocks_the_loop_fails(suite: Suite) -> None:
    output = suite.run("""
from airlock_client.embedded import EmbeddedNats
async def test_blocks(tmp_path):
    EmbeddedNats(tmp_path / "nats").start()
""")
    assert "BlockingError" in output
    assert "1 failed" in output


def test_a_missing_docker_engine_fails_the_test_and_says_what_to_do(suite: Suite) -> None:
    output = suite.run(
        "def test_needs(docker_client): pass", DOCKER_HOST=f"unix://{suite.folder}/no-engine-here"
    )
    assert "no Docker engine answers" in output
    assert "make test" in output
    assert "skipped" not in output


def test_what_a_suite_made_in_docker_is_gone_afterwards(
    suite: Suite, docker_client: docker.DockerClient
) -> None:
    output = suite.run("""
import pathlib
def test_makes(docker_client, install_id):
    network = docker_client.networks.create(install_id, internal=True, labels={"airlock.install": install_id})
    pathlib.Path("made").write_text(network.id)
""")
    assert "1 passed" in output
    with pytest.raises(docker.errors.NotFound):
        docker_client.networks.get((suite.folder / "made").read_text())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_suite_leaves_no_server_running(suite: Suite, how: signal.Signals) -> None:
    run = suite.start("""
import pathlib, time
def test_waits(postgres_server, nats_server):
    pathlib.Path("pids.new").write_text(f"{postgres_server.pid} {nats_server.pid}")
    pathlib.Path("pids.new").rename("pids")
    time.sleep(60)
""")
    pids = [int(pid) for pid in _appears(suite.folder / "pids", run).split()]
    servers = [os.pidfd_open(pid) for pid in pids]
    run.send_signal(how)
    run.communicate(timeout=_SECONDS)
    for server in servers:
        assert select.select([server], [], [], _SECONDS)[0] == [server]
        os.close(server)
    left = [path.name for path in suite.folder.glob("airlock-tests-*")]
    assert how is not signal.SIGINT or left == []


def _appears(path: Path, run: subprocess.Popen[str]) -> str:
    """Wait for a file that a run renames into place; its text."""
    while not path.exists():
        with pytest.raises(subprocess.TimeoutExpired):  # it must still be running
            run.wait(0.05)
    return path.read_text()


def test_the_session_servers_are_the_same_for_all_tests(
    postgres_server: EmbeddedPostgres, nats_server: EmbeddedNats, request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue("postgres_server") is postgres_server
    assert (postgres_server.exit_code(), nats_server.exit_code()) == (None, None)
