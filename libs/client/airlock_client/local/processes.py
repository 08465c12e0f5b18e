"""What the machine knows: whether a process runs and for how long, and who we are."""

import os
import pwd
import re
from pathlib import Path

from airlock_contracts.events import SYSTEM

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


def own_name() -> str:
    """The name of the person at the keyboard, for decisions to record: who called sudo, or the account."""
    name = os.environ.get("SUDO_USER")
    if not name:
        try:
            name = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:  # a container's made-up user
            name = f"user-{os.geteuid()}"
    name = _UNSAFE.sub("_", name)[:63]
    return "admin" if name == SYSTEM else name  # nobody may be called so


def process_age(pid: int) -> float | None:
    """Seconds since a process started, or None if it is gone (or only waits to be reaped).

    Source: proc_pid_stat(5), fields 3 and 22; proc_uptime(5).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    if fields[0] in ("Z", "X"):
        return None
    return max(0.0, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
