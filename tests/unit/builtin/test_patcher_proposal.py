"""A proposal answers everything that was asked, writes nothing, and is not brought down by any file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.builtin.patcher.bumps import manifests
from airlock_agents.builtin.patcher.bumps.bump import Bump
from airlock_agents.builtin.patcher.configuration.files import changed
from airlock_agents.builtin.patcher.configuration.setting import Action, Image, User, Value
from airlock_agents.builtin.patcher.main import MAX_OUTPUT, agent
from airlock_agents.builtin.patcher.reason import Reason
from airlock_sdk.testing import Outcome, given_workspace, run_action
from airlock_sdk.workspace import pack
from hypothesis import given, settings
from hypothesis import strategies as st

FILES = {
    "app.py": "import yaml\nconfig = yaml.load(text)\nprint(config)\n",
    "requirements.txt": "pyyaml==5.3\n",
    "poetry.lock": "",
    "Dockerfile": "FROM python:3\nCMD app.py\n",
    "conf/app.yaml": "debug: true  # for now\n",
    ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n",
}
ASKED: dict[str, Any] = {
    "findings": [{"id": "f-1", "rule": "B506", "file": "app.py", "line": 2, "new": {"x": 1}}],
    "issues": [{"id": "i-1", "rule": "no-such", "file": "app.py", "line": 3, "suggestion": "none"}],
    "violations": [{"id": "v-1", "rule": "files.readme-missing"}, {"id": "v-2", "rule": "x", "file": None}],
    "replacements": [{"file": "app.py", "find": "print", "replace": "show"}],
    "dependencies": [{"name": "PyYAML", "to": "6.0.2"}],
    "configuration": [
        {"kind": "value", "file": "conf/app.yaml", "path": ["debug"], "value": False},
        {"kind": "user", "file": "Dockerfile", "user": "10001"},
        {"kind": "image", "file": "Dockerfile", "image": "python", "to": "3.12.4"},
        {"kind": "action", "file": ".github/workflows/ci.yml", "action": "actions/checkout", "sha": "c" * 40},
    ],
}  # fmt: skip


def make_tree(root: Path, files: dict[str, str] | None = None) -> Path:
    for name, text in (FILES if files is None else files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def digest(root: Path) -> str:
    return pack(root, io.BytesIO()).digest


def run(tree: Path, scratch: Path, **asked: Any) -> Outcome:
    scratch.mkdir(exist_ok=True)
    return run_action(agent, "propose", asked, scratch=scratch, given=[given_workspace(tree)])


def test_everything_asked_is_answered_and_nothing_is_written(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    outcome = run(tree, tmp_path / "scratch", **ASKED)
    assert outcome.output is not None, outcome.failure
    fixed = ["f-1", "replacement-1", "dependency-1", *(f"configuration-{number}" for number in range(1, 5))]
    assert sorted(outcome.output["fixed"]) == sorted(fixed)
    said = {one["id"]: one["reason"] for one in outcome.output["unfixed"]}
    assert said.keys() == {"i-1", "v-1", "v-2"}
    assert said["v-1"] == "it names no file"
    assert outcome.output["files_changed"] == sorted(set(FILES) - {"poetry.lock"})
    assert outcome.artifacts == {}
    (unpacked,) = (tmp_path / "scratch").glob("airlock-*")
    (workspace,) = unpacked.iterdir()
    assert digest(workspace) == digest(tree)


XML = "import xml.etree.ElementTree as ET\n\n\ndef read(text):\n    return ET.fromstring(text)\n"


@pytest.mark.parametrize(
    ("file", "text", "known"),
    [
        ("requirements.txt", "defusedxml==0.7.1\n", True),
        ("requirements-dev.in", "DefusedXML\n", True),
        ("pyproject.toml", "[project]\ndependencies = ['defusedxml>=0.7']\n", True),
        ("setup.cfg", "[options]\ninstall_requires =\n    defusedxml\n", True),
        ("setup.py", "setup(install_requires=['flask', 'defusedxml[lxml]>=0.7'])\n", True),
        ("requirements.txt", "flask\n# defusedxml: not yet\n", False),
        ("pyproject.toml", "[project]\ndescription = 'as defusedxml, and slower'\n", False),
        ("setup.py", "'Needs no defusedxml.'\nsetup()  # defusedxml\n", False),
        ("constraints.txt", "defusedxml==0.7.1\n", False),
        ("setup.py", "(" * 100_000, False),
    ],
)
def test_a_package_is_relied_on_only_where_the_program_declares_it(
    tmp_path: Path, file: str, text: str, known: bool
) -> None:
    tree = make_tree(tmp_path / "tree", {"reader.py": XML, file: text})
    finding = {"id": "f-1", "rule": "B314", "file": "reader.py", "line": 5}
    outcome = run(tree, tmp_path / "scratch", findings=[finding])
    assert outcome.output is not None, outcome.failure
    assert (outcome.output["fixed"] == ["f-1"]) is known
    assert ("defusedxml" in outcome.output["diff"]) is known


def test_what_is_proposed_applies_and_asking_again_finds_it_done(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    proposed = run(tree, tmp_path / "one", **ASKED).output
    assert proposed is not None
    bound = {key: proposed[key] for key in ("diff", "diff_sha256", "workspace_digest")}
    applied = run_action(agent, "apply", bound, scratch=tmp_path, given=[given_workspace(tree)])
    assert applied.output is not None, applied.failure
    for wanted in ("yaml.safe_load", "show(config)", "debug: false  # for now", "USER 10001", "@" + "c" * 40):
        assert wanted.encode() in applied.artifact(applied.output["workspace"])
    make_tree(tree, {"conf/app.yaml": "debug: false\n", "requirements.txt": "pyyaml==6.0.2\n"})
    again = run(tree, tmp_path / "two", **ASKED).output
    assert again is not None
    said = {one["id"]: one["reason"] for one in again["unfixed"]}
    assert "already" in said["dependency-1"]
    assert "already" in said["configuration-1"]


def test_one_request_that_cannot_be_done_spoils_no_other_in_its_file(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a.json": '{"a": 1, "b": 2}\n'})
    wished = [
        {"kind": "value", "file": "a.json", "path": [name], "value": 5} for name in ("a", "nothing", "b")
    ]
    output = run(tree, tmp_path / "scratch", configuration=wished).output
    assert output is not None
    assert output["fixed"] == ["configuration-1", "configuration-3"]
    assert '+{"a": 5, "b": 5}' in output["diff"]


def test_a_thousand_refusals_fit_the_output_and_are_counted(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    findings = [{"id": f"{n:0128}", "rule": "B608", "file": f"{n}", "line": 1} for n in range(1000)]
    wished = [{"file": "app.py", "find": "print", "replace": "\x01" * 60_000}]
    outcome = run(tree, tmp_path / "scratch", findings=findings, replacements=wished)
    assert outcome.output is not None, outcome.failure
    assert outcome.output["stats"]["unfixed"] == 1000
    assert len(outcome.raw_output) <= MAX_OUTPUT
    assert 0 < len(outcome.output["unfixed"]) < 1000


@pytest.mark.parametrize("text", ["\ufeffa: 1\n", "a: 1\x00\n", "a: \ud83d\n"])
def test_odd_text_is_no_reason_to_fall(text: str) -> None:
    for file in ("a.yaml", "a.toml", "a.json", "a.ini", ".env"):
        assert isinstance(changed(file, text, Value(("a",), 2)), str | Reason)


def test_nothing_is_added_to_what_ends_in_itself() -> None:
    assert isinstance(changed("a.yaml", "&x\nb: *x\n", Value(("a",), 2, add=True)), Reason)


PIECES = st.sampled_from(
    """a: |b:|- |{|}|[|]|"|'|:|,|=|[a]|a = 1|a == 1|FROM x|USER y|CMD|uses: a/b@c|#|\\|\t|\r|\x0c|\ufeff|&x
    |*x|<<: *x|! |%|---|...|\n|\n|\n  |\n    |name|>=1|;|@|[project]|dependencies = [|"x>=1"
    |{"dependencies": {"x": "^1"}}""".split("|")
)


@settings(max_examples=300)
@given(text=st.lists(PIECES, max_size=14).map("".join), add=st.booleans())
def test_no_text_brings_a_change_down(text: str, add: bool) -> None:
    for file in ("a.yaml", "a.toml", "a.json", "a.ini", ".env"):
        for path in (("a",), ("a", "b"), ("a", 0)):
            assert isinstance(changed(file, text, Value(path, "v", add=add)), str | Reason)
    for wished in (User("u"), Image("x", "1"), Action("a/b", "d" * 40)):
        assert isinstance(changed("Dockerfile", text, wished), str | Reason)
    for file in ("requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg", "package.json"):
        manifests.declared(file, text)
        assert isinstance(manifests.raised(file, text, Bump("d", "x", "2.0.0")), str | Reason)
