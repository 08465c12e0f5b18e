"""The patterns of `.gitignore`: matched as the library matches them, and at once whatever they are."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from airlock_client.ignore_rules import IgnoreFiles, is_named, without_retries
from airlock_client.working_tree import list_folder
from airlock_sdk import WorkspaceError
from hypothesis import example, given
from hypothesis import strategies as st
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern
from work_trees import git, put

PATTERNS = st.lists(
    st.sampled_from(
        ["a", "b", "*", "*", "**", "/", "/**/", "?", "[ab]", "[!b]", "[[:alpha:]]", "\\*", "!", "."]
    ),
    min_size=1,
    max_size=9,
).map("".join)
PATHS = st.lists(st.text("ab.*", min_size=1, max_size=6), min_size=1, max_size=5).map("/".join)


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")  # of the library's own expression
@given(pattern=PATTERNS, path=PATHS)
@example(pattern="a/**/b/**/c*d*e", path="a/bx/b/x/cddee")
@example(pattern="**/a/b/**/b*a*b", path="x/a/bb/a/b/bbaab/a")
def test_an_expression_without_retries_says_the_same(pattern: str, path: str) -> None:
    try:
        regex, _ = GitIgnoreSpecPattern.pattern_to_regex(pattern)
    except GitIgnorePatternError:
        return
    if regex is None:
        return
    regex = regex.replace("[^b]", "(?!/)[^b]")  # in git's words a set has no slash in it
    for one in (path, f"{path}/"):
        assert bool(re.match(without_retries(regex), one)) == bool(re.match(regex, one))


@given(pattern=PATTERNS)
def test_of_each_segment_no_more_than_one_star_is_tried_again(pattern: str) -> None:
    try:
        regex, _ = GitIgnoreSpecPattern.pattern_to_regex(pattern)
    except GitIgnorePatternError:
        return
    if regex is None:
        return
    quick = without_retries(regex)
    assert quick.count("(?:.+/)?") + quick.count("(?:/.+)?") <= 2
    for segment in quick.replace("[^/]*", "*STAR*").replace("[^/]", "").split("/"):
        assert re.sub(r"\(\?>\*STAR\*\?", "", segment).count("*STAR*") <= 1


@pytest.mark.parametrize(
    "line",
    [
        "*a" * 12 + "b",
        "*[ab]" * 12 + "c",
        "*[!c]" * 12 + "c",
        "*[[:alpha:]]" * 12 + "0",
        "*\\a" * 12 + "b",
        "*a?" * 12 + "b",
        "*" * 200 + "b",
        "!" + "*a" * 12 + "b",
        "**/a/" * 12 + "b",
        "/**/*a*a*a*a" * 12 + "/b",
    ],
)
def test_no_line_of_a_repository_hangs_the_listing(
    processor_seconds: Callable[[Callable[[], object]], float], tmp_path: Path, line: str
) -> None:
    put(tmp_path, ".gitignore", f"*.log\n{line}\n")
    rules = [("", IgnoreFiles().read(tmp_path / ".gitignore", 0))]
    paths = ["a" * 250, "a/" * 500 + "a", f"{'a' * 200}/" * 5 + "a"]
    named: list[bool] = []
    assert processor_seconds(lambda: named.extend(is_named(path, rules) for path in paths)) < 1
    assert named == [False] * 3


def test_many_stars_still_match_as_git_says(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    lines = ["a*b*c*d*e", "x*y*z*/", "deep/**/a*/**/b*c*d", "!axbxcxd*e"]
    put(tmp_path, ".gitignore", "\n".join(lines))
    for name in (
        "abcde",
        "aXbXcXdXe",
        "axbxcxde",
        "abced",
        "xyz/in",
        "xyz",
        "deep/a/b/bcd",
        "deep/1/ab/2/bbccdd",
    ):
        if not (tmp_path / name).exists():
            put(tmp_path, name)
    said = set(git(tmp_path, "ls-files", "--others", "--exclude-standard").split())
    assert set(list_folder(tmp_path).paths) == said


def test_patterns_are_bounded_in_a_file_in_a_folder_and_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, ".gitignore", "# why\n\na\nb\n")
    put(tmp_path, "one/.gitignore", "c\n")
    put(tmp_path, "two/.gitignore", "d\n")
    monkeypatch.setattr("airlock_client.ignore_rules.MAX_IN_FORCE", 3)
    monkeypatch.setattr("airlock_client.ignore_rules.MAX_PATTERNS", 4)
    monkeypatch.setattr("airlock_client.ignore_rules.MAX_IGNORE_BYTES", 11)
    assert len(list_folder(tmp_path).paths) == 3
    for name, most in (("MAX_IN_FORCE", 2), ("MAX_PATTERNS", 3), ("MAX_IGNORE_BYTES", 10)):
        with monkeypatch.context() as less:
            less.setattr(f"airlock_client.ignore_rules.{name}", most)
            with pytest.raises(WorkspaceError, match="--with-ignored tries none"):
                list_folder(tmp_path)
            assert len(list_folder(tmp_path, with_ignored=True).paths) == 3


def test_what_is_no_pattern_names_nothing(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "!\n[b-a]\n[[&&~~||]x\n/**/[[:x\na.py\n")
    put(tmp_path, "a.py")
    put(tmp_path, "b.py")
    assert list_folder(tmp_path).paths == (".gitignore", "b.py")
