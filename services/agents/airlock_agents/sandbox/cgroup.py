"""What the kernel counted about a living container: memory, out-of-memory kills, processor time.

The engine itself tells of an out-of-memory kill only once the container has ended. Where this machine shows
the engine's cgroups (Linux, not Docker Desktop), a few small files say it at once. Both cgroup versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import PAGESIZE
from pathlib import Path
from typing import TypeVar

CGROUP_ROOT = Path("/sys/fs/cgroup")
_N = TypeVar("_N", int, float)
_MAX_BYTES = 16 * 1024
"""The largest of the files, `memory.stat`, has some 2 KiB."""
_LARGEST_CHARGE_BYTES = 8 * PAGESIZE
"""Eight pages: for more at once, the kernel refuses and kills nobody."""
_OF_FILES = ("inactive_file", "active_file")
"""Pages of files on disks, in `memory.stat`: scratch is not among them."""


@dataclass(frozen=True)
class Counted:
    """What was counted until now; None where this kernel does not say."""

    oom_kills: int | None = None
    """By whatever killer: the container's own limit, or the machine that ran short."""
    memory_bytes: int | None = None
    """In use when it was looked at, without what the kernel would drop before it kills: pages of files."""
    peak_memory_bytes: int | None = None
    cpu_ms: float | None = None
    limit_reached: bool | None = None
    """Whether the container came up against its own limit."""
    processes: int | None = None
    """That live in it now. An ended one's cgroup may stay for seconds, with none."""

    @property
    def killed(self) -> bool:
        """Whether a process was killed for memory, the container's or the machine's."""
        return bool(self.oom_kills)

    @property
    def exceeded(self) -> bool:
        """Whether that was for the container's own limit."""
        return self.killed and bool(self.limit_reached)

    def then(self, later: "Counted") -> "Counted":
        """What is known after another look, which may have seen less: what was counted once stays. Pure."""
        return Counted(
            oom_kills=_most(self.oom_kills, later.oom_kills),
            memory_bytes=self.memory_bytes if later.memory_bytes is None else later.memory_bytes,
            peak_memory_bytes=_most(self.peak_memory_bytes, later.peak_memory_bytes),
            cpu_ms=_most(self.cpu_ms, later.cpu_ms),
            limit_reached=self.limit_reached or later.limit_reached,
            processes=later.processes,
        )


def read_counted(container: str, root: Path = CGROUP_ROOT) -> Counted | None:
    """Read a living container's counts; None when its cgroup is not visible here.

    Small files that no disk stands behind: 0.1 to 0.3 ms in all, about what it costs to have a thread do it.
    So loops read them themselves, and no look waits for a thread that others keep busy.
    """
    for folder in (f"docker/{container}", f"system.slice/docker-{container}.scope"):
        if counted := _unified(root / folder) or _legacy(root, folder):
            return counted
    return None


def _unified(group: Path) -> Counted | None:
    """Of cgroup v2."""
    if not (events := _fields(group / "memory.events")):
        return None
    return Counted(
        oom_kills=events.get("oom_kill"),
        memory_bytes=_in_use(_number(group / "memory.current"), _fields(group / "memory.stat"), prefix=""),
        peak_memory_bytes=_number(group / "memory.peak"),
        cpu_ms=_scaled(_fields(group / "cpu.stat").get("usage_usec"), 1000),
        # Not `max`: that counts also what was mended by dropping pages of files.
        limit_reached=events["oom"] > 0 if "oom" in events else None,
        processes=_number(group / "pids.current"),
    )


def _legacy(root: Path, folder: str) -> Counted | None:
    """Of cgroup v1."""
    group = root / "memory" / folder
    if not (control := _fields(group / "memory.oom_control")):
        return None
    peak, limit = _number(group / "memory.max_usage_in_bytes"), _number(group / "memory.limit_in_bytes")
    # Memory and swap together have the same limit. Pages of files count here, for want of better: Linux 6.18
    # was seen to leave `memory.failcnt` at 0.
    most = _most(peak, _number(group / "memory.memsw.max_usage_in_bytes"))
    return Counted(
        oom_kills=control.get("oom_kill"),
        memory_bytes=_in_use(
            _number(group / "memory.usage_in_bytes"), _fields(group / "memory.stat"), prefix="total_"
        ),
        peak_memory_bytes=peak,
        cpu_ms=_scaled(_number(root / "cpuacct" / folder / "cpuacct.usage"), 1_000_000),
        limit_reached=None if most is None or limit is None else most > limit - _LARGEST_CHARGE_BYTES,
        processes=_number(root / "pids" / folder / "pids.current"),
    )


def _in_use(total: int | None, stat: Mapping[str, int], *, prefix: str) -> int | None:
    of_files = [stat.get(prefix + name) for name in _OF_FILES]
    return None if total is None or None in of_files else max(0, total - sum(filter(None, of_files)))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(_MAX_BYTES)
    except OSError:
        # Another version, the container ended meanwhile, or this kernel has no such file.
        return b""


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _fields(path: Path) -> Mapping[str, int]:
    """The lines of a name and a number."""
    pairs = (line.partition(b" ") for line in _read(path).splitlines())
    return {name.decode(): int(value) for name, _, value in pairs if value.isdigit()}


def _most(one: _N | None, other: _N | None) -> _N | None:
    return max((count for count in (one, other) if count is not None), default=None)


def _scaled(value: int | None, divisor: int) -> float | None:
    return None if value is None else value / divisor
