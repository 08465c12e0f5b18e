"""The settings of the orchestration process, on one page. Read once, in `__main__`, passed down."""

from pathlib import Path

from airlock_chassis.settings import ChassisSettings
from pydantic import Field, SecretStr


class Settings(ChassisSettings):
    """What the orchestration process reads from AIRLOCK_* variables, beside what every process reads."""

    database_url: SecretStr
    """Of Postgres, postgresql://user:password@host:port/name. One that does not answer ends the process."""
    database_connections: int = Field(default=8, ge=2, le=100)
    """Of the path (the door, heartbeats, the sweep); as many again for REST, 4 for followers, 1 to count."""
    api_host: str = "127.0.0.1"
    """Where REST listens; 0.0.0.0 for all addresses."""
    api_port: int = Field(default=9002, ge=0, le=65535)
    """Port of REST; 0 takes a free one and says which."""
    api_port_file: Path | None = None
    """Write the port that REST listens on here, once it does."""
    trusted_proxies: str = ""
    """Addresses or networks, with commas between, whose X-Forwarded-For is believed; none unless set."""
    rate_create: int = Field(default=100, ge=1)
    """Requests that create or change something, per key and minute."""
    rate_trigger: int = Field(default=500, ge=1)
    """Triggers, per key and minute."""
    rate_read: int = Field(default=1000, ge=1)
    """Reads, per key and minute."""
    requester_may_decide: bool = True
    """Whether who started a run may also decide about its gates."""
    agent_log_days: int = Field(default=30, ge=1, le=3650)
    """Days after a run has ended that what its agents said is kept; then it is deleted."""
    drain_seconds: float = Field(default=30.0, gt=0, le=600)
    """Time to finish or hand back what is under way after SIGTERM."""
