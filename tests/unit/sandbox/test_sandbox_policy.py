"""A sandbox's configuration: everything locked, the manifest capped by the host, nothing else granted."""

import json
from typing import Any

import pytest
from airlock_agents.sandbox.policy import (
    HostLimits,
    Owner,
    PolicyRefusal,
    container_policy,
)
from airlock_agents.sandbox.seccomp import profile_json
from airlock_contracts.manifest import Manifest
from hypothesis import given
from hypothesis import strategies as st

IMAGE = "sha256:" + "a" * 64
OWNER = Owner(install="i1", host="h1", boot="b1", sandbox="s1")
MIB = 1024 * 1024


def make_manifest(**changes: Any) -> Manifest:
    action = {"input_schema": {}, "output_schema": {}}
    fields = {
        "name": "echo",
        "version": "1.0.0",
        "type": "SCRIPT",
        "image": "echo",
        "protocol": "airlock/1",
        "actions": {"go": action},
    }
    return Manifest.model_validate(fields | changes)


def api(host: HostLimits | None = None, processors: int = 64, **changes: Any) -> dict[str, Any]:
    manifest, host = make_manifest(**changes), host or HostLimits()
    return container_policy(
        manifest=manifest, image=IMAGE, host=host, owner=OWNER, processors=processors
    ).to_api()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CapDrop", ["ALL"]),
        ("SecurityOpt", ["no-new-privileges:true", f"seccomp={profile_json()}"]),
        ("ReadonlyRootfs", True),
        ("Privileged", False),
        ("NetworkMode", "none"),
        ("IpcMode", "none"),
        ("Init", True),
        ("LogConfig", {"Type": "none", "Config": {}}),
        ("RestartPolicy", {"Name": "no", "MaximumRetryCount": 0}),
        ("AutoRemove", False),
    ],
)
def test_every_sandbox_is_locked(field: str, value: object) -> None:
    assert api()["HostConfig"][field] == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("User", "65532:65532"),
        ("WorkingDir", "/tmp"),
        ("Healthcheck", {"Test": ["NONE"]}),
        ("StopSignal", "SIGKILL"),
        ("Tty", False),
        ("OpenStdin", True),
        ("StdinOnce", True),
    ],
)
def test_the_image_decides_none_of_these(field: str, value: object) -> None:
    assert api()[field] == value


def test_nothing_of_the_host_is_handed_in() -> None:
    body = api()
    granted = {
        "Binds",
        "Mounts",
        "Devices",
        "DeviceRequests",
        "CapAdd",
        "VolumesFrom",
        "Sysctls",
        "CgroupParent",
        "GroupAdd",
        "Links",
        "PortBindings",
        "OomKillDisable",
    }
    assert not granted & body["HostConfig"].keys()
    assert not {"Volumes", "ExposedPorts"} & body.keys()
    assert all(body["HostConfig"][mode] == "" for mode in ("PidMode", "UTSMode", "UsernsMode"))


def test_masking_takes_nothing_back_that_an_engine_masks_by_itself() -> None:
    engines = {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/scsi"}
    engines |= {"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"}
    engines |= {"/sys/firmware", "/sys/devices/virtual/powercap"}
    assert engines < set(api()["HostConfig"]["MaskedPaths"])
    assert "ReadonlyPaths" not in api()["HostConfig"]


def test_thermal_interrupts_are_masked_for_every_processor_and_within_a_bound() -> None:
    def masked(processors: int) -> list[str]:
        paths = api(processors=processors)["HostConfig"]["MaskedPaths"]
        return [path for path in paths if path.endswith("/thermal_throttle")]

    assert masked(96)[0] == "/sys/devices/system/cpu/cpu0/thermal_throttle"
    assert masked(96)[-1] == "/sys/devices/system/cpu/cpu95/thermal_throttle"
    assert [len(masked(number)) for number in (1, 96, 100_000)] == [64, 96, 1024]


def test_no_sandbox_asks_for_more_processors_than_its_engine_has() -> None:
    wants = {"cpus": 64.0}
    assert api(processors=2, limits=wants)["HostConfig"]["NanoCpus"] == 2_000_000_000
    assert api(processors=48, limits=wants)["HostConfig"]["NanoCpus"] == 4_000_000_000  # the host's own limit


def test_swap_is_no_way_around_the_memory_limit() -> None:
    host = api(limits={"memory_mb": 256})["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 256 * MIB


def test_scratch_is_sized_and_not_executable() -> None:
    options = api(limits={"scratch_mb": 8})["HostConfig"]["Tmpfs"]["/tmp"].split(",")
    assert {"noexec", "nosuid", "nodev", f"size={8 * MIB}"} <= set(options)


def test_no_core_dumps_and_no_file_larger_than_scratch() -> None:
    limits = {item["Name"]: item["Hard"] for item in api(limits={"scratch_mb": 8})["HostConfig"]["Ulimits"]}
    assert limits == {"nofile": 1024, "core": 0, "fsize": 8 * MIB}


def test_the_environment_is_small_and_known() -> None:
    assert api()["Env"] == ["HOME=/tmp", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"]


def test_a_command_replaces_the_entrypoint_and_none_keeps_the_images() -> None:
    assert api(command=["python3", "-m", "x"])["Entrypoint"] == ["python3", "-m", "x"]
    assert "Entrypoint" not in api(command=[])


def test_labels_and_name_tell_whose_it_is() -> None:
    assert api()["Labels"] == {
        "airlock.install": "i1",
        "airlock.host": "h1",
        "airlock.boot": "b1",
        "airlock.sandbox": "s1",
    }
    assert OWNER.container_name == "airlock-i1-s1"


@pytest.mark.parametrize("bad", ["", "a b", "../x", "x" * 64, "a,b=c"])
def test_an_owner_that_is_no_label_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="sandbox"):
        Owner(install="i", host="h", boot="b", sandbox=bad)


def test_network_is_refused_by_name() -> None:
    with pytest.raises(PolicyRefusal, match="needs network: egress is not available in this version"):
        api(network={"egress": ["example.com:443"]})


def test_secrets_are_refused_by_name() -> None:
    with pytest.raises(PolicyRefusal, match=r"needs secrets \(token\)"):
        api(secrets=["token"])


@pytest.mark.parametrize("image", ["echo", "echo:latest", "sha256:abc", "", "echo@sha256:" + "g" * 64])
def test_a_tag_is_never_run(image: str) -> None:
    with pytest.raises(PolicyRefusal, match="not pinned"):
        container_policy(manifest=make_manifest(), image=image, host=HostLimits(), owner=OWNER, processors=1)


def test_a_repository_digest_is_pinned() -> None:
    image = "registry.example.com:5000/team/echo@sha256:" + "b" * 64
    assert (
        container_policy(
            manifest=make_manifest(), image=image, host=HostLimits(), owner=OWNER, processors=1
        ).image
        == image
    )


@given(
    memory=st.integers(16, 65536),
    cpus=st.floats(0.01, 64),
    pids=st.integers(8, 32768),
    scratch=st.integers(1, 16384),
    host=st.builds(
        HostLimits,
        memory_mb=st.integers(16, 65536),
        cpus=st.floats(0.01, 64),
        pids=st.integers(8, 32768),
        scratch_mb=st.integers(1, 16384),
    ),
)
def test_no_manifest_gets_more_than_the_host_allows(
    memory: int, cpus: float, pids: int, scratch: int, host: HostLimits
) -> None:
    limits = {"memory_mb": memory, "cpus": cpus, "pids": pids, "scratch_mb": scratch}
    given_to_it = api(host, limits=limits)["HostConfig"]
    assert given_to_it["Memory"] == min(memory, host.memory_mb) * MIB
    assert given_to_it["NanoCpus"] == int(min(cpus, host.cpus) * 1e9)
    assert given_to_it["PidsLimit"] == min(pids, host.pids)
    assert f"size={min(scratch, host.scratch_mb) * MIB}" in given_to_it["Tmpfs"]["/tmp"]
    json.dumps(given_to_it)
