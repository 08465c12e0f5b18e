"""What the kernel counted about a living container: memory, out-of-memory kills, processor time.

The engine itself tells of an out-of-memory kill only once the container has ended. Where this machine shows
the engine's cgroups (Linux, not Docker Desktop), a few small files say it at once. Both cgroup versions.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

CGROUP_ROOT = Path("/sys/fs/cgroup")
_N = TypeVar("_N", int, float)
_MAX_BYTES = 16 * 1024
"""The largest of the files, `memory.stat`, has some 2 KiB."""
_OF_FILES = ("inactive_file", "active_file")
"""Pages of files on disks, in `memory.stat`: scratch is not among them."""


@dataclass(frozen=True)
class Counted:
    """What was counted until now; None where this kernel does not say."""

    oom_kills: int | None = None
    memory_bytes: int | None = None
    """In use when it was looked at, without what the kernel would drop before it kills: pages of files."""
    peak_memory_bytes: int | None = None
    cpu_ms: float | None = None

    @property
    def killed(self) -> bool:
        """Whether a process was killed for its memory, for certain."""
        return bool(self.oom_kills)

    def then(self, later: "Counted") -> "Counted":
        """What is known after another look, which may have seen less: what was counted once stays. Pure."""
        return Counted(
            oom_kills=_most(self.oom_kills, later.oom_kills),
            memory_bytes=self.memory_bytes if later.memory_bytes is None else later.memory_bytes,
            peak_memory_bytes=_most(self.peak_memory_bytes, later.peak_memory_bytes),
            cpu_ms=_most(self.cpu_ms, later.cpu_ms),
        )


def read_counted(container: str, root: Path = CGROUP_ROOT) -> Counted | None:
    """Read a living container's counts; None when its cgroup is not visible here. Blocks for microseconds."""
    for folder in (f"docker/{container}", f"system.slice/docker-{container}.scope"):
        unified = root / folder
        if (unified / "memory.events").is_file():
            return Counted(
                memory_bytes=_in_use(unified / "memory.current", unified / "memory.stat", prefix=""),
                oom_kills=_field(unified / "memory.events", "oom_kill"),
                peak_memory_bytes=_number(unified / "memory.peak"),
                cpu_ms=_scaled(_field(unified / "cpu.stat", "usage_usec"), 1000),
            )
        memory = root / "memory" / folder
        if (memory / "memory.oom_control").is_file():
            return Counted(
                memory_bytes=_in_use(
                    memory / "memory.usage_in_bytes", memory / "memory.stat", prefix="total_"
                ),
                oom_kills=_field(memory / "memory.oom_control", "oom_kill"),
                peak_memory_bytes=_number(memory / "memory.max_usage_in_bytes"),
                cpu_ms=_scaled(_number(root / "cpuacct" / folder / "cpuacct.usage"), 1_000_000),
            )
    return None


def _in_use(used: Path, stat: Path, *, prefix: str) -> int | None:
    total, of_files = _number(used), [_field(stat, prefix + name) for name in _OF_FILES]
    return None if total is None or None in of_files else max(0, total - sum(filter(None, of_files)))


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


def _most(one: _N | None, other: _N | None) -> _N | None:
    return max((count for count in (one, other) if count is not None), default=None)


def _scaled(value: int | None, divisor: int) -> float | None:
    return None if value is None else value / divisor
