"""Settings that every process has, and how settings are read: at the start, from AIRLOCK_* variables."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .bus.options import BusOptions
from .fatal import Fatal
from .telemetry.otlp.headers import headers_of, secrets_of
from .telemetry.secrets import MASK, mask_text, register_secret

PREFIX = "AIRLOCK_"
MAX_SECRET_BYTES = 64 * 1024
_OPENTELEMETRYS_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


class SettingsProblem(Fatal):
    """The settings cannot be used; the message names each variable and what is wrong with it."""


class ChassisSettings(BaseSettings):
    """What every process has. Subclass it, one page per process; read it with `load`.

    A secret `x` (a `SecretStr`) is better given as a file: `AIRLOCK_X_FILE` instead of `AIRLOCK_X`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a secret that is only misspelt
    )

    nats_url: str = "nats://127.0.0.1:4222"
    """Where NATS listens. An address that does not answer ends the process."""
    nats_user: str | None = None
    """User of this kind of process."""
    nats_password: SecretStr | None = None
    """Password of that user."""
    nats_credentials_file: Path | None = None
    """A NATS credentials file, instead of user and password."""
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream: 3 on a cluster."""
    subject_prefix: str = Field(default="airlock", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    """First token of all subjects, so that installs can share a NATS cluster."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is logged."""
    log_format: Literal["json", "text"] = "json"
    """JSON lines, or lines for a person."""
    otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """Where traces, logs and metrics go by OTLP/HTTP, such as http://127.0.0.1:4318; without it nowhere."""
    otlp_headers: SecretStr | None = None
    """Headers that the collector there asks for, `name=value,name=value`, URL-encoded."""
    otlp_metrics_seconds: float = Field(default=15.0, ge=1, le=3600)
    """Between two exports of the metrics."""
    trace_ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of new traces that are kept, if AIRLOCK_TRACES_PER_SECOND lets them be."""
    traces_per_second: float = Field(default=5.0, gt=0)
    """Most new traces kept in a second of one kind of request; of those that callers began, 20 times that."""

    @classmethod
    def load(cls, *, known_elsewhere: Iterable[str] = ()) -> Self:
        """Read the environment. `known_elsewhere`: variables that belong to other processes of Airlock.

        Raises SettingsProblem with all problems in one line.
        """
        unknown = cls._unknown(os.environ, known_elsewhere)
        if unknown:
            raise SettingsProblem("; ".join(unknown))
        try:
            settings = cls()
        except ValidationError as error:
            raise SettingsProblem("; ".join(_describe(problem) for problem in error.errors())) from error
        for name in cls.model_fields:
            value = getattr(settings, name)
            if isinstance(value, SecretStr):
                register_secret(value.get_secret_value())
        try:
            settings.collector_headers()
        except ValueError as error:
            raise SettingsProblem(f"{_OPENTELEMETRYS_HEADERS}: {error}") from error
        for text in settings._header_texts():
            for secret in secrets_of(text):
                register_secret(secret)
        return settings

    @classmethod
    def variables(cls) -> list[str]:
        """The names of all variables that this process reads, sorted."""
        names = {f"{PREFIX}{name.upper()}" for name in cls.model_fields}
        return sorted(names | {f"{PREFIX}{name.upper()}_FILE" for name in cls._secrets()})

    def shown(self) -> dict[str, str]:
        """The settings for people and logs, by variable: secrets as `***`, addresses without passwords."""
        return {
            f"{PREFIX}{name.upper()}": _show(getattr(self, name)) for name in sorted(type(self).model_fields)
        }

    def collector_headers(self) -> dict[str, str]:
        """By name: what OpenTelemetry's own variable says, and over it what `otlp_headers` says."""
        return {name: value for text in self._header_texts() for name, value in headers_of(text).items()}

    def bus_options(self, name: str) -> BusOptions:
        """How to connect to NATS as `name`."""
        password = self.nats_password
        return BusOptions(
            url=self.nats_url,
            name=name,
            user=self.nats_user,
            password=password.get_secret_value() if password is not None else None,
            credentials_file=self.nats_credentials_file,
        )

    def _header_texts(self) -> list[str]:
        """What `collector_headers` reads; without an endpoint the SDK does not read its variable either."""
        sdks = os.environ.get(_OPENTELEMETRYS_HEADERS, "") if self.otlp_endpoint is not None else ""
        ours = self.otlp_headers.get_secret_value() if self.otlp_headers is not None else ""
        return [text for text in (sdks, ours) if text]

    @field_validator("otlp_headers")
    @classmethod
    def _headers_can_be_read(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            headers_of(given.get_secret_value())
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then files that variables name. No dotenv: it would surprise."""
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @classmethod
    def _secrets(cls) -> list[str]:
        return [name for name, info in cls.model_fields.items() if _is_secret(info.annotation)]

    @classmethod
    def _unknown(cls, environ: Iterable[str], known_elsewhere: Iterable[str]) -> list[str]:
        mine = cls.variables()
        known = {*mine, *known_elsewhere}
        problems = []
        for name in sorted(environ):
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                near = difflib.get_close_matches(name.upper(), mine, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(mine)}"
                problems.append(f"{name} is no setting: {hint}")
        return problems


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads `AIRLOCK_X_FILE` for each secret `x`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Not used: `__call__` reads all fields."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The secrets whose file is named."""
        found: dict[str, Any] = {}
        for name, info in self.settings_cls.model_fields.items():
            variable = f"{PREFIX}{name.upper()}"
            path = os.environ.get(f"{variable}_FILE")
            if not path or not _is_secret(info.annotation):
                continue
            if os.environ.get(variable):
                raise SettingsProblem(f"{variable} and {variable}_FILE are both given: give one")
            found[name] = SecretStr(_read_secret(f"{variable}_FILE", Path(path)))
        return found


def _read_secret(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
        text = raw.decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsProblem(f"{variable}: {path} cannot be read: {error}") from error
    if not text or len(raw) > MAX_SECRET_BYTES:
        raise SettingsProblem(f"{variable}: {path} is empty or larger than {MAX_SECRET_BYTES} bytes")
    return text


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _describe(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper()
    return f"{PREFIX}{name}: {problem['msg']}"


def _show(value: Any) -> str:
    if isinstance(value, SecretStr):
        return MASK
    return "" if value is None else mask_text(str(value))
