"""A real Postgres in a data folder: nothing lost, nobody let in, nothing else touched."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from airlock_client.embedded import EmbeddedPostgres, FolderInUse, FolderRefused, FolderVersion, ServerFailed


async def _write_a_row(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await connection.close()


async def _read_the_row(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT answer FROM kept"))
    finally:
        await connection.close()


@contextmanager
def _process_of(uid: int) -> Iterator[int]:
    """A process of that user which has nothing to do with Postgres; answers its pid."""
    user = uid if os.geteuid() == 0 else None
    stranger = subprocess.Popen(["sleep", "60"], user=user, cwd="/")
    try:
        yield stranger.pid
    finally:
        stranger.kill()
        stranger.wait()


def _tree(folder: Path) -> dict[str, tuple[int, int, float]]:
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_size, path.lstat().st_mtime)
        for path in (folder, *folder.rglob("*"))
    }


async def test_a_fresh_folder_becomes_a_durable_utf8_server(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        connection = await asyncpg.connect(server.url())
        settings = [
            await connection.fetchval(f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "data_checksums", "server_encoding", "timezone")
        ]
        locale = await connection.fetchrow(
            "SELECT datname::text AS name, datlocale FROM pg_database WHERE datname = current_database()"
        )
        await connection.close()
    assert settings == ["on", "on", "on", "UTF8", "UTC"]
    assert dict(locale) == {"name": "airlock", "datlocale": "C.UTF-8"}


async def test_committed_rows_survive_kill_9_and_the_port_stays(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        port = server.port
        await _write_a_row(server.url())
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        assert server.port == port
        assert await _read_the_row(server.url()) == 42


async def test_a_server_killed_behind_our_back_is_noticed_and_starts_again(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        await _write_a_row(server.url())
        port = server.port
        os.kill(server.pid, signal.SIGKILL)
        assert await server.ended() == "ended by SIGKILL"
        assert server.exit_code() == 128 + signal.SIGKILL
        await asyncio.to_thread(server.start)
        assert (server.port, await _read_the_row(server.url())) == (port, 42)


async def test_the_next_start_finds_rows_port_and_password_again(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        url = server.url()
        await _write_a_row(url)
    async with EmbeddedPostgres(data_dir) as server:
        assert server.url() == url
        assert await _read_the_row(url) == 42


async def test_no_one_gets_in_without_the_password(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        for host in ("127.0.0.1", str(data_dir / "run")):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(
                    host=host, port=server.port, user="airlock", password="wrong", database="airlock"
                )
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(
                host="127.0.0.1", port=server.port, user="postgres", password="postgres", database="airlock"
            )


def test_the_password_is_in_no_command_line_environment_or_log(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        password = (data_dir / "password").read_bytes()
        assert len(password) >= 43
        for pid in (server.pid, int(Path(f"/proc/{server.pid}/stat").read_text().split()[3])):
            assert password not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert password not in Path(f"/proc/{pid}/environ").read_bytes()
        assert password not in server.log.read_bytes()


def test_the_folder_is_for_its_owner_alone(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
    # Root's folder lets Postgres' account pass to its own folders in it, and see no name.
    assert stat.S_IMODE(data_dir.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
    assert (modes["database"], modes["run"]) == (0o700, 0o700)
    # Of a checkout that the account may not enter it gets the programs copied, which are nobody's secret.
    private = {name for name in modes if name not in {"database", "run"} and not name.startswith("programs-")}
    assert {modes[name] for name in private} == {0o600}


def test_a_second_start_on_a_folder_in_use_is_refused_at_once(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        with pytest.raises(FolderInUse, match=rf"in use by process {os.getpid()}: stop that one first"):
            EmbeddedPostgres(data_dir).start()
        assert server.exit_code() is None


async def test_two_servers_live_beside_each_other(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir / "a") as one, EmbeddedPostgres(data_dir / "b") as two:
        await _write_a_row(one.url())
        with pytest.raises(asyncpg.UndefinedTableError):
            await _read_the_row(two.url())
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(one.url().replace(f":{one.port}/", f":{two.port}/"))


def test_a_folder_of_another_version_is_refused_and_left_as_it_is(data_dir: Path) -> None:
    (data_dir / "database").mkdir(parents=True)
    (data_dir / "database/PG_VERSION").write_text("19\n")
    before = _tree(data_dir)
    with pytest.raises(FolderVersion, match="written by Postgres 19, and this is Postgres 18"):
        EmbeddedPostgres(data_dir).start()
    assert _tree(data_dir) == before


async def test_a_pid_file_whose_number_now_belongs_to_another_process_is_no_obstacle(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        await _write_a_row(server.url())
        await asyncio.to_thread(server.kill)
        pid_file = data_dir / "database/postmaster.pid"
        lines = pid_file.read_text().splitlines()
        with _process_of(pid_file.stat().st_uid) as stranger:
            pid_file.write_text("\n".join([str(stranger), *lines[1:]]) + "\n")
            await asyncio.to_thread(server.start)
            assert await _read_the_row(server.url()) == 42


def test_a_cluster_left_half_made_is_made_anew(data_dir: Path) -> None:
    (data_dir / "database.new").mkdir(parents=True)
    (data_dir / "database.new/PG_VERSION").write_text("18\n")
    (data_dir / "password").write_text("of a start that was cut short")
    with EmbeddedPostgres(data_dir) as server:
        assert server.exit_code() is None
    assert not (data_dir / "database.new").exists()


def test_a_database_without_its_password_is_refused(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    (data_dir / "password").unlink()
    with pytest.raises(FolderRefused, match="has a database but no password"):
        EmbeddedPostgres(data_dir).start()


def test_a_port_taken_meanwhile_moves_the_next_start_but_not_a_restart(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    with server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)):
        with EmbeddedPostgres(data_dir) as moved:
            assert moved.port != port
        # Clients of this one know its port: moving would leave them behind, so it says what is wrong.
        with pytest.raises(ServerFailed, match="Address already in use"):
            server.start()


def test_a_setting_that_postgres_refuses_shows_its_own_words(data_dir: Path) -> None:
    with pytest.raises(ServerFailed, match=r"ended while starting \(exit code 1\)[^$]*max_connections"):
        EmbeddedPostgres(data_dir, settings={"max_connections": "none"}).start()
