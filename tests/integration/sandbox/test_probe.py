"""The probe in a locked sandbox, and in sandboxes with one lock taken off: it must notice each."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.sandbox.outcome import Failed, Outcome
from airlock_agents.sandbox.ports import SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes

from .weakened import MANIFEST, SECONDS, Look, Weaken, as_root, host_config

DEFAULT_SECCOMP = ["no-new-privileges:true"]
NO_SECCOMP = ["no-new-privileges:true", "seccomp=unconfined"]


def without_limit(name: str) -> Weaken:
    def weaken(body: dict[str, Any]) -> None:
        limits = body["HostConfig"]["Ulimits"]
        body["HostConfig"]["Ulimits"] = [item for item in limits if item["Name"] != name]

    return weaken


def with_variable(variable: str) -> Weaken:
    def weaken(body: dict[str, Any]) -> None:
        body["Env"].append(variable)
        body["Hostname"] = "build-server-7"

    return weaken


# So many processes need more memory than the probe is granted, or they are ended before they are counted.
MANY: dict[str, Any] = {"PidsLimit": None, "Memory": 1024**3, "MemorySwap": 1024**3}


def names_open(output: dict[str, Any]) -> set[str]:
    assert (
        output["held"]
        == output["tried"] - len(output["open"])
        == output["tried"] - len([row for row in output["tries"] if row["verdict"] in ("open", "unclear")])
    )
    assert all(row["why"] and row["mend"] for row in output["open"])
    return {row["name"] for row in output["open"]}


RunProbe = Callable[[str], Awaitable[Outcome]]


@pytest.fixture
def run_probe(sandboxes: Sandboxes, probe_image: str, recorder: Any, request_of: Any) -> RunProbe:
    async def run(action: str) -> Outcome:
        spec = SandboxSpec(sandbox=uuid.uuid4().hex, manifest=MANIFEST, image=probe_image)
        return await sandboxes.run(spec, replace(request_of({}, SECONDS), action=action), recorder, recorder)

    return run


async def test_everything_that_is_tried_in_a_sandbox_holds(run_probe: RunProbe) -> None:
    outcome = await run_probe("look")
    assert not isinstance(outcome, Failed), outcome
    output = json.loads(outcome.output)
    assert output["open"] == []
    assert output["held"] == output["tried"] == len(output["tries"]) > 280
    assert len({(row["group"], row["name"]) for row in output["tries"]}) == output["tried"]
    # What this kernel lacks is not what it refuses, and neither is a fact.
    assert {row["verdict"] for row in output["tries"]} == {"refused", "absent", "held"}


async def test_whoever_takes_more_memory_than_was_granted_is_ended(run_probe: RunProbe) -> None:
    outcome = await run_probe("exhaust")
    assert isinstance(outcome, Failed)
    assert outcome.failure.code == "memory.exceeded"


@pytest.mark.parametrize(
    ("weaken", "noticed"),
    [
        pytest.param(
            host_config(SecurityOpt=DEFAULT_SECCOMP),
            {
                "io_uring_setup",
                "io_setup",
                "mq_open",
                "AF_NETLINK",
                "AF_VSOCK",
                "32-bit calls",
                "from memory",
            },
            id="the engine's own seccomp profile",
        ),
        pytest.param(
            host_config(SecurityOpt=NO_SECCOMP),
            {"ptrace", "process_vm_readv", "keyctl", "unshare user", "personality READ_IMPLIES_EXEC", "kcmp"}
            | {"a filter of system calls", "userfaultfd", "add_key", "clone user", "modify_ldt"},
            id="no seccomp profile",
        ),
        pytest.param(
            host_config(SecurityOpt=["seccomp=unconfined"]),
            {"no new privileges", "setuid programs"},
            id="new privileges",
        ),
        pytest.param(
            as_root(CapDrop=None, CapAdd=["SYS_ADMIN", "MKNOD", "NET_RAW"], SecurityOpt=NO_SECCOMP),
            {"the effective set", "the bounding set", "user", "becoming root", "a file system in memory"}
            | {"making a device: memory", "binding / elsewhere", "raw socket, IPv4", "AF_PACKET", "chroot"}
            | {"unshare mount", "fsopen", "open_tree", "pivot_root"},
            id="root with capabilities",
        ),
        pytest.param(
            host_config(NetworkMode="bridge"),
            {"interfaces", "routes", "IPv4, TCP", "the host", "asking a name server"},
            id="a network",
        ),
        pytest.param(
            host_config(NetworkMode="host"),
            {"interfaces", "any socket with an abstract name", "others on loopback"},
            id="the host's network",
        ),
        pytest.param(
            as_root(ReadonlyRootfs=False),
            {"the whole file system", "/etc", "/usr/bin", "/opt/agent", "/etc/ld.so.preload"},
            id="a root folder that can be written",
        ),
        pytest.param(host_config(**MANY), {"processes"}, id="no limit of processes"),
        pytest.param(
            host_config(Memory=None, MemorySwap=None),
            {"memory, as the kernel states it"},
            id="no limit of memory",
        ),
        pytest.param(
            host_config(MemorySwap=1024**3), {"swap, as the kernel states it"}, id="swap beside the memory"
        ),
        pytest.param(without_limit("nofile"), {"open files"}, id="no limit of open files"),
        pytest.param(without_limit("fsize"), {"a file larger than scratch"}, id="no limit of a file"),
        pytest.param(
            without_limit("core"), {"core dumps", "raising the limit of core dumps"}, id="core dumps"
        ),
        pytest.param(
            host_config(Tmpfs={"/tmp": "rw,exec,suid,dev,size=32m,mode=1777"}),
            {"scratch beyond its size", "from scratch", "from scratch, by the loader", "mapped from scratch"}
            | {"flags of scratch"},
            id="scratch that is large and executable",
        ),
        pytest.param(
            host_config(PidMode="host"),
            {"process 1", "a namespace of processes", "others that can be seen"},
            id="the host's processes",
        ),
        pytest.param(
            host_config(MaskedPaths=[], ReadonlyPaths=[]),
            {"the whole file system", "looking into /proc/keys", "looking into /proc/pressure"},
            id="nothing masked",
        ),
        pytest.param(host_config(OomScoreAdj=0), {"first to go when memory is short"}, id="the last to go"),
        pytest.param(host_config(GroupAdd=["0"]), {"further groups"}, id="another group"),
        pytest.param(
            with_variable("AIRLOCK_DATABASE_URL=postgresql://u:p@db/x"),
            {"environment", "environment of process 1", "host name"},
            id="the host's environment",
        ),
        pytest.param(
            as_root(
                Devices=[
                    {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}
                ]
            ),
            {"devices there are", "/dev/fuse"},
            id="a device",
        ),
    ],
)
async def test_a_lock_that_is_taken_off_is_noticed(weaken: Weaken, noticed: set[str], look: Look) -> None:
    assert noticed - names_open(await look(weaken)) == set()


@pytest.fixture
def host_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host's that anybody may write, with a socket on which somebody listens."""

    tmp_path.chmod(0o777)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "docker.sock"))
        (tmp_path / "docker.sock").chmod(0o666)
        listening.listen()
        yield tmp_path


async def test_a_folder_and_a_socket_of_the_hosts_are_noticed(look: Look, host_folder: Path) -> None:
    found = names_open(await look(host_config(Binds=[f"{host_folder}:/run:rw"])))
    assert {"what is mounted", "the whole file system", "/run", "any socket in a file"} <= found
    assert {"/run/docker.sock", "/var/run/docker.sock"} <= found
    assert os.listdir(host_folder) == ["docker.sock"]


async def test_an_open_try_says_what_it_saw_why_it_matters_and_what_to_do(look: Look) -> None:
    output = await look(host_config(**MANY))
    (row,) = [row for row in output["open"] if row["name"] == "processes"]
    assert row["group"] == "limits"
    assert row["saw"] == "112 processes were made, 48 are granted"
    assert "docker info" in row["mend"]
