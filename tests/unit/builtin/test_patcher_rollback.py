"""The rollback diff gives back the workspace byte for byte, whatever the diff did to it."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from airlock_agents.builtin.patcher.application import apply
from airlock_agents.builtin.patcher.diff import file_diff
from airlock_agents.builtin.patcher.main import agent
from airlock_agents.builtin.patcher.paths import folded
from airlock_sdk.testing import given_workspace, run_action
from airlock_sdk.workspace import pack
from hypothesis import assume, given, settings
from hypothesis import strategies as st

NAMES = [
    "a.txt",
    "b c.py",
    "\u00fcber.md",
    "d/e.txt",
    "d/f/g",
    "d/f/h i",
    "x",
    "x/y",
    "\u4f60\u597d",
    "-n",
    "a b/ c",
]
LINE = st.text(alphabet="ab\r\x0c\x1b\u2028\u00e4+-@ \\", max_size=4)
TEXT = st.builds(
    lambda lines, end: "\n".join(lines) + end,
    st.lists(LINE, max_size=12),
    st.sampled_from(["", "\n", "\r\n"]),
)


def digest(root: Path) -> str:
    return pack(root, io.BytesIO()).digest


def fits(names: set[str]) -> bool:
    """Tell whether these can be files of one tree: none below another one."""
    return not any(other.startswith(name + "/") for name in names for other in names)


def write(root: Path, files: dict[str, tuple[str, bool]]) -> None:
    root.mkdir(exist_ok=True)
    for name, (text, executable) in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o755 if executable else 0o644)


TREES = st.dictionaries(st.sampled_from(NAMES), st.tuples(TEXT, st.booleans()), max_size=6)


@settings(max_examples=120)
@given(before=TREES, after=TREES)
def test_any_change_of_a_tree_can_be_made_and_taken_back(
    before: dict[str, tuple[str, bool]], after: dict[str, tuple[str, bool]]
) -> None:
    assume(fits(set(before)) and fits(set(after)))
    assert len({folded(name) for name in NAMES}) == len(NAMES)
    # A diff changes no modes: a file that stays keeps its own.
    after = {name: (text, before.get(name, ("", mode))[1]) for name, (text, mode) in after.items()}
    diff = ""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        executable = (old or new or ("", False))[1]
        diff += file_diff(name, old and old[0], new and new[0], executable=executable)
    assume(diff != "")
    with TemporaryDirectory() as folder:
        tree, wanted = Path(folder, "tree"), Path(folder, "wanted")
        write(tree, before)
        write(wanted, after)
        start = digest(tree)
        applied = apply(diff, tree, Path(folder))
        assert digest(tree) == digest(wanted)
        back = apply(applied.rollback.decode(), tree, Path(folder))
        assert digest(tree) == start
        assert back.changed == applied.changed
        apply(back.rollback.decode(), tree, Path(folder))
        assert digest(tree) == digest(wanted)


def test_git_takes_the_rollback_too(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, {"a": ("1\n2\n3\n4\n5\n6\n7\n8", False), "gone.sh": ("x\r\n", True), "d/e": ("", False)})
    start = digest(tree)
    diff = (
        file_diff("a", "1\n2\n3\n4\n5\n6\n7\n8", "0\n1\n2\n4\n5\n6\n7\n8\n")
        + file_diff("gone.sh", "x\r\n", None, executable=True)
        + file_diff("d/e", "", "now\n")
        + file_diff("n m", None, "new")
    )
    rollback = apply(diff, tree, tmp_path).rollback
    subprocess.run(["git", "apply", "-"], cwd=tree, input=rollback, check=True)
    assert digest(tree) == start


def test_apply_takes_only_the_diff_and_the_workspace_that_were_meant(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, {"a": ("yaml.load(x)\n", False)})
    wished = [{"file": "a", "find": "load(", "replace": "safe_load("}]
    given_tree = given_workspace(tree)
    proposed = run_action(agent, "propose", {"replacements": wished}, scratch=tmp_path, given=[given_tree])
    assert proposed.output is not None
    bound = {key: proposed.output[key] for key in ("diff", "diff_sha256", "workspace_digest")}
    assert bound["workspace_digest"] == given_tree.reference["artifact"]

    done = run_action(agent, "apply", bound, scratch=tmp_path, given=[given_tree])
    assert done.output is not None, done.failure
    assert done.output["workspace_before"] == bound["workspace_digest"]
    assert done.output["diff_sha256"] == bound["diff_sha256"]

    other = {**bound, "diff": bound["diff"].replace("safe_load", "full_load")}
    refused = run_action(agent, "apply", other, scratch=tmp_path, given=[given_tree])
    assert refused.failure is not None
    assert refused.failure["code"] == "agent.diff_refused"
    assert refused.failure["details"]["rule"] == "other-diff"

    (tree / "beside").write_text("since then\n")
    moved = run_action(agent, "apply", bound, scratch=tmp_path, given=[given_workspace(tree)])
    assert moved.failure is not None
    assert moved.failure["code"] == "agent.workspace_differs"
    assert moved.artifacts == {}
