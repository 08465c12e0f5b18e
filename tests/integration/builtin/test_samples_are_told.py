"""Words and places lower a secret that looks thought up, hide none, and lower none that looks real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk.testing import Outcome

THOUGHT_UP = "tulip7orbit"
MADE = "Zq8rT2wXn5LbVc7KdPf3Hj"
TOKEN = "AKIA" + "Q7RZ2LWXN5TBVC4K"  # in two parts, so that no scanner takes this file for one that has it
BODY = "bm90IGEga2V5LCBub3QgYSBrZXksIG5vdCBhIGtleQ=="
HEADER = "-----BEGIN RSA PRIVATE KEY-----"

# A file for each place in which a secret would be spoken of softly, with one that looks thought up.
SAMPLES = {
    "docstring.py": f'def read():\n    """Call login(password="{THOUGHT_UP}")."""\n',
    "comment.py": f'login()  # password = "{THOUGHT_UP}"\n',
    "comment.js": f'  // password = "{THOUGHT_UP}"\n',
    "comment.go": f'/*\n * password = "{THOUGHT_UP}"\n */\n',
    "docs/setup.rst": f'password = "{THOUGHT_UP}"\n',
    "host.py": f'URL = "amqp://worker:{THOUGHT_UP}@db.example.com/"\n',
    "login.py": 'URL = "oracle://scott:tiger@db.lindenhof.dev/"\n',
    "header.py": f'BEGIN = "{HEADER}"\n',
    "manual.py": 'KEY = "AKIAIOSFODNN7EXAMPLE"\n',
}

# The same places, with one that looks real; and places that only claim to be prose.
REAL = {
    "real/docstring.py": f'def read():\n    """Call login(password="{MADE}")."""\n',
    "real/comment.py": f'# password = "{MADE}"\n',
    "real/docs/setup.rst": f"The key: {TOKEN}.\n",
    "real/host.py": f'URL = "amqp://worker:{MADE}@db.example.com/"\n',
    "real/key.py": f'"""\n{HEADER}\n{BODY}\n"""\n',
    "real/wrapped.py": f'"""\n{HEADER}\n' + "\n".join(BODY[n : n + 20] for n in (0, 20, 40)) + '\n"""\n',
    "real/pointer.go": f'func read(cfg *Config) {{\n\t*cfg.Password = "{THOUGHT_UP}"\n}}\n',
    "real/pointer.c": f'/* Opens. */\n*password = "{THOUGHT_UP}";\n',
    "real/pointer.rs": f'    *password = "{THOUGHT_UP}";\n',
    "real/behind.py": f'"""A docstring."""; password = "{THOUGHT_UP}"\n',
    "real/block.js": f'/* a comment */ const password = "{THOUGHT_UP}";\n',
    "real/both.py": f'password = "{THOUGHT_UP}"  # password = "{THOUGHT_UP}"\n',
}

Check = Callable[[str, str, Outcome], dict[str, Any]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in (SAMPLES | REAL).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def loudest(told: list[dict[str, Any]]) -> Mapping[str, str]:
    """Answer the severity of each file's loudest finding."""
    return {one["file"]: one["severity"] for one in reversed(told)}


def test_the_scanner_lowers_samples_and_counts_those_that_a_floor_leaves_out(
    run_agent: Callable[..., Outcome], check_output: Check, tree: Path
) -> None:
    def scanned(**inputs: Any) -> dict[str, Any]:
        inputs["scan_types"] = ["secrets"]
        outcome = run_agent("security-scanner", "scan", inputs, workspace=tree)
        return check_output("security-scanner", "scan", outcome)

    output = scanned()
    told = loudest(output["findings"])
    assert told.keys() == SAMPLES.keys() | REAL.keys()
    assert {told[name] for name in SAMPLES} == {"LOW"}
    assert {name for name in REAL if told[name] not in ("CRITICAL", "HIGH")} == set()
    said = {one["file"]: one["message"] for one in output["findings"]}
    assert "in a comment or docstring" in said["comment.py"]
    assert "in documentation" in said["docs/setup.rst"]
    assert "an example's" in said["host.py"]

    loud = scanned(min_severity="HIGH")
    assert loudest(loud["findings"]).keys() == REAL.keys()
    assert loud["summary"]["samples_below_floor"] == len(SAMPLES)


def test_the_checker_is_as_loud_as_the_scanner(
    run_agent: Callable[..., Outcome], check_output: Check, tree: Path
) -> None:
    inputs = {"scopes": ["secrets"], "date": "2026-11-20"}
    outcome = run_agent("compliance-checker", "check", inputs, workspace=tree)
    told = loudest(check_output("compliance-checker", "check", outcome)["violations"])
    assert told.keys() == SAMPLES.keys() | REAL.keys()
    assert {name for name in told if told[name] not in ("CRITICAL", "HIGH")} == SAMPLES.keys()
