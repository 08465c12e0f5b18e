"""The settings of the agent host, on one page. Read once, in the `host` command, passed down."""

import os
from pathlib import Path

from airlock_chassis.settings import ChassisSettings
from airlock_chassis.variables import COMMANDS, ORCHESTRATION
from airlock_contracts.base import NAME_PATTERN
from pydantic import Field, SecretStr

ELSEWHERE = (*ORCHESTRATION, *COMMANDS)
"""Read by other processes and commands: one environment may serve them all."""


class Settings(ChassisSettings):
    """What an agent host reads from AIRLOCK_* variables, beside what every process reads."""

    host_name: str | None = Field(default=None, pattern=NAME_PATTERN)
    """Name of this host, unique in its install; made up at the first start and kept in the data folder."""
    install: str = Field(default="airlock", pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$")
    """Whose containers these are: two installs on one machine never touch each other's."""
    pool: str = Field(default="default", pattern=NAME_PATTERN)
    """Which agents this host serves: those that name this pool."""
    slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Attempts at once; one per core unless set."""
    memory_mb: int = Field(default_factory=lambda: machine_memory_mb() * 3 // 4, ge=64)
    """What the sandboxes may use together, in mebibytes; three quarters of the machine unless set."""
    sandbox_memory_mb: int = Field(default=4096, ge=16)
    """The most that one sandbox gets, whatever its manifest says."""
    sandbox_cpus: float = Field(default=4.0, gt=0)
    """The most processors that one sandbox gets."""
    sandbox_pids: int = Field(default=1024, ge=8)
    """The most processes and threads that one sandbox gets."""
    sandbox_scratch_mb: int = Field(default=2048, ge=1)
    """The largest writable folder that one sandbox gets; it counts as memory."""
    data_dir: Path = Path("airlock-host")
    """Holds the host's name, reports that are not settled yet, and the cache of artifacts."""
    artifact_cache_mb: int = Field(default=2048, ge=512)
    """Bound on cached artifacts; what was used longest ago goes first."""
    disk_reserve_mb: int = Field(default=1024, ge=0)
    """Of the disks of the data folder and of the engine: with less free, in mebibytes, it takes no work."""
    api_url: str = Field(default="http://127.0.0.1:9002", pattern=r"^https?://[^\s]+$")
    """Where REST listens. An address that does not answer ends the process."""
    host_token: SecretStr
    """This host's key for agent versions and artifacts."""
    health_host: str = "127.0.0.1"
    """Where /health and /metrics listen."""
    health_port: int = Field(default=0, ge=0, le=65535)
    """Their port; 0 takes a free one and says which in the log."""
    docker_threads: int = Field(default=8, ge=2, le=64)
    """Calls to the Docker Engine at once; its own ceiling is near eight."""
    heartbeat_seconds: float = Field(default=5.0, gt=0, le=10)
    """Between two heartbeats; a lease of 30 s has room for several that are not answered."""
    drain_seconds: float = Field(default=30.0, gt=0, le=600)
    """Time for running attempts to finish after SIGTERM."""


def machine_memory_mb() -> int:
    """This machine's memory in mebibytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
