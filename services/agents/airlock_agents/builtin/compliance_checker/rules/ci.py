"""The rules about pipelines: GitHub Actions, GitLab CI and Jenkins."""

from __future__ import annotations

from .rule import Kind, Rule

_GITHUB: tuple[Kind, ...] = ("GitHub workflow",)
_ALL: tuple[Kind, ...] = ("GitHub workflow", "GitLab pipeline", "Jenkinsfile")

CI = (
    Rule(
        "ci.action-unpinned",
        "MEDIUM",
        "Actions of others are pinned by commit",
        "A tag or branch can be moved to other code, which then runs with the workflow's secrets.",
        "Name the full commit, with the version in a comment.",
        _GITHUB,
        options={"trusted": ("actions", "github")},
    ),
    Rule(
        "ci.foreign-code-with-secrets",
        "CRITICAL",
        "Code from outside does not run with secrets",
        "On pull_request_target and workflow_run the workflow has secrets and a token that may write, and "
        "here it checks out what anybody proposed.",
        "Use pull_request, or do not check out the proposed code.",
        _GITHUB,
    ),
    Rule(
        "ci.permissions-missing",
        "MEDIUM",
        "Workflows say what their token may do",
        "Without it the token has the repository's default, which may be everything.",
        "Start with permissions: contents: read, and add what a job needs to that job.",
        _GITHUB,
    ),
    Rule(
        "ci.permissions-all",
        "HIGH",
        "No token may write everything",
        "Any step, also of others' actions, can push code, releases and packages.",
        "Name the permissions that the job needs.",
        _GITHUB,
    ),
    Rule(
        "ci.script-injection",
        "HIGH",
        "Texts from outside do not become commands",
        "The text is pasted into the script before the shell reads it: a title can be a command.",
        "Hand it in through env and use the variable in quotes.",
        _GITHUB,
    ),
    Rule(
        "ci.secret-printed",
        "HIGH",
        "No secret is printed",
        "Logs are kept, and masking misses every changed spelling.",
        "Do not print it; hand it in through env or stdin.",
        _ALL,
    ),
    Rule(
        "ci.secret-in-variables",
        "HIGH",
        "No secret stands in a pipeline file",
        "Everybody who can read the repository can use it.",
        "Keep it in the platform's secrets, masked and protected.",
        _ALL,
    ),
    Rule(
        "ci.pipe-to-shell",
        "MEDIUM",
        "Nothing fetched is run unseen",
        "Who controls the address runs code in the pipeline, beside its secrets.",
        "Fetch the file, compare its checksum, then run it; or use a package.",
        _ALL,
    ),
    Rule(
        "ci.image-latest",
        "MEDIUM",
        "Images of jobs have a version",
        "Each run may get another image.",
        "Name a version, better with its digest.",
        _ALL,
    ),
    Rule(
        "ci.self-hosted-runner",
        "LOW",
        "Proposed code does not run on machines of one's own",
        "On a public repository anybody can propose code, and such runners keep what it leaves.",
        "Use throw-away runners for pull requests.",
        _GITHUB,
    ),
    Rule(
        "ci.security-job-optional",
        "MEDIUM",
        "Security checks can fail a pipeline",
        "A check whose failure is allowed is read by nobody.",
        "Remove allow_failure (continue-on-error), and record exceptions in the tool.",
        ("GitHub workflow", "GitLab pipeline"),
    ),
)
