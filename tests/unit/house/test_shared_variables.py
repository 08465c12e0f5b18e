"""One environment may serve several processes, and still no misspelt variable passes."""

import pytest
from airlock_agents.settings import ELSEWHERE
from airlock_agents.settings import Settings as HostSettings
from airlock_chassis.settings import ChassisSettings
from airlock_chassis.variables import AGENT_HOST, COMMANDS, ORCHESTRATION
from airlock_orchestration import __main__ as orchestration
from airlock_orchestration.settings import Settings as OrchestrationSettings


@pytest.mark.parametrize(
    ("settings", "names"), [(OrchestrationSettings, ORCHESTRATION), (HostSettings, AGENT_HOST)]
)
def test_the_names_are_those_of_the_settings(settings: type[ChassisSettings], names: tuple[str, ...]) -> None:
    own = set(settings.variables()) - set(ChassisSettings.variables())
    assert own == set(names)
    assert list(names) == sorted(names)


def test_a_host_tolerates_what_is_orchestrations_and_the_commands() -> None:
    assert {*ELSEWHERE} == {*ORCHESTRATION, *COMMANDS}


def test_a_misspelt_variable_keeps_orchestration_from_starting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRLOCK_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.setenv("AIRLOCK_SLOTS", "4")  # the host's
    monkeypatch.setenv("AIRLOCK_API_PROT", "9003")
    assert orchestration.main(["serve"]) == 1
    line = capsys.readouterr().err
    assert "AIRLOCK_API_PROT is no setting: did you mean AIRLOCK_API_PORT" in line
    assert "AIRLOCK_SLOTS" not in line
