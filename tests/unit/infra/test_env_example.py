"""`.env.example` lists every setting, as the code reads it and Compose hands it on."""

import re
import runpy

from airlock_agents.settings import Settings as HostSettings
from airlock_chassis.settings import ChassisSettings
from airlock_chassis.variables import COMPOSE
from airlock_orchestration.settings import Settings as OrchestrationSettings
from composed import OURS, ROOT, SERVICES, defaults

EXAMPLE = (ROOT / ".env.example").read_text()
LISTED = re.findall(r"^# (AIRLOCK_[A-Z_]+)=", EXAMPLE, re.MULTILINE)
PAGE = runpy.run_path(str(ROOT / "docs" / "settings_reference.py"))


def test_the_file_is_what_the_settings_classes_give() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "env_example.py"))["document"]()
    assert written == EXAMPLE, "the settings changed: run python docs/env_example.py"


def test_every_setting_is_listed_once() -> None:
    assert sorted(LISTED) == sorted({*OrchestrationSettings.variables(), *HostSettings.variables(), *COMPOSE})


def test_what_opentelemetry_reads_is_listed_told_and_handed_on_wherever_processes_are_started() -> None:
    told = set(PAGE["OPENTELEMETRY"])
    assert set(re.findall(r"^# (OTEL_[A-Z_]+)=$", EXAMPLE, re.MULTILINE)) == told
    for name in OURS[1:]:
        variables = SERVICES[name]["environment"]
        handed = {one: value for one, value in variables.items() if one.startswith("OTEL_")}
        assert handed == {one: f"${{{one}:-}}" for one in told}, name
    stack = (ROOT / "libs" / "client" / "airlock_client" / "local" / "stack.py").read_text()
    headers = "OTEL_EXPORTER_OTLP_HEADERS"  # a secret: from a file where Compose could show it
    assert set(re.findall(r'"(OTEL_[A-Z_]+)"', stack)) == {*told, headers}
    sent = {name for name in ChassisSettings.variables() if "_OTLP_" in name}
    assert sent <= set(re.findall(r'"(AIRLOCK_[A-Z_]+)"', stack))


def test_what_compose_reads_has_the_default_that_is_told() -> None:
    told = {name: default for name, (default, _) in PAGE["COMPOSE"].items()}
    assert set(told) == set(COMPOSE)
    read = {name: found for name, found in defaults().items() if name in told}
    assert read == {name: {told[name]} for name in told if name != "AIRLOCK_ENV_FILE"}  # the script's alone


def test_what_is_said_to_be_set_by_the_file_is_and_all_else_comes_from_there() -> None:
    fixed = EXAMPLE.partition("# ---- Set by infra/compose.yaml ----")[2]
    for name in ("orchestration", "agent-host"):
        for variable, value in SERVICES[name]["environment"].items():
            assert (f"${{{variable}:-" in value) != (f"# {variable}=" in fixed), variable
