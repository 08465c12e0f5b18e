"""Proposed diffs apply with real git, and what was applied can be taken back byte for byte."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from airlock_agents.builtin.patcher.application import apply
from airlock_agents.builtin.patcher.diff import file_diff
from airlock_agents.builtin.patcher.grammar import read
from airlock_agents.builtin.patcher.main import agent, sha256_of
from airlock_agents.builtin.patcher.proposal import Done, propose
from airlock_agents.builtin.patcher.request import About, Asked, Group, sort
from airlock_agents.builtin.patcher.room import NO_ROOM, fitting, whole_diff
from airlock_sdk import Failure
from airlock_sdk.testing import Outcome, given_workspace, run_action
from airlock_sdk.workspace import pack, unpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FINDING = {"id": "f-1", "rule": "B506", "file": "app.py", "line": 2}


def make_tree(root: Path) -> Path:
    (root / "sub dir").mkdir(parents=True)
    (root / "app.py").write_text("import yaml\nconfig = yaml.load(text)\n")
    (root / "sub dir" / "a b.txt").write_text("one\ntwo\nthree")
    (root / "run.sh").write_text("#!/bin/sh\necho one\n")
    (root / "run.sh").chmod(0o755)
    return root


def digest(root: Path) -> str:
    return pack(root, io.BytesIO()).digest


def git_check(diff: str, root: Path) -> None:
    command = ["git", "apply", "--check", "-"]
    done = subprocess.run(command, cwd=root, input=diff.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def proposed(tree: Path, **asked: Any) -> list[Done]:
    return propose(tree, sort(tree, cast(Asked, asked)))


def run(action: str, tree: Path, scratch: Path, **inputs: object) -> Outcome:
    return run_action(agent, action, inputs, scratch=scratch, given=[given_workspace(tree)])


def run_apply(tree: Path, scratch: Path, diff: str) -> Outcome:
    bound = {"diff_sha256": sha256_of(diff), "workspace_digest": given_workspace(tree).reference["artifact"]}
    return run("apply", tree, scratch, diff=diff, **bound)


def test_a_proposal_is_a_diff_that_git_accepts_and_changes_nothing(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    before = digest(tree)
    wished = [{"file": "sub dir/a b.txt", "find": "three", "replace": "3"}]
    outcome = run("propose", tree, tmp_path, findings=[FINDING, FINDING], replacements=wished)
    assert outcome.output is not None
    git_check(outcome.output["diff"], tree)
    assert digest(tree) == before
    assert outcome.output["fixed"] == ["f-1", "replacement-1"]
    assert outcome.output["files_changed"] == ["app.py", "sub dir/a b.txt"]
    assert outcome.output["stats"] == {"fixed": 2, "unfixed": 0, "not_read": 0, "files": 2}
    assert outcome.output["notes"] == ["B506: YAML that builds Python objects is refused."]


@pytest.mark.parametrize(
    "file",
    ["../secret.py", "/etc/passwd", ".git/config", "missing.py", "sub dir", "a\nb.py", "./app.py", "\ud800"],
)
def test_a_finding_outside_the_workspace_is_not_followed(file: str, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("import yaml\nyaml.load(x)\n")
    tree = make_tree(tmp_path / "tree")
    (done,) = proposed(tree, findings=[{**FINDING, "file": file}])
    assert done.diff == ""
    assert [one for one, _ in done.unfixed] == ["f-1"]


@pytest.mark.parametrize(("find", "reason"), [("o", "2 times"), ("four", "not in the file")])
def test_a_replacement_must_stand_there_once(find: str, reason: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (done,) = proposed(tree, replacements=[{"file": "sub dir/a b.txt", "find": find, "replace": "x"}])
    assert reason in done.unfixed[0][1]


def test_test_code_is_mended_only_when_asked_for(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    finding = {**FINDING, "in_tests": True}
    (left,) = proposed(tree, findings=[finding])
    assert left.diff == ""
    assert "include_tests" in left.unfixed[0][1]
    (done,) = proposed(tree, findings=[finding], include_tests=True)
    assert done.fixed == ["f-1"]


def mended(number: int, group: Group, size: int) -> tuple[Done, About]:
    diff = file_diff(f"{number}", None, "x" * size)
    return Done(f"{number}", diff, fixed=[f"f-{number}"]), About("finding", "B506", group=group)


def fitted(*files: tuple[Done, About]) -> list[Done]:
    return fitting([one for one, _ in files], {one.fixed[0]: about for one, about in files})


def test_what_the_diff_has_no_room_for_is_left_for_another_proposal(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    wished = [
        {"file": "app.py", "find": "text", "replace": "y" * 300_000},
        {"file": "run.sh", "find": "one", "replace": "two"},
    ]
    output = run("propose", tree, tmp_path, replacements=wished).output
    assert output is not None
    assert (output["fixed"], output["files_changed"]) == (["replacement-2"], ["run.sh"])
    assert [(one["id"], one["reason"]) for one in output["unfixed"]] == [("replacement-1", NO_ROOM)]
    git_check(output["diff"], tree)


def test_the_graver_has_its_room_before_style_has() -> None:
    kept = fitted(mended(1, "style", 90_000), mended(2, "security", 90_000), mended(3, "security", 90_000))
    assert [bool(one.diff) for one in kept] == [False, True, True]
    assert [one.unfixed for one in kept] == [[("f-1", NO_ROOM)], [], []]


def test_what_is_proposed_has_no_more_files_than_can_be_applied_nor_more_than_fits_an_output() -> None:
    many = fitted(*(mended(number, "security", 0) for number in range(2001)))
    assert len(read(whole_diff(many))) == 2000
    (left,) = fitting([Done("a", "\x01" * 100_000, fixed=["f-1"])], {"f-1": About("finding", "B506")})
    assert left.unfixed == [("f-1", NO_ROOM)]


def test_what_there_is_no_time_for_is_left_for_another_proposal(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    wished = [
        {"file": file, "find": find, "replace": "x"}
        for file, find in (("app.py", "yaml\n"), ("run.sh", "one"))
    ]
    done = propose(tree, sort(tree, {"replacements": wished}), in_time=lambda: False)
    assert [one.fixed for one in done] == [["replacement-1"], []]
    assert "no time left" in done[1].unfixed[0][1]


def test_applying_gives_a_new_workspace_and_the_way_back(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    diff = (
        file_diff("app.py", "import yaml\nconfig = yaml.load(text)\n", "import yaml\nconfig = {}\n")
        + file_diff("sub dir/a b.txt", "one\ntwo\nthree", None)
        + file_diff("new/deep/tool.sh", None, "#!/bin/sh\n", executable=True)
        + file_diff("run.sh", "#!/bin/sh\necho one\n", "#!/bin/sh\necho two\n")
        + file_diff("empty", None, "")
    )
    outcome = run_apply(tree, tmp_path, diff)
    assert outcome.output is not None, outcome.failure
    assert outcome.output["files_changed_total"] == 5
    patched = tmp_path / "patched"
    unpack(io.BytesIO(outcome.artifact(outcome.output["workspace"])), patched)
    assert (patched / "app.py").read_text() == "import yaml\nconfig = {}\n"
    assert not (patched / "sub dir").exists()
    assert (patched / "new" / "deep" / "tool.sh").stat().st_mode & 0o777 == 0o755
    assert (patched / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (patched / "empty").read_bytes() == b""
    assert digest(tree) != digest(patched)
    rollback = outcome.output["rollback_diff"]
    assert outcome.artifact(outcome.output["rollback"]).decode() == rollback
    meant = {
        "diff_sha256": outcome.output["rollback_sha256"],
        "workspace_digest": outcome.output["workspace"]["artifact"],
    }
    back = run("apply", patched, tmp_path, diff=rollback, **meant)
    assert back.output is not None, back.failure
    assert back.output["workspace"] == given_workspace(tree).reference


def test_an_empty_diff_succeeds_and_says_that_nothing_changed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    outcome = run_apply(tree, tmp_path, "\n")
    assert outcome.output is not None
    assert outcome.output["changed"] is False
    assert "unchanged" in outcome.output["message"]
    assert outcome.output["workspace"] == given_workspace(tree).reference


def test_a_diff_for_another_tree_changes_nothing_at_all(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    before = digest(tree)
    good = file_diff("run.sh", "#!/bin/sh\necho one\n", "#!/bin/sh\necho two\n")
    with pytest.raises(Failure) as caught:
        apply(good + file_diff("app.py", "other\n", "text\n"), tree, tmp_path)
    assert caught.value.code == "agent.diff_does_not_apply"
    assert digest(tree) == before


def test_a_file_below_a_file_does_not_apply(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    with pytest.raises(Failure) as caught:
        apply(file_diff("run.sh/inside", None, "x\n"), tree, tmp_path)
    assert caught.value.code == "agent.diff_does_not_apply"
    with pytest.raises(Failure) as caught:
        apply(file_diff("sub dir", None, "x\n"), tree, tmp_path / "tree")
    assert caught.value.code == "agent.diff_does_not_apply"


def test_what_the_workspace_says_to_git_is_not_heard(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    (tree / ".gitattributes").write_text("* ident working-tree-encoding=UTF-16 eol=crlf\n")
    (tree / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {tmp_path}/ran\n\tautocrlf = true\n")
    diff = file_diff("run.sh", "#!/bin/sh\necho one\n", "#!/bin/sh\n# $Id$\n")
    applied = apply(diff, tree, tmp_path)
    assert applied.changed == ("run.sh",)
    assert (tree / "run.sh").read_bytes() == b"#!/bin/sh\n# $Id$\n"
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_no_utf8_can_be_patched_and_taken_back(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    original = b"caf\xe9\n1\n2\n3\n4\n5\nlast\n"
    (tree / "latin.txt").write_bytes(original)
    diff = "--- a/latin.txt\n+++ b/latin.txt\n@@ -6,2 +6,2 @@\n 5\n-last\n+end\n"
    applied = apply(diff, tree, tmp_path)
    assert (tree / "latin.txt").read_bytes() == original.replace(b"last", b"end")
    apply(applied.rollback.decode(), tree, tmp_path)
    assert (tree / "latin.txt").read_bytes() == original


LINE = st.text(alphabet="ab\r\x0c\u2028ä+- \\", max_size=4)
TEXT = st.builds(
    lambda lines, end: "\n".join(lines) + end, st.lists(LINE, max_size=12), st.sampled_from(["", "\n"])
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=st.none() | TEXT, after=st.none() | TEXT)
def test_any_change_of_text_survives_the_way_through_git_and_back(
    before: str | None, after: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    tree = root / "tree"
    tree.mkdir()
    if before is not None:
        (tree / "f.txt").write_bytes(before.encode())
    start = digest(tree)
    diff = file_diff("f.txt", before, after)
    assert (diff == "") == (before == after)
    if not diff:
        return
    applied = apply(diff, tree, root)
    found = (tree / "f.txt").read_bytes().decode() if (tree / "f.txt").exists() else None
    assert found == after
    apply(applied.rollback.decode(), tree, root)
    assert digest(tree) == start
