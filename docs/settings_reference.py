"""Writes docs/reference/settings.md from the classes that read the settings.

Run it from the root of the repository after a change of a settings.py: `python docs/settings_reference.py`.
A test compares the page with what this writes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from airlock_agents import settings as agents
from airlock_chassis.settings import PREFIX, ChassisSettings
from airlock_orchestration import settings as orchestration
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PAGE = Path(__file__).with_name("reference") / "settings.md"

HEAD = f"""\
# Settings

Written by `docs/settings_reference.py` from the classes that read them; a test compares.

Settings are environment variables, `{PREFIX}` and the name, read once at the start. There is no settings file
and no `.env`. An empty variable counts as not set. A variable that begins with `{PREFIX}` and that no part of
Airlock reads ends the process, with the nearest name that exists; one environment may serve all of them. What
is wrong is told in one line, exit code 1.

A secret is better given as a file: `{PREFIX}X_FILE` in place of `{PREFIX}X`, at most 64 KiB, line breaks at
the ends removed. Both at once is an error. Secrets are shown as `***` wherever settings are logged.
"""

CHASSIS = """\
## Every process

Read by the orchestration service and by agent hosts.
"""

ORCHESTRATION = """\
## Orchestration service

`airlock orchestration`, `airlock migrate`, `airlock keys`.
[settings.py](../../services/orchestration/airlock_orchestration/settings.py)
"""

HOST = """\
## Agent host

`airlock agent-host`. [settings.py](../../services/agents/airlock_agents/settings.py)
The Docker Engine is found as the `docker` command finds it: `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_CONFIG`,
`DOCKER_CERT_PATH`, `DOCKER_TLS_VERIFY`, else the usual sockets.
"""

TAIL = """\
## Commands

| variable | read by | means |
|---|---|---|
| `AIRLOCK_URL` | the command line | address of Airlock; else the install that runs on the data folder |
| `AIRLOCK_KEY_FILE`, `AIRLOCK_KEY` | the command line | the key, by file or itself; else the data folder's |
| `AIRLOCK_HOME` | the command line | data folder of the install on this machine |
| `AIRLOCK_BASE_IMAGE` | building images | a base such as `python:3.12-slim`; else Debian packages |
| `AIRLOCK_DOCKER_LOG` | `make` | log of a Docker daemon that it starts |
| `AIRLOCK_DOCKER_PATIENCE` | `make` | seconds for that daemon to answer |
| `AIRLOCK_DOCKER_RUN` | `make` | folder for that daemon's pid file |
| `AIRLOCK_OS_RELEASE` | `make` | file that names this machine's system |
| `AIRLOCK_SERVICE_POLICY` | `make` | file that keeps Debian's packages from starting their services |
| `WORKSPACE`, `DECISION` | `airlock demo` | the repository to review; `APPROVED` or `REJECTED` |
"""

OPENTELEMETRY_HEAD = """\
## OpenTelemetry's own

Read by both where telemetry is sent (`AIRLOCK_OTLP_ENDPOINT`); `airlock up` and Compose hand them on.
An empty one counts as not set.

| variable | means |
|---|---|
"""

OPENTELEMETRY: Mapping[str, str] = {
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "who may vouch for the Collector, a PEM file; else the system's",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "our own certificate for the Collector, a PEM file",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "the key of our own certificate, a PEM file",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "`gzip`, `deflate` or `none`; none unless set",
    "OTEL_RESOURCE_ATTRIBUTES": "what else each process says of itself, `name=value,name=value`",
}
"""What the SDK reads; its variable for headers is left out, as a file keeps them better."""

COMPOSE_HEAD = """\
## Compose

Read by [infra/compose.yaml](../../infra/compose.yaml) and by `infra/local/secrets.sh`, which makes `.env`
from `.env.example`; no process reads them. [docker.md](../docker.md) walks through it.

| variable | default | means |
|---|---|---|
"""

COMPOSE: Mapping[str, tuple[str, str]] = {
    "AIRLOCK_UID": ("1001", "who the services run as; owns the secrets and the volumes"),
    "AIRLOCK_GID": ("1001", "its group"),
    "AIRLOCK_DOCKER_GID": ("999", "the group that may use Docker's socket, for agent hosts"),
    "AIRLOCK_DOCKER_SOCKET": ("/var/run/docker.sock", "Docker's socket on this machine"),
    "AIRLOCK_SECRETS": ("./secrets", "folder of the secrets; a path that is not absolute begins at infra/"),
    "AIRLOCK_ENV_FILE": (".env", "the file that `infra/local/secrets.sh` makes"),
    "AIRLOCK_NATS_USERS": ("./nats/users.conf", "NATS' users, as `infra/nats/users.py` writes them"),
    "AIRLOCK_NATS_HOST_USER": ("host", "who the hosts are at NATS; `host-NAME` for the pool NAME"),
    "AIRLOCK_FIRST_NAME": ("admin", "who the first key stands for; decisions record it"),
    "AIRLOCK_API_PUBLISH": ("127.0.0.1:9002", "where REST is found; for more replicas a range of ports"),
    "AIRLOCK_GRAFANA_PUBLISH": ("127.0.0.1:3000", "where Grafana is found"),
    "AIRLOCK_PROMETHEUS_PUBLISH": ("127.0.0.1:9090", "where Prometheus is found"),
    "AIRLOCK_ALERTMANAGER_PUBLISH": ("127.0.0.1:9093", "where Alertmanager is found"),
    "AIRLOCK_METRICS_RETENTION": (
        "40d",
        "how long Prometheus keeps what it scraped; the objectives need 30 days",
    ),
    "AIRLOCK_ORCHESTRATION_IMAGE": ("airlock-orchestration:0.1.0", "image of the orchestration service"),
    "AIRLOCK_AGENT_HOST_IMAGE": ("airlock-agent-host:0.1.0", "image of the agent host"),
    "AIRLOCK_PROCESS_BASE_IMAGE": ("python:3.12.13-slim-bookworm", "what these two stand on"),
    "AIRLOCK_PROCESS_BUILD_IMAGE": (
        "python:3.12.13-slim-bookworm",
        "what they are built in: the same, with pip",
    ),
    "AIRLOCK_POSTGRES_IMAGE": ("postgres:18.4-bookworm", "Postgres; add `@sha256:...` to pin the very image"),
    "AIRLOCK_NATS_IMAGE": ("nats:2.15.1-alpine", "NATS"),
    "AIRLOCK_COLLECTOR_IMAGE": (
        "otel/opentelemetry-collector-contrib:0.131.1",
        "the OpenTelemetry Collector",
    ),
    "AIRLOCK_PROMETHEUS_IMAGE": ("prom/prometheus:v3.5.0", "Prometheus"),
    "AIRLOCK_ALERTMANAGER_IMAGE": ("prom/alertmanager:v0.28.1", "Alertmanager"),
    "AIRLOCK_TEMPO_IMAGE": ("grafana/tempo:2.8.2", "Tempo"),
    "AIRLOCK_LOKI_IMAGE": ("grafana/loki:3.5.3", "Loki"),
    "AIRLOCK_GRAFANA_IMAGE": ("grafana/grafana:12.1.0", "Grafana"),
}
"""Default and meaning of what no class reads."""

COMPUTED: Mapping[tuple[type[ChassisSettings], str], str] = {
    (agents.Settings, "slots"): "one per core",
    (agents.Settings, "memory_mb"): "3/4 of the machine",
}
"""Defaults that depend on the machine: a page must not."""


def document() -> str:
    """The whole page."""
    shared = list(ChassisSettings.model_fields)
    parts = [HEAD, CHASSIS, _table(ChassisSettings, shared)]
    for text, kind in ((ORCHESTRATION, orchestration.Settings), (HOST, agents.Settings)):
        parts += [text, _table(kind, [name for name in kind.model_fields if name not in shared])]
    rows = [f"| `{name}` | `{default}` | {means} |" for name, (default, means) in COMPOSE.items()]
    own = [f"| `{name}` | {means} |" for name, means in OPENTELEMETRY.items()]
    parts.append(OPENTELEMETRY_HEAD + "\n".join(own) + "\n")
    return "\n".join([*parts, TAIL, COMPOSE_HEAD + "\n".join(rows) + "\n"])


def _table(kind: type[ChassisSettings], names: list[str]) -> str:
    rows = ["| variable | type | default | means |", "|---|---|---|---|"]
    rows += [f"| {' | '.join(_cells(kind, name))} |" for name in names]
    return "\n".join(rows) + "\n"


def _cells(kind: type[ChassisSettings], name: str) -> tuple[str, str, str, str]:
    field = kind.model_fields[name]
    variable = f"`{PREFIX}{name.upper()}`"
    if _is_secret(field):
        variable += f", `{PREFIX}{name.upper()}_FILE`"
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return variable, _type(field), _default(kind, name, field), meaning


def _type(field: FieldInfo) -> str:
    if _is_secret(field):
        return "secret"
    inner = [one for one in get_args(field.annotation) if one is not type(None)]
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    kind: Any = inner[0] if inner else field.annotation
    word = {bool: "true, false", int: "whole number", float: "number", str: "text", Path: "path"}[kind]
    return " ".join([word, *_bounds(field)])


def _bounds(field: FieldInfo) -> Iterator[str]:
    low = high = ""
    for rule in field.metadata:
        low = f"over {rule.gt:g}" if hasattr(rule, "gt") else low
        low = f"from {rule.ge:g}" if hasattr(rule, "ge") else low
        high = f"to {rule.le:g}" if hasattr(rule, "le") else high
    yield from (bound for bound in (low, high) if bound)


def _default(kind: type[ChassisSettings], name: str, field: FieldInfo) -> str:
    if (computed := COMPUTED.get((kind, name))) is not None:
        return computed
    assert field.default_factory is None, f"{name}: say in COMPUTED what its default is made of"
    if field.default is PydanticUndefined:
        return "**needed**"
    if field.default is None:
        return ""
    shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{shown}`"


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
