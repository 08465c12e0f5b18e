"""Settings: read once, all problems at once, secrets never shown."""

import traceback
from pathlib import Path

import pytest
from airlock_chassis.settings import ChassisSettings, SettingsProblem
from airlock_chassis.telemetry import forget_secrets
from airlock_chassis.telemetry.secrets import mask_text
from pydantic import SecretStr


class HostSettings(ChassisSettings):
    """A process's own page."""

    slots: int = 4
    """How many attempts at once."""
    host_token: SecretStr | None = None
    """Token for the REST API."""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without Airlock's variables and OpenTelemetry's."""
    import os

    for name in list(os.environ):
        if name.upper().startswith(("AIRLOCK_", "OTEL_")):
            monkeypatch.delenv(name)
    forget_secrets()


def test_variables_override_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_SLOTS", "9")
    monkeypatch.setenv("AIRLOCK_NATS_USER", "host")
    settings = HostSettings.load()
    assert (settings.slots, settings.nats_user, settings.subject_prefix) == (9, "host", "airlock")


def test_a_misspelt_variable_is_an_error_that_names_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_SLOTZ", "9")
    with pytest.raises(SettingsProblem, match=r"AIRLOCK_SLOTZ is no setting: did you mean AIRLOCK_SLOTS\?"):
        HostSettings.load()


def test_an_unknown_variable_lists_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_QQQQQQQQ", "9")
    with pytest.raises(SettingsProblem, match=r"known are .*AIRLOCK_HOST_TOKEN_FILE.*AIRLOCK_SLOTS"):
        HostSettings.load()


def test_variables_of_other_processes_are_tolerated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_DATABASE_URL", "postgresql://x")
    assert HostSettings.load(known_elsewhere=["AIRLOCK_DATABASE_URL"]).slots == 4


def test_all_wrong_values_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRLOCK_SLOTS", "many")
    monkeypatch.setenv("AIRLOCK_SUBJECT_PREFIX", "a.b")
    with pytest.raises(SettingsProblem) as raised:
        HostSettings.load()
    assert "AIRLOCK_SLOTS" in str(raised.value)
    assert "AIRLOCK_SUBJECT_PREFIX" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_secret_is_read_from_a_file_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "password"
    path.write_text("pass-word-1\n")
    monkeypatch.setenv("AIRLOCK_NATS_PASSWORD_FILE", str(path))
    monkeypatch.setenv("AIRLOCK_NATS_URL", "nats://u:hidden-1@127.0.0.1:4222")
    settings = HostSettings.load()
    assert settings.bus_options("host").password == "pass-word-1"
    shown = settings.shown()
    assert shown["AIRLOCK_NATS_PASSWORD"] == "***"
    assert shown["AIRLOCK_NATS_URL"] == "nats://***@127.0.0.1:4222"
    assert "pass-word-1" not in repr(settings)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 70_000, b"\xff\xfe"])
def test_a_secret_file_that_is_empty_or_huge_or_no_text_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    monkeypatch.setenv("AIRLOCK_NATS_PASSWORD_FILE", str(path))
    with pytest.raises(SettingsProblem, match="AIRLOCK_NATS_PASSWORD_FILE"):
        HostSettings.load()


def test_a_collectors_headers_are_read_from_a_file_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "headers").write_text("Authorization=Bearer%20hidden-1, x-scope = a%2Cb=c\n")
    monkeypatch.setenv("AIRLOCK_OTLP_HEADERS_FILE", str(tmp_path / "headers"))
    settings = HostSettings.load()
    assert settings.collector_headers() == {"authorization": "Bearer hidden-1", "x-scope": "a,b=c"}
    assert settings.shown()["AIRLOCK_OTLP_HEADERS"] == "***"
    assert mask_text("refused: Bearer hidden-1") == "refused: ***"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Authorization=Bearer%20hidden-1", "hidden-1"),
        ("authorization=Basic%20dTpoaWRkZW4tMQ%3D%3D", "dTpoaWRkZW4tMQ=="),
        ("authorization=Basic%20dTpoaWRkZW4tMQ%3D%3D", "hidden-1"),
        ("authorization=Basic%20not-base64", "not-base64"),
        ("dd-api-key=hidden%2B1", "hidden+1"),
        ("dd-api-key=hidden%2B1", "hidden%2B1"),
        ("x-honeycomb-team=hidden-1", "hidden-1"),
        ("cookie=hidden-1,x-token=hidden-1-and-more", "hidden-1-and-more"),
    ],
)
@pytest.mark.parametrize("variable", ["AIRLOCK_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"])
def test_a_credential_among_a_collectors_headers_is_masked_by_itself_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, told: str
) -> None:
    monkeypatch.setenv("AIRLOCK_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv(variable, given)
    HostSettings.load()
    assert mask_text(f"401: {told} is not known") == "401: *** is not known"


@pytest.mark.parametrize("name", ["X-Scope-OrgID", "x-honeycomb-dataset", "stream-name"])
def test_a_collectors_header_that_is_no_credential_may_be_said(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("AIRLOCK_OTLP_HEADERS", f"{name}=production,x-token=hidden-1")
    assert HostSettings.load().collector_headers()[name.lower()] == "production"
    assert mask_text("deployed to production") == "deployed to production"


@pytest.mark.parametrize(
    "given", ["hidden-1", "a=b,hidden-1", "a=hidden-1,", "a b=hidden-1", "a=hidden-1%0D%0Ab: c"]
)
@pytest.mark.parametrize("variable", ["AIRLOCK_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"])
def test_headers_that_cannot_be_read_are_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str
) -> None:
    monkeypatch.setenv("AIRLOCK_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv(variable, given)
    with pytest.raises(SettingsProblem, match=rf"^{variable}: .* is no name=value") as raised:
        HostSettings.load()
    assert "hidden-1" not in "".join(traceback.format_exception(raised.value))


def test_a_header_of_ours_wins_over_that_of_opentelemetrys_own_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRLOCK_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Token=hidden-1,x-tenant=a")
    monkeypatch.setenv("AIRLOCK_OTLP_HEADERS", "x-token=hidden-2")
    assert HostSettings.load().collector_headers() == {"x-token": "hidden-2", "x-tenant": "a"}
    assert mask_text("hidden-1 or hidden-2") == "*** or ***"


@pytest.mark.parametrize(
    ("endpoint", "given"), [("", "not for us"), ("http://127.0.0.1:4318", "")], ids=["nothing sent", "empty"]
)
def test_opentelemetrys_own_headers_count_only_where_they_are_set_and_something_is_sent(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, given: str
) -> None:
    monkeypatch.setenv("AIRLOCK_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", given)
    assert HostSettings.load().collector_headers() == {}


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN", "x")
    monkeypatch.setenv("AIRLOCK_HOST_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(SettingsProblem, match="both given"):
        HostSettings.load()
