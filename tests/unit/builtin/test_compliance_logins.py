"""Lists of logins are keys to somebody's machines, unless all that they open is an example's."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.compliance_checker.files.unwanted import by_name

EXAMPLE = "machine netrcexample.org\nlogin example-username\npassword example-password"
MADE = "Zq8rT2wXn5LbVc7"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".netrc", EXAMPLE),
        (".netrc", "machine db.example.com login shop password tulip"),
        (".pgpass", "# host:port:database:user:password\ndb.example.com:5432:*:shop:tulip\n"),
    ],
)
def test_an_example_s_logins_are_told_softly(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (breach,) = by_name(tmp_path, name, max_mb=5)
    assert (breach.rule, breach.severity) == ("files.private-key", "LOW")
    assert "an example's" in breach.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".netrc", "machine api.lindenhof.dev login shop password tulip7"),
        (".netrc", f"{EXAMPLE}\nmachine api.lindenhof.dev login shop password tulip7"),
        (".netrc", f"{EXAMPLE}\ndefault login shop password tulip7"),
        (".netrc", f"machine db.example.com login shop password {MADE}"),
        (".netrc", f"{EXAMPLE}\n" + "#" * 5_000),
        (".netrc", "machine example.com"),
        (".pgpass", "db.example.com:5432:*:shop:tulip\ndb.lindenhof.dev:5432:*:shop:tulip\n"),
        (".pgpass", "db.example.com:5432\n"),
        (".htpasswd", "example:example"),
    ],
)
def test_one_real_login_or_what_is_not_understood_is_as_loud_as_a_key(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    (breach,) = by_name(tmp_path, name, max_mb=5)
    assert (breach.rule, breach.severity) == ("files.private-key", None)
