"""Files that a repository needs: the usual ones, and those that the policy asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..facts import Breach
from ..globs import matches
from ..policy import Required

# The rule, what satisfies it at the top or in the folders that platforms look into, and where it is missed.
_IN = r"(?:(?:docs|\.github|\.gitlab)/)?"
_USUAL = (
    ("files.readme-missing", r"(?:(?:docs|\.github)/)?readme(?:\.\w{1,12}){0,2}", "README.md"),
    (
        "files.security-policy-missing",
        _IN + r"security(?:\.\w{1,12})?",
        "SECURITY.md",
    ),
    ("files.code-owners-missing", r"(?:(?:docs|\.github|\.gitlab)/)?codeowners", "CODEOWNERS"),
    ("files.gitignore-missing", r"\.gitignore|\.hgignore", ".gitignore"),
    (
        "files.changelog-missing",
        (
            r"(?:docs/)?(?:changelog|changes|history|news|releases?)(?:\.\w{1,12})?|(?:changelog\.d|\.changeset|changes)/.*"
            r"|docs/(?:.*/)?(?:changelog|changes|history|release[-_]notes)(?:\.\w{1,12}|/.*)?"
        ),
        "CHANGELOG.md",
    ),
    (
        "files.ci-missing",
        (
            r"\.github/workflows/.+\.ya?ml|\.gitlab-ci\.ya?ml|jenkinsfile|\.circleci/config\.ya?ml|azure-pipelines\.ya?ml"
            r"|\.travis\.ya?ml|bitbucket-pipelines\.ya?ml|\.drone\.ya?ml|\.woodpecker(?:\.ya?ml|/.*)|\.buildkite/.*"
            r"|\.teamcity/.*|appveyor\.ya?ml|\.cirrus\.ya?ml|\.ci/.*|\.builds/.*|\.forgejo/workflows/.*|\.gitea/workflows/.*"
            r"|cloudbuild\.ya?ml|buildspec\.ya?ml"
        ),
        ".github/workflows/ci.yml",
    ),
)
_PATTERNS = tuple((rule, re.compile(pattern, re.IGNORECASE), place) for rule, pattern, place in _USUAL)


def missing(paths: Sequence[str], required: Sequence[Required]) -> Iterator[Breach]:
    """Say which files are not there; each violation names the place where the file would be, and no line."""
    for rule, pattern, place in _PATTERNS:
        if not any(pattern.fullmatch(path) for path in paths):
            what = "pipeline of any platform that is known here" if rule == "files.ci-missing" else place
            yield Breach(rule, 0, f"There is no {what}.", file=place)
    for one in required:
        if not any(matches(pattern, path) for pattern in one.any_of for path in paths):
            wanted = " or ".join(one.any_of)
            said = f"The policy asks for {wanted}."
            yield Breach("files.required-missing", 0, said, file=one.any_of[0] if one.any_of else "")
