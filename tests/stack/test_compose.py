"""The compose file, run as docs/docker.md says: two replicas and two hosts, and what they survive.

One stack for all of these tests, in the order in which they stand, from the page's first command to its last.
The images are made offline; the account is one that no image knows; Docker's configuration names a proxy that
nobody reaches.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx2
import pytest
from airlock_client.errors import ClientError
from airlock_contracts.statuses import RunStatus, Verdict
from composed_stack import (
    NOT_TYPED,
    NOWHERE,
    PROCESSES,
    ComposedStack,
    commands,
    of_other_pages,
    until_final,
    until_hosts_are_up,
    wait_until_well,
)
from e2e_agents import MANIFESTS
from e2e_install import spec

pytestmark = pytest.mark.timeout(900)  # the first has the building of all images before it
LARGEST_BYTES = 200 * 1000 * 1000
COMPILERS = "gcc g++ cc c++ clang tcc ld as make cargo go"
FLAWED = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
RUNS = 40
KILL_AFTER = 12
NOBODY = "1001:1001"
"""Who an image runs as unless it is told."""


@pytest.fixture
def no_blocking_call() -> None:
    """These tests are an operator: commands are run and waited for."""


@pytest.fixture(scope="module")
def stack(
    docker_engine: docker.DockerClient, install_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposedStack]:
    """The stack, up, twice of each; nothing of it is left at the end."""
    settings = {"AIRLOCK_INSTALL": install_id, "AIRLOCK_SLOTS": "2"}
    made = ComposedStack(f"airlock-{install_id}", tmp_path_factory.mktemp("compose"), docker_engine, settings)
    made.prepare()
    try:
        made.type("Start it", seconds=600)
        made.type("More of it")
        yield made
    finally:
        made.remove()
    assert made.left() == []


@pytest.mark.parametrize("process", PROCESSES)
def test_an_image_is_small_and_holds_one_process_and_no_compiler(stack: ComposedStack, process: str) -> None:
    image = stack.image(process)
    packed = subprocess.run(
        f"docker save {image} | gzip -1 | wc -c", shell=True, capture_output=True, check=True, timeout=120
    )
    assert int(packed.stdout) < LARGEST_BYTES

    def said(script: str) -> str:
        output: bytes = stack.engine.containers.run(
            image, ["-c", script], entrypoint="/bin/sh", network_mode="none", remove=True, read_only=True
        )
        return output.decode().strip()

    assert said(f"for name in {COMPILERS}; do command -v $name; done; true") == ""
    other = {"orchestration": "airlock_agents", "agent-host": "airlock_orchestration"}[process]
    foreign = {"orchestration": "docker", "agent-host": "fastapi"}[process]
    for module in (other, foreign, "pip", "hatchling"):
        assert said(f"python -c 'import {module}' 2>/dev/null || echo absent") == "absent"
    assert said("echo $(id -u):$(id -g); touch /here 2>/dev/null || echo closed").split() == [
        NOBODY,
        "closed",
    ]


async def test_two_replicas_and_two_hosts_come_up_each_by_itself(stack: ComposedStack) -> None:
    for client in stack.clients():
        async with client:
            assert len(set(await until_hosts_are_up(client, 2))) == 2
            assert (await client.health())["status"] == "ok"
    for service, count in {"orchestration": 2, "agent-host": 2, "postgres": 1, "nats": 1}.items():
        found = stack.containers(service)
        assert [one.attrs["State"]["Health"]["Status"] for one in found] == ["healthy"] * count
    ended = [one.attrs["State"] for name in ("volumes", "migrate") for one in stack.containers(name)]
    assert [(state["Status"], state["ExitCode"]) for state in ended] == [("exited", 0)] * 2
    variables = stack.containers("orchestration")[0].attrs["Config"]["Env"]
    assert f"HTTP_PROXY={NOWHERE}" in variables  # and all of this went past it


def test_every_container_is_closed_as_the_file_says_and_knows_no_others_secret(stack: ComposedStack) -> None:
    secrets = {path.name: path.read_text().strip() for path in stack.secrets.rglob("*") if path.is_file()}
    assert {"admin.key", "host.key", "webhook.key"} < set(secrets)
    account = f"{stack.setting('AIRLOCK_UID')}:{stack.setting('AIRLOCK_GID')}"
    assert {f"{path.stat().st_uid}:{path.stat().st_gid}" for path in stack.secrets.rglob("*")} == {account}
    assert {(path.stat().st_mode & 0o77) for path in stack.secrets.rglob("*")} == {0}
    for container in stack.containers():
        config, host = container.attrs["Config"], container.attrs["HostConfig"]
        service = config["Labels"]["com.docker.compose.service"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert host["PidsLimit"] > 0
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}
        assert config["User"] == ("0:0" if service == "volumes" else account)
        sockets = [mount for mount in container.attrs["Mounts"] if "docker.sock" in mount["Source"]]
        assert bool(sockets) == (service == "agent-host")
        assert [name for name, secret in secrets.items() if secret in json.dumps(container.attrs)] == []


def test_networks_keep_apart_who_has_no_business_with_the_other(stack: ComposedStack) -> None:
    def reaches(container: Any, host: str, port: int) -> bool:
        script = f"import socket; socket.create_connection(('{host}', {port}), 3)"
        return bool(container.exec_run(["python", "-c", script]).exit_code == 0)

    orchestration, host = stack.containers("orchestration")[0], stack.containers("agent-host")[0]
    assert reaches(orchestration, "postgres", 5432)
    assert reaches(orchestration, "nats", 4222)
    assert reaches(host, "nats", 4222)
    assert reaches(host, "orchestration", 9002)
    assert not reaches(host, "postgres", 5432)
    assert not reaches(host, "192.0.2.1", 80)  # no way out at all
    # A container on the engine's own bridge, by address: where an agent would be if it had a network.
    addresses = [
        (network["IPAddress"], port)
        for service, port in {
            "postgres": 5432,
            "nats": 4222,
            "orchestration": 9002,
            "agent-host": 9003,
        }.items()
        for network in stack.containers(service)[0].attrs["NetworkSettings"]["Networks"].values()
    ]
    assert len(addresses) == 8
    script = (
        "import socket\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def reach(where):\n"
        "    try:\n"
        "        socket.create_connection(where, 3).close()\n"
        "        return [where]\n"
        "    except OSError:\n"
        "        return []\n"
        f"print(sum(ThreadPoolExecutor(16).map(reach, {addresses!r}), []))\n"
    )
    image = stack.image("agent-host")
    seen = stack.engine.containers.run(image, ["-c", script], entrypoint="python", remove=True)
    assert seen.decode().strip() == "[]"


async def test_the_security_review_runs_on_it_with_its_gate(stack: ComposedStack, tmp_path: Path) -> None:
    stack.type("Give it agents and workflows")
    (tmp_path / "reader.py").write_text(FLAWED)
    run = stack.trigger("security-review", "--workspace", str(tmp_path))
    first, second = stack.clients()
    async with first, second:
        async with asyncio.timeout(150):
            while (view := await first.run(run)).status is not RunStatus.WAITING_APPROVAL:
                assert not view.status.is_final, view
                await asyncio.sleep(0.3)
        (asked,) = (await second.approvals(run=run)).items  # another replica than the one that was triggered
        await second.decide(asked.id, Verdict.APPROVED, asked.payload_sha256, notes="as shown")
        ended = await until_final(second, run)
        assert ended.status is RunStatus.SUCCESS
        assert b"yaml.safe_load" in await first.node_output(run, "propose")
    assert "Security review finished" in stack.airlock("runs", "output", run, "notify")


async def test_a_replica_that_is_killed_and_comes_back_loses_nothing(stack: ComposedStack) -> None:
    first, second = stack.clients()
    async with first, second:
        await first.register_agent(json.dumps(MANIFESTS[0]).encode())
        nodes: list[dict[str, Any]] = [
            {"id": "a", "inputs": {"seconds": 0.2}},
            {"id": "b", "depends_on": ["a"]},
            {"id": "c", "depends_on": ["b"]},
        ]
        await first.apply_workflow(spec("under-load", nodes))
        killed, *_ = stack.containers("orchestration")

        async def trigger(number: int) -> str:
            """By turns; who gets no answer asks the other replica, with the same key."""
            ways = [first, second] if number % 2 else [second, first]
            async with asyncio.timeout(60):
                while True:
                    for client in ways:
                        try:
                            return (await client.trigger("under-load", {}, idempotency_key=f"k{number}")).id
                        except ClientError:
                            continue
                    await asyncio.sleep(0.2)

        accepted = [await trigger(number) for number in range(KILL_AFTER)]
        rest = [asyncio.create_task(trigger(number)) for number in range(KILL_AFTER, RUNS)]
        await asyncio.to_thread(killed.kill, "SIGKILL")
        accepted += await asyncio.gather(*rest)
        await asyncio.to_thread(killed.start)
        await asyncio.to_thread(wait_until_well, killed)
        assert len(set(accepted)) == RUNS
        survivor = second
        ends = [(await until_final(survivor, run)).status for run in accepted]
        assert ends == [RunStatus.SUCCESS] * RUNS
        listed = await survivor.runs(workflow="under-load", limit=100)
        assert {run.id for run in listed.items} == set(accepted)
        assert "wakeup_certificate_violations 0.0" in await survivor.metrics()
    returned = stack.clients()[0]
    async with returned:
        assert (await returned.run(accepted[0])).status is RunStatus.SUCCESS


async def test_down_and_up_keep_every_run_and_every_hosts_name(stack: ComposedStack) -> None:
    async with stack.clients()[0] as client:
        before = (await client.runs(limit=100)).items
        outputs = {run.id: await client.run(run.id) for run in before[:5]}
        names = await until_hosts_are_up(client, 2)
    await asyncio.to_thread(stack.down)
    assert stack.containers() == []
    await asyncio.to_thread(stack.up)
    for url in stack.urls():
        async with httpx2.AsyncClient(base_url=url) as http:
            assert (await http.get("/health/ready")).is_success
    async with stack.clients()[1] as client:
        assert (await client.runs(limit=100)).items == before
        assert {run: await client.run(run) for run in outputs} == outputs
        assert await until_hosts_are_up(client, 2) == names
        again = await client.trigger("under-load", {})
        assert (await until_final(client, again.id)).status is RunStatus.SUCCESS


async def test_hosts_of_another_pool_and_of_another_prefix_take_that_pools_work(stack: ComposedStack) -> None:
    users = stack.checkout / "infra" / "nats" / "users.conf"
    before = users.read_bytes()
    await asyncio.to_thread(stack.type, "Another pool, another prefix")
    assert users.read_bytes() == before
    async with stack.clients()[0] as client:
        await until_hosts_are_up(client, 1, pool="gpu")
        mine = {**MANIFESTS[0], "name": "of-the-pool", "pool": "gpu"}
        await client.register_agent(json.dumps(mine).encode())
        await client.apply_workflow(spec("in-the-pool", [{"id": "a", "agent": "of-the-pool"}]))
        run = await client.trigger("in-the-pool", {})
        assert (await until_final(client, run.id)).status is RunStatus.SUCCESS
    (host,) = stack.containers("agent-host")
    assert {"AIRLOCK_NATS_USER=host-gpu", "AIRLOCK_SUBJECT_PREFIX=acme"} <= set(host.attrs["Config"]["Env"])


async def test_a_service_that_is_down_comes_back_as_the_runbooks_say(stack: ComposedStack) -> None:
    await asyncio.to_thread(stack.compose, "stop", "orchestration")
    assert stack.urls() == []
    await asyncio.to_thread(stack.type_of_other_pages)
    (returned,) = stack.containers("orchestration")
    await asyncio.to_thread(wait_until_well, returned)
    async with stack.clients()[0] as client:
        await until_hosts_are_up(client, 1, pool="gpu")


async def test_what_was_copied_and_put_back_is_there_in_the_checkout_that_is_worked_on(
    stack: ComposedStack,
) -> None:
    await asyncio.to_thread(stack.type, "Look at it")
    async with stack.clients()[0] as client:
        before = (await client.runs(limit=100)).items
    await asyncio.to_thread(stack.type, "Stop it, start it, copy it, bring it up to date")
    assert stack.containers() == []
    assert (stack.checkout / "airlock.dump").read_bytes()[:5] == b"PGDMP"
    await asyncio.to_thread(stack.type, "Work on it", seconds=300)
    (client,) = stack.clients("orchestration-dev")
    async with client:
        await until_hosts_are_up(client, 1, pool="gpu")
        assert (await client.runs(limit=100)).items == before
    (worked_on,) = stack.containers("orchestration-dev")
    variables = worked_on.attrs["Config"]["Env"]
    assert "AIRLOCK_OTLP_HEADERS_FILE=/run/otlp/headers" in variables  # and it is up: it could read that
    with (stack.checkout / "services/orchestration/airlock_orchestration/errors.py").open("a") as module:
        module.write("# A change.\n")
    async with asyncio.timeout(60):
        while b"a file has changed" not in worked_on.logs():
            await asyncio.sleep(0.3)
        while worked_on.logs().count(b"rest.listening") < 2:
            await asyncio.sleep(0.3)


def test_every_command_of_the_page_was_typed_or_stands_in_the_list_of_those_that_cannot_be(
    stack: ComposedStack,
) -> None:
    assert stack.typed | set(NOT_TYPED) == commands() | set(of_other_pages())
    assert not stack.typed & set(NOT_TYPED)
