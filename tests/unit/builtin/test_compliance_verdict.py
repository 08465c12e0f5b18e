"""From files to a verdict: who is charged, who is excused, what is said of each rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.builtin.compliance_checker.answer import summary
from airlock_agents.builtin.compliance_checker.examination import Examiner, Wanted
from airlock_agents.builtin.compliance_checker.facts import Breach, TextFile
from airlock_agents.builtin.compliance_checker.licences.judgement import Licences
from airlock_agents.builtin.compliance_checker.policy import Policy
from airlock_agents.builtin.compliance_checker.policy_document import read_policy
from airlock_agents.builtin.compliance_checker.rules.rule import SCOPES, Scope
from airlock_agents.builtin.compliance_checker.tree import Placed, Tree, whole
from airlock_agents.builtin.compliance_checker.verdict import Verdict, exceptions, judge, rules_applied
from airlock_agents.builtin.findings.files import Source, list_sources

TODAY = date(2026, 11, 20)
KEY = "-----BEGIN RSA PRIVATE KEY-----\nbm8=\n"


class Detectors:
    """Notes what it is asked about; in each file that it searches in blocks it sees a password."""

    def __init__(self) -> None:
        self.read: list[TextFile] = []
        self.searched: list[Source] = []

    def __call__(self, file: TextFile) -> list[Breach]:
        self.read.append(file)
        return []

    def in_blocks(self, place: Path, source: Source) -> tuple[list[Breach], str | None]:
        self.searched.append(source)
        return [Breach("secrets.password", 3, "a password", secret=True)], "only up to line 7"


def examined(root: Path, policy: Policy, *scopes: Scope) -> tuple[Verdict, Tree]:
    asked = frozenset(scopes or SCOPES)
    examiner = Examiner(root, Wanted(asked, policy), None)
    sources = list(list_sources(root))
    tree = Tree([one.path for one in sources], Licences())
    tree.kinds["workspace"] = 1
    for one in sources:
        if not one.skipped:
            tree.take(examiner.examine(one))
    return judge([*tree.placed, *whole(tree, root, sources, policy)], policy, asked, TODAY), tree


def told(root: Path, *scopes: Scope, **policy: Any) -> dict[str, set[str]]:
    verdict, _ = examined(root, read_policy({"version": 1, **policy}), *scopes)
    by_file: dict[str, set[str]] = {}
    for one in verdict.violations:
        by_file.setdefault(one.file, set()).add(one.rule.partition(".")[2])
    return by_file


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def test_files_that_nobody_means_to_commit(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".env": "DB_PASSWORD=tulip-orbit-92\n",
            ".env.example": "DB_PASSWORD=\n",
            "id_rsa": KEY,
            "public.pem": "-----BEGIN CERTIFICATE-----\n",
            "a.pem": KEY,
            "shop.sqlite": b"SQLite format 3\0" + b"x" * 100,
            "notes.db": "plain text",
            "big.bin": b"\0" * (2 * 1024 * 1024),
            "left.txt": "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n",
            "heading.md": "Title\n=======\n",
        },
    )
    found = told(tmp_path, "files", rules={"files.large-binary": {"options": {"max_mb": 1}}})
    assert {file: rules for file, rules in found.items() if (tmp_path / file).exists()} == {
        ".env": {"environment-file"},
        "id_rsa": {"private-key"},
        "a.pem": {"private-key"},
        "shop.sqlite": {"database"},
        "big.bin": {"large-binary"},
        "left.txt": {"merge-conflict"},
    }


def test_usual_files_are_found_where_platforms_look_for_them(tmp_path: Path) -> None:
    usual = [
        "readme.rst",
        "docs/SECURITY.md",
        ".github/CODEOWNERS",
        ".gitignore",
        "HISTORY",
        ".gitlab-ci.yml",
        "LICENSE",
    ]
    write(tmp_path, dict.fromkeys(usual, "x"))
    assert told(tmp_path, "files") == {}
    for one in usual:
        (tmp_path / one).unlink()
    assert len(told(tmp_path, "files")) == 7


def test_files_that_the_policy_asks_for(tmp_path: Path) -> None:
    write(tmp_path, {"justfile": "x"})
    required = ["docs/*.md", ["Makefile", "justfile"]]
    found = told(tmp_path, "files", required_files=required)
    assert [file for file, rules in found.items() if "required-missing" in rules] == ["docs/*.md"]


def test_a_lock_may_lie_beside_its_manifest_or_above(tmp_path: Path) -> None:
    package = '{"private": true, "dependencies": {"a": "^1"}}'
    write(tmp_path, {"web/package.json": package, "requirements.txt": "a>=1\n"})
    assert {"web/package.json", "requirements.txt"} <= told(tmp_path, "files").keys()
    write(tmp_path, {"yarn.lock": "", "requirements.txt": "a==1\n"})
    assert not {"web/package.json", "requirements.txt"} & told(tmp_path, "files").keys()


def test_an_ignore_file_excuses_copying_everything(tmp_path: Path) -> None:
    write(tmp_path, {"a/Dockerfile": "FROM scratch\nCOPY . /\nUSER 1\n"})
    assert told(tmp_path, "containers") == {"a/Dockerfile": {"copies-everything"}}
    write(tmp_path, {"a/.dockerignore": "*"})
    assert told(tmp_path, "containers") == {}


def test_test_code_and_others_code_is_charged_softly(tmp_path: Path) -> None:
    bad = "FROM alpine:latest\nUSER root\n"
    write(tmp_path, {"tests/Dockerfile": bad, "vendor/x/Dockerfile": bad, "Dockerfile": bad})
    verdict, _ = examined(tmp_path, Policy(), "containers")
    loud = {(one.file, one.severity) for one in verdict.violations if one.rule == "containers.runs-as-root"}
    assert loud == {("Dockerfile", "HIGH"), ("tests/Dockerfile", "LOW"), ("vendor/x/Dockerfile", "LOW")}
    louder = read_policy({"version": 1, "rules": {"containers.runs-as-root": "CRITICAL"}})
    verdict, _ = examined(tmp_path, louder, "containers")
    assert verdict.by_severity["CRITICAL"] == 3


def test_an_exception_excuses_and_is_accounted_for(tmp_path: Path) -> None:
    write(tmp_path, {"a.Dockerfile": "FROM a:1\n", "b/b.Dockerfile": "FROM a:1\n"})
    rule = "containers.runs-as-root"
    policy = read_policy(
        {
            "version": 1,
            "exceptions": [
                {"rule": rule, "paths": ["**"], "reason": "was", "expires": "2026-11-19"},
                {"rule": rule, "paths": ["b/**"], "reason": "is", "expires": "2026-11-20"},
                {"rule": rule, "paths": ["c/**"], "reason": "never"},
            ],
        }
    )
    verdict, _ = examined(tmp_path, policy, "containers")
    assert (verdict.excused, verdict.by_rule[rule]) == (1, 1)
    rows = exceptions(verdict, policy, TODAY)
    assert [(one["status"], one["violations"]) for one in rows] == [
        ("expired", 0),
        ("used", 1),
        ("unused", 0),
    ]
    assert [one.more["excepted"] for one in verdict.violations][-1] is True
    assert verdict.failing(policy, strict=False) == 1
    assert verdict.failing(policy, strict=True) == verdict.total


def test_every_rule_is_accounted_for_or_says_why_not(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a:1\nRUN sudo x\nUSER 1\n"})
    policy = read_policy({"version": 1, "rules": {"containers.healthcheck-missing": "off"}})
    verdict, tree = examined(tmp_path, policy, "containers", "ci")
    rows = {
        one["id"]: one for one in rules_applied(verdict, policy, frozenset({"containers", "ci"}), tree.kinds)
    }
    assert (rows["containers.sudo"]["violations"], rows["containers.sudo"]["checked"]) == (1, 1)
    assert rows["containers.healthcheck-missing"]["reason"] == "the policy turns it off"
    assert rows["ci.permissions-missing"]["reason"] == "there is no GitHub workflow"
    assert rows["files.readme-missing"]["reason"] == "its scope was not asked for"


def test_an_action_that_is_used_often_is_one_violation(tmp_path: Path) -> None:
    steps = "      - uses: tea/brew@v1\n" * 3
    write(tmp_path, {".github/workflows/a.yml": f"permissions: {{}}\njobs:\n  a:\n    steps:\n{steps}"})
    verdict, _ = examined(tmp_path, Policy(), "ci")
    assert [(one.line, one.message) for one in verdict.violations] == [
        (5, "tea/brew is pinned by the tag v1 only (3 times).")
    ]


def test_suppressed_violations_are_counted_also_beyond_those_that_are_kept(
    tmp_path: Path,
) -> None:
    write(tmp_path, {f"{n}/Dockerfile": "FROM a:1\nRUN sudo x  # nosec\nUSER 1\n" for n in range(5)})
    wanted = read_policy({"version": 1, "rules": {"containers.sudo": "HIGH"}})
    verdict, _ = examined(tmp_path, wanted, "containers")
    few = replace(verdict, violations=verdict.violations[:1])
    assert summary(few, 5)["suppressed"] == 5


def test_detectors_of_secrets_are_given_lines_that_are_cut_for_others(tmp_path: Path) -> None:
    text = "x" * 9_000 + " far behind\n"
    write(tmp_path, {"bundle.min.js": text})
    detectors = Detectors()
    examiner = Examiner(tmp_path, Wanted(frozenset({"secrets"}), Policy()), detectors)
    examiner.examine(Source("bundle.min.js"))
    assert [one.whole for one in detectors.read] == [text]


@pytest.mark.parametrize(
    "source", [Source("tea.dump", skipped="larger", in_blocks=True), Source("web/package-lock.json")]
)
def test_what_is_too_large_to_be_read_and_what_is_a_lock_file_is_searched_for_secrets_in_blocks(
    source: Source, tmp_path: Path
) -> None:
    write(tmp_path, {source.path: "x\n"})
    detectors = Detectors()
    examiner = Examiner(tmp_path, Wanted(frozenset({"secrets"}), Policy()), detectors)
    examined = examiner.examine(source)
    assert (detectors.read, detectors.searched) == ([], [source])
    assert [one.rule for one in examined.said if isinstance(one, Breach)] == ["secrets.password"]
    assert str(examined.skipped).endswith("only up to line 7")


def test_a_file_that_brought_the_checks_down_is_searched_for_secrets_in_blocks_and_for_a_while(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"bomb.yaml": "a\nb\nc\n"})
    detectors = Detectors()
    examiner = Examiner(tmp_path, Wanted(frozenset({"secrets"}), Policy()), detectors)
    examined = examiner.plain_looks()["secrets"](Source("bomb.yaml"))
    assert (detectors.read, [one.path for one in detectors.searched]) == ([], ["bomb.yaml"])
    assert [(one.rule, one.line) for one in examined.said if isinstance(one, Breach)] == [
        ("secrets.password", 3)
    ]
    assert examined.skipped == "only up to line 7"


def test_a_violation_is_known_by_the_same_id_under_any_policy(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM a:1\nRUN sudo x\nRUN sudo x\nUSER 1\n"})
    ids = {}
    policies: dict[str, dict[str, Any]] = {
        "default": {},
        "louder": {"rules": {"containers.sudo": "HIGH"}},
        "excused": {"exceptions": [{"rule": "containers.sudo", "paths": ["*"], "reason": "r"}]},
    }
    for name, policy in policies.items():
        verdict, _ = examined(tmp_path, read_policy({"version": 1, **policy}), "containers")
        ids[name] = {one.line: one.id for one in verdict.violations if one.rule == "containers.sudo"}
    assert ids["default"].keys() == {2, 3}
    assert len(set(ids["default"].values())) == 2
    assert ids["default"] == ids["louder"] == ids["excused"]


def test_a_check_that_passes_because_of_where_things_stand_says_so(tmp_path: Path) -> None:
    write(tmp_path, {"vendor/Dockerfile": "FROM a:1\n", "tests/Dockerfile": "FROM a:1\n"})
    verdict, _ = examined(tmp_path, Policy(), "containers")
    assert verdict.failing(Policy(), strict=False) == 0
    assert summary(verdict, 0)["aside_below_fail_on"] == 2  # containers.runs-as-root is HIGH
    assert summary(verdict, verdict.total, strict=True)["aside_below_fail_on"] == 0
    everywhere = read_policy({"version": 1, "rules": {"containers.runs-as-root": "HIGH"}})
    verdict, _ = examined(tmp_path, everywhere, "containers")
    assert (verdict.failing(everywhere, strict=False), verdict.aside) == (2, 0)


def test_what_folds_into_another_rule_counts_for_the_ids_all_the_same() -> None:
    said = [
        Placed("a.yml", Breach(rule, line, "m", secret=True), "password")
        for rule, line in (
            ("secrets.password", 1),
            ("containers.plain-password", 1),
            ("secrets.password", 2),
        )
    ]
    whole = judge(said, Policy(), frozenset(SCOPES), TODAY).violations
    alone = judge(said, Policy(), frozenset({"secrets"}), TODAY).violations
    assert [one.id for one in whole if one.line == 2] == [one.id for one in alone if one.line == 2]


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        (".github/workflows/a.yml", "a: [", "not valid YAML"),
        ("compose.yaml", "services: {a: {image: [}", "not valid YAML"),
        ("Dockerfile", b"\x7fELF" + b"\0" * 100, "binary"),
    ],
)
def test_what_a_runner_obeys_and_nobody_can_read_is_a_violation(
    path: str, content: str | bytes, reason: str, tmp_path: Path
) -> None:
    write(tmp_path, {path: content})
    verdict, _ = examined(tmp_path, Policy())
    (one,) = [one for one in verdict.violations if one.rule == "files.unreadable"]
    assert one.file == path
    assert reason in one.message
