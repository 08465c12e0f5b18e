"""The host's settings: good without any, strict about each."""

import os
from pathlib import Path

import pytest
from airlock_agents.host.app import host_limits
from airlock_agents.settings import ELSEWHERE, Settings
from airlock_chassis.settings import SettingsProblem


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AIRLOCK_"):
            monkeypatch.delenv(name)


def test_a_token_is_all_that_a_host_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN", "a-token-of-a-host")
    settings = Settings.load()
    assert settings.slots >= 1
    assert settings.memory_mb >= 64
    assert settings.pool == "default"
    assert "a-token-of-a-host" not in str(settings.shown())


def test_what_other_commands_read_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN", "a-token-of-a-host")
    for name in {*ELSEWHERE} - {*Settings.variables()}:
        monkeypatch.setenv(name, "something")
    Settings.load(known_elsewhere=ELSEWHERE)
    monkeypatch.setenv("AIRLOCK_SLOT", "2")
    with pytest.raises(SettingsProblem, match="AIRLOCK_SLOTS"):
        Settings.load(known_elsewhere=ELSEWHERE)


def test_without_a_token_it_says_which_variable_is_missing() -> None:
    with pytest.raises(SettingsProblem, match="AIRLOCK_HOST_TOKEN"):
        Settings.load()


def test_the_token_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-in-a-file\n")
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN_FILE", str(tmp_path / "token"))
    assert Settings.load().host_token.get_secret_value() == "a-token-in-a-file"


@pytest.mark.parametrize(
    ("name", "value"),
    [("POOL", "no.dots"), ("HOST_NAME", "UPPER"), ("SLOTS", "0"), ("API_URL", "ftp://x"), ("INSTALL", "a b")],
)
def test_what_cannot_stand_in_a_subject_or_label_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN", "a-token-of-a-host")
    monkeypatch.setenv(f"AIRLOCK_{name}", value)
    with pytest.raises(SettingsProblem, match=f"AIRLOCK_{name}"):
        Settings.load()


def test_one_sandbox_never_gets_more_memory_than_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN", "a-token-of-a-host")
    monkeypatch.setenv("AIRLOCK_MEMORY_MB", "100")
    assert host_limits(Settings.load()).memory_mb == 100
