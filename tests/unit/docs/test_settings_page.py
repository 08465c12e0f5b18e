"""The page of settings says what the classes read."""

import runpy
from pathlib import Path

from airlock_agents.settings import Settings as HostSettings
from airlock_chassis.variables import COMMANDS
from airlock_orchestration.settings import Settings as OrchestrationSettings

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_what_the_settings_classes_give() -> None:
    written = runpy.run_path(str(DOCS / "settings_reference.py"))["document"]()
    assert (DOCS / "reference" / "settings.md").read_text(encoding="utf-8") == written, (
        "the settings changed: run python docs/settings_reference.py"
    )


def test_every_variable_that_any_part_reads_is_on_the_page() -> None:
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    processes = [*OrchestrationSettings.variables(), *HostSettings.variables()]
    for variable in (*processes, *COMMANDS):
        assert f"`{variable}`" in page, variable


def test_every_setting_says_why_it_is_there() -> None:
    for kind in (OrchestrationSettings, HostSettings):
        for name, field in kind.model_fields.items():
            assert field.description, f"{kind.__module__}: {name}"
