"""`.env.example` lists every setting, as the code reads it and Compose hands it on."""

import re
import runpy

from airlock_agents.settings import Settings as HostSettings
from airlock_chassis.variables import COMPOSE
from airlock_orchestration.settings import Settings as OrchestrationSettings
from composed import ROOT, SERVICES, defaults

EXAMPLE = (ROOT / ".env.example").read_text()
LISTED = re.findall(r"^# (AIRLOCK_[A-Z_]+)=", EXAMPLE, re.MULTILINE)
PAGE = runpy.run_path(str(ROOT / "docs" / "settings_reference.py"))


def test_the_file_is_what_the_settings_classes_give() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "env_example.py"))["document"]()
    assert written == EXAMPLE, "the settings changed: run python docs/env_example.py"


def test_every_setting_is_listed_once() -> None:
    assert sorted(LISTED) == sorted({*OrchestrationSettings.variables(), *HostSettings.variables(), *COMPOSE})


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
