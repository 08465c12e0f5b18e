"""What the kernel counted about a living container: memory, out-of-memory kills, processor time.

The engine itself tells of an out-of-memory kill only once the container has ended. Where this machine shows
the engine's cgroups (Linux, not Docker Desktop), a few small files say it at once. Both cgroup versions.
"""

from dataclasses import dataclass
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
_MAX_BYTES = 4096


@dataclass(frozen=True)
class Counted:
    """What was counted until now; None where this kernel does not say."""

    oom_kills: int | None = None
    peak_memory_bytes: int | None = None
    cpu_ms: float | None = None


def read_counted(container: str, root: Path = CGROUP_ROOT) -> Counted | None:
    """Read a living container's counts; None when its cgroup is not visible here. Blocks for microseconds."""
    for folder in (f"docker/{container}", f"system.slice/docker-{container}.scope"):
        unified = root / folder
        if (unified / "memory.events").is_file():
            return Counted(
                oom_kills=_field(unified / "memory.events", "oom_kill"),
                peak_memory_bytes=_number(unified / "memory.peak"),
                cpu_ms=_scaled(_field(unified / "cpu.stat", "usage_usec"), 1000),
            )
        memory = root / "memory" / folder
        if (memory / "memory.oom_control").is_file():
            return Counted(
                oom_kills=_field(memory / "memory.oom_control", "oom_kill"),
                peak_memory_bytes=_number(memory / "memory.max_usage_in_bytes"),
                cpu_ms=_scaled(_number(root / "cpuacct" / folder / "cpuacct.usage"), 1_000_000),
            )
    return None


def _text(path: Path) -> str:
    try:
        with path.open() as file:
            return file.read(_MAX_BYTES)
    except OSError:
        # The container ended meanwhile, or this kernel has no such file.
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _field(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdecimal():
            return int(value)
    return None


def _scaled(value: int | None, divisor: int) -> float | None:
    return None if value is None else value / divisor
