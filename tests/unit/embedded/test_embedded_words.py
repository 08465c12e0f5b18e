"""What the embedded servers promise in words: their public names, their errors, their exit codes."""

from __future__ import annotations

import inspect
import signal

import airlock_client.embedded as embedded
import pytest
from airlock_client.embedded import EmbeddedError
from airlock_client.embedded.process import clean_environment, describe


def test_the_public_names_are_these() -> None:
    assert embedded.__all__ == sorted(embedded.__all__)
    assert set(embedded.__all__) == {
        "EmbeddedError",
        "EmbeddedNats",
        "EmbeddedPostgres",
        "FolderInUse",
        "FolderRefused",
        "FolderVersion",
        "MissingBinary",
        "ServerFailed",
        "default_data_dir",
    }


def test_every_error_is_an_embedded_error_with_a_sentence() -> None:
    errors = [
        thing
        for name in embedded.__all__
        if inspect.isclass(thing := getattr(embedded, name)) and "Embedded" not in name
    ]
    assert len(errors) == 5
    assert all(issubclass(error, EmbeddedError) and error.__doc__ for error in errors)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (1, "exit code 1"),
        (128, "exit code 128"),
        (128 + signal.SIGKILL, "ended by SIGKILL"),
        (255, "exit code 255"),
    ],
)
def test_an_exit_code_is_said_in_words(code: int, words: str) -> None:
    assert describe(code) == words


def test_a_server_gets_neither_our_settings_nor_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRLOCK_DATABASE_URL", "PGDATA", "PGPORT", "GODEBUG", "LANG"):
        monkeypatch.setenv(name, "x")
    assert set(clean_environment()) - {"LD_LIBRARY_PATH"} == {"PATH", "LC_ALL", "TZ"}
