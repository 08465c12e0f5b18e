"""Pipelines: what hands secrets or commands to strangers, and what only looks like it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

import pytest
from airlock_agents.builtin.compliance_checker.ci.github import check_workflow, is_workflow
from airlock_agents.builtin.compliance_checker.ci.gitlab import check_pipeline
from airlock_agents.builtin.compliance_checker.ci.jenkins import check_jenkinsfile
from airlock_agents.builtin.compliance_checker.facts import Breach, TextFile
from airlock_agents.builtin.compliance_checker.yaml_nodes import read_documents

SHA = "0123456789abcdef0123456789abcdef01234567"


def workflow(text: str, *, public: bool = False) -> list[tuple[str, int, str | None]]:
    (document,) = read_documents(textwrap.dedent(text))
    said = check_workflow(document, trusted=("actions", "github"), public=public)
    return [(one.rule.partition(".")[2], one.line, one.severity) for one in said]


def step(text: str, trigger: str = "push") -> set[str]:
    head = f"on: {trigger}\npermissions: {{}}\njobs:\n  a:\n    runs-on: x\n    steps:\n"
    return {rule for rule, _, _ in workflow(head + textwrap.indent(textwrap.dedent(text), "      "))}


@pytest.mark.parametrize(
    ("uses", "severity"),
    [
        (f"tea/brew@{SHA}", "none"),
        ("./.github/actions/own", "none"),
        ("actions/checkout@v4", "LOW"),
        ("tea/brew@v2.1", None),
        ("tea/brew@release/v1", None),
        ("tea/brew@main", "HIGH"),
        ("tea/brew", "HIGH"),
    ],
)
def test_an_action_is_judged_by_what_pins_it(uses: str, severity: str | None) -> None:
    said = workflow(f"on: push\npermissions: {{}}\njobs: {{a: {{steps: [{{uses: {uses}}}]}}}}\n")
    assert [one[2] for one in said] == ([] if severity == "none" else [severity])


@pytest.mark.parametrize(
    ("trigger", "ref", "rules"),
    [
        ("pull_request_target", "${{ github.event.pull_request.head.sha }}", {"foreign-code-with-secrets"}),
        ("workflow_run", "${{ github.event.workflow_run.head_branch }}", {"foreign-code-with-secrets"}),
        ("pull_request", "${{ github.event.pull_request.head.sha }}", set()),
        ("pull_request_target", "main", set()),
    ],
)
def test_foreign_code_is_told_only_where_secrets_are(trigger: str, ref: str, rules: set[str]) -> None:
    assert step(f"- uses: actions/checkout@{SHA}\n  with: {{ref: '{ref}'}}\n", trigger) == rules


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("echo ${{ github.event.issue.title }}", {"script-injection"}),
        ("git checkout ${{ github.head_ref }}", {"script-injection"}),
        ("echo ${{ format('{0}', github.event.comment.body) }}", {"script-injection"}),
        ("echo ${{ github.event.pull_request.number }} ${{ github.sha }}", set()),
        ("echo ${{ secrets.TOKEN }}", {"secret-printed"}),
        ("echo ${{ secrets.TOKEN }} | docker login --password-stdin", set()),
        ("echo ${{ secrets.KEY }} > key.pem", set()),
        ("echo ::add-mask::${{ secrets.TOKEN }}", set()),
        ("deploy --token ${{ secrets.TOKEN }}", set()),
        ("curl -s https://x | bash", {"pipe-to-shell"}),
        ("curl -s https://x | jq .", set()),
    ],
)
def test_a_script_breaks_the_rules_that_it_breaks(line: str, rules: set[str]) -> None:
    assert step(f"- run: |\n    true\n    {line}\n") == rules


def test_places_inside_scripts_are_told() -> None:
    said = workflow(
        f"""\
        on: push
        permissions: {{}}
        jobs:
          a:
            steps:
              - uses: actions/github-script@{SHA}
                with:
                  script: |
                    one()
                    two("${{{{ github.event.issue.body }}}}")
        """
    )
    assert said == [("script-injection", 10, None)]


def test_permissions_are_said_for_all_or_for_each_job() -> None:
    jobs = "jobs: {a: {permissions: {}, steps: []}, b: {steps: []}}\n"
    assert [one[0] for one in workflow("on: push\n" + jobs)] == ["permissions-missing"]
    assert workflow("on: push\npermissions: read-all\n" + jobs) == []
    assert workflow("on: push\njobs: {a: {permissions: {}, steps: []}}\n") == []
    assert [one[0] for one in workflow("on: push\npermissions: write-all\n" + jobs)] == ["permissions-all"]


def test_a_machine_of_ones_own_matters_where_strangers_propose() -> None:
    text = "on: [{}]\npermissions: {{}}\njobs: {{a: {{runs-on: [self-hosted, x]}}}}\n"
    assert [one[0] for one in workflow(text.format("pull_request"))] == ["self-hosted-runner"]
    assert workflow(text.format("pull_request"), public=True)[0][2] == "MEDIUM"
    assert workflow(text.format("push")) == []


def test_a_security_check_must_be_able_to_fail() -> None:
    assert step("- {name: Trivy scan, run: trivy, continue-on-error: true}\n") == {"security-job-optional"}
    assert step("- {name: lint, run: lint, continue-on-error: true}\n") == set()


def test_values_of_secrets_in_the_environment() -> None:
    assert step("- {run: x, env: {API_TOKEN: tulip-orbit-92}}\n") == {"secret-in-variables"}
    assert step("- {run: x, env: {API_TOKEN: '${{ secrets.T }}', TOKEN_NAME: x9}}\n") == set()


def test_workflows_and_composite_actions_are_known_by_their_places() -> None:
    yes = [".github/workflows/ci.yml", "action.yml", ".github/actions/a/action.yaml"]
    no = ["sub/.github/workflows/ci.yml", ".github/workflows/sub/ci.yml", "src/action.yml"]
    assert [is_workflow(one) for one in yes + no] == [True] * 3 + [False] * 3


def test_a_gitlab_pipeline_breaks_the_rules_that_it_breaks() -> None:
    (document,) = read_documents(
        textwrap.dedent("""\
        image: python
        variables: {DEPLOY_TOKEN: tulip-orbit-92, MODE: fast}
        sast: {script: [scan], allow_failure: true}
        lint: {image: 'x:1', script: [lint], allow_failure: true}
        deploy:
          services: [{name: 'docker:latest'}]
          script:
            - curl https://x | sh
            - echo $DEPLOY_TOKEN
            - echo $DEPLOY_TOKEN | login
            - !reference [.x, script]
        """)
    )
    assert {(one.rule.partition(".")[2], one.line) for one in check_pipeline(document)} == {
        ("image-latest", 1),
        ("secret-in-variables", 2),
        ("security-job-optional", 3),
        ("image-latest", 6),
        ("pipe-to-shell", 8),
        ("secret-printed", 9),
    }


def test_a_jenkinsfile_is_read_by_lines() -> None:
    lines = (
        "agent { docker { image 'maven' } }",
        "environment { API_TOKEN = 'tulip-orbit-92' }",
        "// PASSWORD = 'tulip-orbit-92'",
        "environment { API_TOKEN = credentials('api') }",
        "sh 'curl https://x | sh'",
        'sh "echo ${API_TOKEN}"',
    )
    said = check_jenkinsfile(TextFile("Jenkinsfile", lines))
    assert {(one.rule.partition(".")[2], one.line) for one in said} == {
        ("image-latest", 1),
        ("secret-in-variables", 2),
        ("pipe-to-shell", 5),
        ("secret-printed", 6),
    }


def test_a_file_that_breaks_rules_on_all_its_lines_is_told_in_no_time(
    processor_seconds: Callable[[Callable[[], object]], float],
) -> None:
    assert processor_seconds(_tell_of_twenty_thousand_lines) < 10


def _tell_of_twenty_thousand_lines() -> None:
    lines = ["curl x|sh; true ${{ github.event.issue.title }}", "echo $API_TOKEN"] * 10_000
    script = textwrap.indent("\n".join(lines), " " * 8)

    def last(said: Iterable[Breach]) -> dict[str, int]:
        return {one.rule: one.line for one in said}

    assert last(check_jenkinsfile(TextFile("Jenkinsfile", tuple(lines))))["ci.pipe-to-shell"] == 19_999
    (document,) = read_documents(f"check:\n  script:\n    - |\n{script}\n")
    assert last(check_pipeline(document))["ci.pipe-to-shell"] == 20_002
    assert last(check_pipeline(document))["ci.secret-printed"] == 20_003
    (document,) = read_documents(f"on: push\njobs:\n  a:\n    steps:\n    - run: |\n{script}\n")
    said = last(check_workflow(document, trusted=(), public=False))
    assert said["ci.pipe-to-shell"] == said["ci.script-injection"] == 20_004
