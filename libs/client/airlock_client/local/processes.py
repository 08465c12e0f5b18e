"""What the kernel knows of a process: whether it runs, and for how long."""

import os
from pathlib import Path


def process_age(pid: int) -> float | None:
    """Seconds since a process started, or None if it is gone (or only waits to be reaped).

    Source: proc_pid_stat(5), fields 3 and 22; proc_uptime(5).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    if fields[0] in ("Z", "X"):
        return None
    return max(0.0, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
