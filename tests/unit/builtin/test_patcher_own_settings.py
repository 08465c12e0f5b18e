"""A setting is changed where an application sets it for itself, and not where a library gives a default."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.patcher.own_settings import not_own
from airlock_agents.builtin.patcher.proposal import propose
from airlock_agents.builtin.patcher.request import sort

DJANGO = "INSTALLED_APPS = ['shop']\n"


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("app.py", "app.config['SESSION_COOKIE_SECURE'] = False\n", 1),
        ("app.py", "def make():\n    app.config['SESSION_COOKIE_SECURE'] = False\n", 2),
        ("app.py", "app.config.update(\n    X=1,\n    SESSION_COOKIE_SECURE=False,\n)\n", 3),
        ("app.py", "app.config.from_mapping({\n    'SESSION_COOKIE_SECURE': False,\n})\n", 2),
        ("shop/settings.py", f"{DJANGO}SESSION_COOKIE_SECURE = False\n", 2),
        ("shop/settings.py", "if DEBUG:\n    SESSION_COOKIE_SECURE = False\nROOT_URLCONF = 'shop.urls'\n", 2),
        ("shop/settings/local.py", "from .base import *\nSESSION_COOKIE_SECURE = False\n", 2),
    ],
)
def test_what_an_application_sets_is_its_own(file: str, text: str, line: int) -> None:
    assert not_own(file, text, line) is None


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        # as in Flask: the defaults of every application
        ("app.py", "class App:\n    defaults = dict(\n        {'SESSION_COOKIE_SECURE': False}\n    )\n", 3),
        ("app.py", "class Config:\n    SESSION_COOKIE_SECURE = False\n", 2),
        ("app.py", "DEFAULTS = {\n    'SESSION_COOKIE_SECURE': False,\n}\n", 2),
        ("app.py", "defaults.update(SESSION_COOKIE_SECURE=False)\n", 1),
        # as in Django's global_settings.py
        ("global_settings.py", "INSTALLED_APPS = []\nSESSION_COOKIE_SECURE = False\n", 2),
        ("global_settings.py", "from x import *\nROOT_URLCONF = ''\nSESSION_COOKIE_SECURE = False\n", 3),
        ("settings.py", f"{DJANGO}def f():\n    SESSION_COOKIE_SECURE = False\n", 3),
        ("settings.py", f"{DJANGO}SESSION_COOKIE_SECURE = = False\n", 2),
        ("settings.md", f"{DJANGO}SESSION_COOKIE_SECURE = False\n", 2),
    ],
)  # fmt: skip
def test_a_default_that_others_get_is_left_alone(file: str, text: str, line: int) -> None:
    assert not_own(file, text, line) is not None


def test_a_proposal_leaves_the_defaults_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("app.config['SESSION_COOKIE_SECURE'] = False\n")
    (tmp_path / "library.py").write_text("class App:\n    SESSION_COOKIE_SECURE = False\n")
    rule = "headers.cookie-insecure"
    violations = [
        {"id": "v-own", "rule": rule, "file": "own.py", "line": 1},
        {"id": "v-library", "rule": rule, "file": "library.py", "line": 2},
    ]
    library, own = propose(tmp_path, sort(tmp_path, {"violations": violations}))
    assert own.fixed == ["v-own"]
    assert library.diff == ""
    assert "library's default" in library.unfixed[0][1]
