"""What a host that is gone has left on a shared machine is removed by the hosts that are not."""

import asyncio
from datetime import timedelta

import asyncpg
import docker

GONE = """
INSERT INTO hosts
    (name, boot, pool, version, slots, busy, memory_mb, draining, missing_images, started_at, seen_at)
VALUES
    ($1, 'b', 'default', '0', 1, 0, 1, false, '[]', now() - interval '1 h', clock_timestamp() - $2::interval)
"""
SEEN = "UPDATE hosts SET seen_at = clock_timestamp() - $2::interval WHERE name = $1"


def leave(client: docker.DockerClient, install: str, host: str) -> str:
    """A container as that host would have left it."""
    labels = {"airlock.install": install, "airlock.host": host, "airlock.boot": "b", "airlock.sandbox": "s"}
    container = client.containers.create("airlock-base", ["sleep", "600"], labels=labels, network_mode="none")
    assert container.id is not None
    return container.id


async def test_a_gone_hosts_containers_are_removed_and_a_silent_ones_are_not(
    install, docker_client: docker.DockerClient
) -> None:
    url = (install.stack.folder.path / "secrets" / "database-url").read_text().strip()
    gone = await asyncio.to_thread(leave, docker_client, install.stack.install, "gone-host")
    silent = await asyncio.to_thread(leave, docker_client, install.stack.install, "silent-host")
    foreign = await asyncio.to_thread(leave, docker_client, "another-install", "gone-host")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(GONE, "gone-host", timedelta(seconds=61))
        await connection.execute(GONE, "silent-host", timedelta(seconds=5))
        async with asyncio.timeout(150):
            while await asyncio.to_thread(_ids, docker_client) & {gone}:
                await connection.execute(SEEN, "silent-host", timedelta(seconds=5))
                await asyncio.sleep(0.2)
        assert await asyncio.to_thread(_ids, docker_client) >= {silent, foreign}
        statuses = {host.name: host.status for host in await install.client.hosts()}
        assert statuses["gone-host"] == "GONE"
        assert statuses["silent-host"] == "UP"
    finally:
        await connection.close()
        for left in (silent, foreign):
            await asyncio.to_thread(docker_client.api.remove_container, left, force=True)


def _ids(client: docker.DockerClient) -> set[str]:
    return {item["Id"] for item in client.api.containers(all=True)}
