"""Where the command line finds the server and the key."""

import os
from pathlib import Path

import pytest
from airlock_client.cli.edge import CommandError
from airlock_client.cli.target import Asked, find_target
from airlock_client.exits import Exit
from airlock_client.local.folder import DataFolder, State

URL = "http://127.0.0.1:9002"


def running(path: Path, pid: int | None = None) -> Path:
    """A data folder that something runs on: this very process."""
    folder = DataFolder(path)
    folder.claim()
    folder.publish(
        State("0.1.0", "airlock-1", pid or os.getpid(), URL, "2026-01-01T00:00:00Z", {"up": os.getpid()})
    )
    folder.admin_key.write_text("airlock_own\n")
    folder.lock.let_go()
    return path


def key_file(path: Path, text: str = "airlock_given\n") -> Path:
    file = path / "given.key"
    file.write_text(text)
    return file


def test_a_running_install_gives_address_and_key(tmp_path: Path) -> None:
    found = find_target(Asked(None, None, running(tmp_path / "data")), {})
    assert (found.url, found.key) == (URL, "airlock_own")


def test_options_win_over_the_variable_and_the_variable_over_the_folder(tmp_path: Path) -> None:
    data, variables = running(tmp_path / "data"), {"AIRLOCK_KEY": "airlock_variable"}
    assert find_target(Asked(None, key_file(tmp_path), data), variables).key == "airlock_given"
    assert find_target(Asked(None, None, data), variables).key == "airlock_variable"


def test_the_folders_key_is_never_sent_to_another_address(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no key for http://other\.example\.com"):
        find_target(Asked("http://other.example.com", None, running(tmp_path / "data")), {})


def test_nothing_running_and_no_address_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing runs on the data folder") as raised:
        find_target(Asked(None, None, tmp_path / "data"), {})
    assert raised.value.code is Exit.NOT_RUNNING
    assert "airlock up" in raised.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "127.0.0.1:9002",
        "http://",
        "http://[::1",
        "ftp://a",
        "http://127.0.0.1:9002\r",
        "http://a b",
        "http://a/?b",
        "http://a#b",
    ],
)
def test_an_address_that_is_none_is_a_usage_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(CommandError, match="is no address of Airlock") as raised:
        find_target(Asked(url, key_file(tmp_path), tmp_path), {})
    assert raised.value.code is Exit.USAGE


@pytest.mark.parametrize("url", [URL, "https://airlock.example.com", "http://[::1]:9002/"])
def test_an_address_is_taken_as_it_is_written(tmp_path: Path, url: str) -> None:
    assert find_target(Asked(url, key_file(tmp_path), tmp_path), {}).url == url


@pytest.mark.parametrize("text", ["ключ", "airlock_a\nairlock_b", "airlock_\x1b[2J"])
def test_a_variable_that_holds_no_key_is_named_and_not_sent(tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError, match="AIRLOCK_KEY holds no key"):
        find_target(Asked(URL, None, tmp_path), {"AIRLOCK_KEY": text})


def test_a_variable_of_blanks_counts_as_none(tmp_path: Path) -> None:
    data = running(tmp_path / "data")
    assert find_target(Asked(None, None, data), {"AIRLOCK_KEY": " \r\n"}).key == "airlock_own"


@pytest.mark.parametrize("pid", [2**22 + 1, 1])  # past the largest that there can be, and somebody else's
def test_the_state_of_an_install_that_was_killed_does_not_count(tmp_path: Path, pid: int) -> None:
    data = running(tmp_path / "data", pid)
    with pytest.raises(CommandError, match="nothing runs"):
        find_target(Asked(None, None, data), {})


@pytest.mark.parametrize("text", ["", "\n", "x" * 5000, "schlüssel"])
def test_a_key_file_without_a_key_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError, match=r"given\.key"):
        find_target(Asked(URL, key_file(tmp_path, text), tmp_path), {})


def test_a_process_that_got_the_number_of_a_killed_install_is_not_taken_for_it(tmp_path: Path) -> None:
    data = running(tmp_path / "data")
    (data / "lock").write_text(f"{os.getpid()} 1")  # the same number, started at another time
    assert DataFolder(data).state() is None


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"absent\.key cannot be read"):
        find_target(Asked(URL, tmp_path / "absent.key", tmp_path), {})
