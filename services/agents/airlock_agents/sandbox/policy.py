"""What a sandbox may do: manifest and host limits in, the container's whole configuration out. Pure.

Every line answers an attack or a leak, and nothing else in Airlock adds to a container's configuration.
Written for Docker Engine 20.10 and newer, cgroup v1 and v2.
"""

import re
from dataclasses import dataclass
from typing import Any

from airlock_contracts.manifest import Limits, Manifest
from airlock_contracts.statuses import Effects

from .seccomp import profile_json

USER = "65532:65532"
"""Nobody on the host has it, and no image needs to know it."""
SCRATCH = "/tmp"  # noqa: S108 - inside the container: a tmpfs of its own
LABEL_INSTALL = "airlock.install"
LABEL_HOST = "airlock.host"
LABEL_BOOT = "airlock.boot"
LABEL_SANDBOX = "airlock.sandbox"
_MIB = 1024 * 1024
_SECCOMP = f"seccomp={profile_json()}"
"""The text itself: the engine's API takes no path."""
_MASKED = (
    # What the engines mask by themselves; a list of ours takes the place of theirs.
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    # And what they leave: queues and alarms that anybody may set, the kernel's addresses, its tracing.
    "/dev/mqueue",
    "/proc/kallsyms",
    "/proc/pressure",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
)
"""Empty to whoever looks, and not to be written; a path that a machine lacks is passed over."""
_LEAST_THERMAL, _MOST_THERMAL = 64, 1024
"""Processors whose thermal interrupts are masked, as newer engines do (moby/moby#49560): they tell what
others compute. At least 64: an engine that is bound to some processors counts those alone, whatever their
numbers. At most 1,024, for each is a mount of every sandbox."""
_LABEL = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$")


class PolicyRefusal(ValueError):
    """This agent asks for something that its sandbox cannot be given."""


@dataclass(frozen=True)
class HostLimits:
    """The most that a host lets one sandbox have, whatever its manifest says."""

    memory_mb: int = 4096
    cpus: float = 4.0
    pids: int = 1024
    scratch_mb: int = 2048


@dataclass(frozen=True)
class Owner:
    """Whose container it is: the labels by which a janitor finds it again."""

    install: str
    host: str
    boot: str
    sandbox: str

    def __post_init__(self) -> None:
        for name in ("install", "host", "boot", "sandbox"):
            if not _LABEL.fullmatch(getattr(self, name)):
                raise ValueError(f"not a label: {name}={getattr(self, name)!r}")

    @property
    def labels(self) -> dict[str, str]:
        """As Docker labels."""
        return {
            LABEL_INSTALL: self.install,
            LABEL_HOST: self.host,
            LABEL_BOOT: self.boot,
            LABEL_SANDBOX: self.sandbox,
        }

    @property
    def container_name(self) -> str:
        """The container's name: the same for the same sandbox, so that an unknown create can be looked up."""
        return f"airlock-{self.install}-{self.sandbox}"


@dataclass(frozen=True)
class ContainerPolicy:
    """A container's configuration: all of it, and nothing that can be changed later."""

    owner: Owner
    image: str
    """An image id or a repository digest; never a tag."""
    command: tuple[str, ...]
    """Empty: the image's own."""
    memory_bytes: int
    nano_cpus: int
    pids: int
    scratch_bytes: int
    processors: int
    """Of the engine's machine, as far as the engine counts them."""

    def to_api(self) -> dict[str, Any]:
        """The body of `POST /containers/create` (Docker Engine API 1.41 and newer)."""
        body: dict[str, Any] = {
            "Image": self.image,
            "Hostname": "sandbox",
            "User": USER,
            "WorkingDir": SCRATCH,
            "Env": [
                f"HOME={SCRATCH}",
                "PYTHONDONTWRITEBYTECODE=1",
                "PYTHONUNBUFFERED=1",
            ],
            "Labels": self.owner.labels,
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "OpenStdin": True,
            "StdinOnce": True,
            "Tty": False,
            # An image's health check is code on a timer, its stop signal a way to live on.
            "Healthcheck": {"Test": ["NONE"]},
            "StopSignal": "SIGKILL",
            "HostConfig": self._host_config(),
        }
        if self.command:
            # With an entrypoint of our own the engine takes neither the image's entrypoint nor its command.
            body["Entrypoint"] = list(self.command)
            body["Cmd"] = []
        return body

    def _host_config(self) -> dict[str, Any]:
        return {
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true", _SECCOMP],
            "Privileged": False,
            "ReadonlyRootfs": True,
            "MaskedPaths": [*_MASKED, *_thermal_interrupts(self.processors)],
            "Tmpfs": {SCRATCH: f"rw,noexec,nosuid,nodev,size={self.scratch_bytes},mode=1777"},
            "NetworkMode": "none",
            "IpcMode": "none",
            "PidMode": "",
            "UTSMode": "",
            "UsernsMode": "",
            "Init": True,
            # Equal: no swap, on cgroup v1 and v2 alike.
            "Memory": self.memory_bytes,
            "MemorySwap": self.memory_bytes,
            "NanoCpus": self.nano_cpus,
            "PidsLimit": self.pids,
            # When the machine itself runs short, sandboxes go first.
            "OomScoreAdj": 500,
            # No nproc: the kernel counts it per user over all sandboxes together; pids bounds each.
            "Ulimits": [
                {"Name": "nofile", "Soft": 1024, "Hard": 1024},
                {"Name": "core", "Soft": 0, "Hard": 0},
                {"Name": "fsize", "Soft": self.scratch_bytes, "Hard": self.scratch_bytes},
            ],
            "LogConfig": {"Type": "none", "Config": {}},
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            # We remove it ourselves: the engine's own removal races with the look at how it ended.
            "AutoRemove": False,
        }


def _thermal_interrupts(processors: int) -> list[str]:
    count = min(max(processors, _LEAST_THERMAL), _MOST_THERMAL)
    return [f"/sys/devices/system/cpu/cpu{number}/thermal_throttle" for number in range(count)]


def container_policy(
    *, manifest: Manifest, image: str, host: HostLimits, owner: Owner, processors: int
) -> ContainerPolicy:
    """Decide a sandbox's configuration: the manifest's limits, capped by the host's and by the processors.

    Raises PolicyRefusal for what cannot be granted, by name, and for an image that is not pinned.
    """
    if manifest.network != "none":
        raise PolicyRefusal(f"{manifest.name} needs network: egress is not available in this version")
    if manifest.secrets:
        names = ", ".join(manifest.secrets)
        raise PolicyRefusal(
            f"{manifest.name} needs secrets ({names}): they are not available in this version"
        )
    assert manifest.effects is Effects.NONE  # what else may have effects is refused above, by its name
    if not is_pinned(image):
        raise PolicyRefusal(f"{manifest.name}: the image {image!r} is not pinned by its digest")
    limits: Limits = manifest.limits
    memory = min(limits.memory_mb, host.memory_mb) * _MIB
    return ContainerPolicy(
        owner=owner,
        image=image,
        command=tuple(manifest.command),
        memory_bytes=memory,
        nano_cpus=int(min(limits.cpus, host.cpus, processors) * 1_000_000_000),
        pids=min(limits.pids, host.pids),
        scratch_bytes=min(limits.scratch_mb, host.scratch_mb) * _MIB,
        processors=processors,
    )


_PINNED = re.compile(r"^(?:[a-z0-9][a-zA-Z0-9._/:-]{0,255}@)?sha256:[0-9a-f]{64}$")


def is_pinned(image: str) -> bool:
    """Whether an image is named by an image id or a repository digest."""
    return _PINNED.fullmatch(image) is not None
