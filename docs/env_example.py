"""Writes .env.example from the classes that read the settings and from the table of Compose's.

Run it from the root of the repository after a change of a settings.py: `python docs/env_example.py`.
A test compares the file with what this writes.
"""

import runpy
import textwrap
from collections.abc import Iterator
from pathlib import Path

from airlock_agents.settings import Settings as HostSettings
from airlock_chassis.settings import PREFIX, ChassisSettings
from airlock_orchestration.settings import Settings as OrchestrationSettings

HERE = Path(__file__).parent
TARGET = HERE.parent / ".env.example"
PAGE = runpy.run_path(str(HERE / "settings_reference.py"))

HEAD = """\
# Every setting of Airlock's processes, with its default. docs/reference/settings.md has types and bounds too,
# and what the command line reads. Written by docs/env_example.py; a test compares.
#
# infra/local/secrets.sh makes .env from this file, and infra/compose.yaml reads that; the processes read
# their environment and no file. Take the # away from what you change. What stands under "Set by
# infra/compose.yaml" is for processes that are started otherwise.

# The name of the composed stack: its containers, networks and volumes begin with it.
COMPOSE_PROJECT_NAME=airlock
"""

FIXED = frozenset(
    f"{PREFIX}{name}"
    for name in """NATS_URL NATS_USER NATS_PASSWORD NATS_PASSWORD_FILE NATS_CREDENTIALS_FILE DATABASE_URL
    DATABASE_URL_FILE API_HOST API_PORT API_PORT_FILE API_URL HOST_TOKEN HOST_TOKEN_FILE DATA_DIR HEALTH_HOST
    HEALTH_PORT OTLP_HEADERS""".split()
)
"""What infra/compose.yaml says itself, or does without."""
_WIDTH = 110


def document() -> str:
    """The whole file."""
    kinds = (
        ("Every process", ChassisSettings, ()),
        ("Orchestration", OrchestrationSettings, ChassisSettings.model_fields),
        ("Agent hosts", HostSettings, OrchestrationSettings.model_fields),
    )
    parts = [HEAD, _section("Compose", (_compose(name) for name in PAGE["COMPOSE"]))]
    fixed: list[str] = []
    for title, kind, known in kinds:
        names = [name for name in kind.model_fields if name not in known]
        free = [line for name in names if (line := _setting(kind, name, fixed=False))]
        fixed += [line for name in names if (line := _setting(kind, name, fixed=True))]
        parts.append(_section(title, free))
    own = [_entry([name], "", means) for name, means in PAGE["OPENTELEMETRY"].items()]
    parts.append(_section("OpenTelemetry's own", own))
    parts.append(_section("Set by infra/compose.yaml", dict.fromkeys(fixed)))
    return "\n".join(parts)


def _section(title: str, entries: Iterator[str] | list[str] | dict[str, None]) -> str:
    return f"# ---- {title} ----\n\n" + "\n".join(entries)


def _compose(name: str) -> str:
    default, means = PAGE["COMPOSE"][name]
    return _entry([name], default, means)


def _setting(kind: type[ChassisSettings], name: str, *, fixed: bool) -> str:
    """The entry of a setting: its variables that are fixed, or the others; empty where there are none."""
    field = kind.model_fields[name]
    variable = f"{PREFIX}{name.upper()}"
    default = PAGE["_default"](kind, name, field).strip("`")
    means = " ".join((field.description or "").split())
    if (kind, name) in PAGE["COMPUTED"]:
        assert "unless set" in means, f"{name}: say in its text what it is unless set"
        default = ""
    elif default == "**needed**":
        default, means = "", f"{means} Needed."
    names = [variable, f"{variable}_FILE"] if PAGE["_is_secret"](field) else [variable]
    chosen = [one for one in names if (one in FIXED) == fixed]
    return _entry(chosen, default, means) if chosen else ""


def _entry(names: list[str], default: str, means: str) -> str:
    said = textwrap.fill(means[:1].upper() + means[1:], _WIDTH, initial_indent="# ", subsequent_indent="# ")
    return said + "".join(f"\n# {name}={default}" for name in names) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
