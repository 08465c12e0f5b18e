"""The AIRLOCK_* variables of each process and of the commands, beside those that every process reads.

One environment often serves several processes. Each tolerates what belongs to the others, by these names, and
refuses the rest: a misspelt variable would otherwise be a setting that silently does nothing. Processes never
import each other; a test holds these names to their settings.
"""

from typing import Final

ORCHESTRATION: Final = (
    "AIRLOCK_AGENT_LOG_DAYS",
    "AIRLOCK_API_HOST",
    "AIRLOCK_API_PORT",
    "AIRLOCK_API_PORT_FILE",
    "AIRLOCK_DATABASE_CONNECTIONS",
    "AIRLOCK_DATABASE_URL",
    "AIRLOCK_DATABASE_URL_FILE",
    "AIRLOCK_DRAIN_SECONDS",
    "AIRLOCK_RATE_CREATE",
    "AIRLOCK_RATE_READ",
    "AIRLOCK_RATE_TRIGGER",
    "AIRLOCK_REQUESTER_MAY_DECIDE",
    "AIRLOCK_TRUSTED_PROXIES",
)
AGENT_HOST: Final = (
    "AIRLOCK_API_URL",
    "AIRLOCK_ARTIFACT_CACHE_MB",
    "AIRLOCK_DATA_DIR",
    "AIRLOCK_DISK_RESERVE_MB",
    "AIRLOCK_DOCKER_THREADS",
    "AIRLOCK_DRAIN_SECONDS",
    "AIRLOCK_HEALTH_HOST",
    "AIRLOCK_HEALTH_PORT",
    "AIRLOCK_HEARTBEAT_SECONDS",
    "AIRLOCK_HOST_NAME",
    "AIRLOCK_HOST_TOKEN",
    "AIRLOCK_HOST_TOKEN_FILE",
    "AIRLOCK_INSTALL",
    "AIRLOCK_MEMORY_MB",
    "AIRLOCK_POOL",
    "AIRLOCK_SANDBOX_CPUS",
    "AIRLOCK_SANDBOX_MEMORY_MB",
    "AIRLOCK_SANDBOX_PIDS",
    "AIRLOCK_SANDBOX_SCRATCH_MB",
    "AIRLOCK_SLOTS",
)
COMPOSE: Final = (
    "AIRLOCK_AGENT_HOST_IMAGE",
    "AIRLOCK_ALERTMANAGER_IMAGE",
    "AIRLOCK_ALERTMANAGER_PUBLISH",
    "AIRLOCK_API_PUBLISH",
    "AIRLOCK_COLLECTOR_IMAGE",
    "AIRLOCK_DOCKER_GID",
    "AIRLOCK_DOCKER_SOCKET",
    "AIRLOCK_ENV_FILE",
    "AIRLOCK_FIRST_NAME",
    "AIRLOCK_GID",
    "AIRLOCK_GRAFANA_IMAGE",
    "AIRLOCK_GRAFANA_PUBLISH",
    "AIRLOCK_LOKI_IMAGE",
    "AIRLOCK_METRICS_RETENTION",
    "AIRLOCK_NATS_HOST_USER",
    "AIRLOCK_NATS_IMAGE",
    "AIRLOCK_NATS_USERS",
    "AIRLOCK_ORCHESTRATION_IMAGE",
    "AIRLOCK_POSTGRES_IMAGE",
    "AIRLOCK_PROCESS_BASE_IMAGE",
    "AIRLOCK_PROCESS_BUILD_IMAGE",
    "AIRLOCK_PROMETHEUS_IMAGE",
    "AIRLOCK_PROMETHEUS_PUBLISH",
    "AIRLOCK_SECRETS",
    "AIRLOCK_TEMPO_IMAGE",
    "AIRLOCK_UID",
)
"""What infra/compose.yaml and the making of its secrets read, beside the settings that it hands on."""
COMMANDS: Final = (
    "AIRLOCK_BASE_IMAGE",
    "AIRLOCK_DOCKER_LOG",
    "AIRLOCK_DOCKER_PATIENCE",
    "AIRLOCK_DOCKER_RUN",
    "AIRLOCK_HOME",
    "AIRLOCK_KEY",
    "AIRLOCK_KEY_FILE",
    "AIRLOCK_OS_RELEASE",
    "AIRLOCK_SERVICE_POLICY",
    "AIRLOCK_URL",
    *COMPOSE,
)
"""What the `airlock` command, the building of images and the set-up of Docker read."""
