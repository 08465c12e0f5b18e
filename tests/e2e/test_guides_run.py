"""The guides, done as they say, in a folder of one's own, with a running install."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from airlock_client.local import shipped
from airlock_client.local.parts import run_module
from airlock_contracts.statuses import ApprovalStatus, RunStatus, Verdict
from airlock_contracts.views import ApprovalView
from e2e_install import Install
from guide_commands import GuideBroken, run_guide, steps
from inline_commands import NOT_TYPED, block_commands, inline_commands, type_inline

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
MADE = ("line-counter", "word-count")
STUCK = (GUIDES.parent / "troubleshooting.md", GUIDES.parent / "runbooks" / "incident-response.md")
DEPLOYMENT = GUIDES.parent / "deployment.md"
README = GUIDES.parents[1] / "README.md"
TOLD = (*STUCK, README, *sorted(GUIDES.glob("*.md")))
"""The pages whose text names commands too: each is typed, here or in a block of one of them."""
WAITS = (
    "airlock run WORKFLOW --context-of RUN",
    (
        "airlock run security-review --workspace FOLDER --set "
        """'kinds=["security","dependencies","quality"]'"""
    ),
)
"""What leaves a run that waits for a decision."""
INSTEAD = {
    "airlock runs cancel RUN": "airlock runs cancel WAITING",
    **{
        f"airlock approvals {verb} {one}": (
            f"airlock approvals {verb} {one} --payload $(airlock approvals show {one} --payload)"
        )
        for verb, one in (("reject", "APPROVAL"), ("approve", "ID"))
    },
    "airlock doctor --json": "airlock doctor --json || test $? = 1",  # something is wrong
    **{one: f"{one} || test $? = 5" for one in WAITS},
}
"""What readers do beside typing: choose a run that waits, answer at the terminal."""


@pytest.fixture
def no_images_of_the_guides(docker_engine: docker.DockerClient) -> Iterator[None]:
    """Take away the names that the guides give to images, when they are done."""
    yield
    for name in MADE:
        for image in docker_engine.images.list(name=name):
            for tag in image.tags:
                docker_engine.images.remove(tag)


@pytest.mark.usefixtures("no_images_of_the_guides")
async def test_an_agent_is_written_built_tried_registered_and_used_as_the_guide_says(
    install: Install, tmp_path: Path
) -> None:
    guide = GUIDES / "writing-an-agent.md"
    typed = await asyncio.to_thread(
        run_guide, guide, folder=tmp_path, environment=environment(install), seconds=500
    )
    assert typed == guide.read_text().count("\n$ ")


@pytest.mark.parametrize("page", ["writing-a-workflow.md", "deciding-well.md"])
async def test_a_workflow_is_written_and_a_gate_decided_as_the_guides_say(
    install: Install, tmp_path: Path, page: str
) -> None:
    await shipped.register(install.client, tmp_path, await shipped.image_names(), lambda _: None)
    guide = GUIDES / page
    typed = await asyncio.to_thread(
        run_guide, guide, folder=tmp_path, environment=environment(install), seconds=500
    )
    assert typed == guide.read_text().count("\n$ ")


@pytest.mark.parametrize("page", STUCK, ids=lambda page: page.stem)
async def test_somebody_who_is_stuck_can_type_what_the_pages_say(
    install: Install, tmp_path: Path, page: Path
) -> None:
    await shipped.register(install.client, tmp_path, await shipped.image_names(), lambda _: None)
    await rejected(install, "Shall this end badly?")
    await asked(install, "Shall this wait?")
    typed = await asyncio.to_thread(
        run_guide, page, folder=tmp_path, environment=environment(install), seconds=500
    )
    assert typed == sum(bool(step.command) for step in steps(await asyncio.to_thread(page.read_text)))


async def test_the_commands_within_a_page_s_text_can_be_typed_too(install: Install, tmp_path: Path) -> None:
    await shipped.register(install.client, tmp_path, await shipped.image_names(), lambda _: None)
    failed = await rejected(install, "Shall this end badly?")
    waiting, _ = await asked(install, "Shall this be cancelled?")
    _, approval = await asked(install, "Shall this be refused?")
    _, allowed = await asked(install, "Shall this be allowed?")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "reader.py").write_text("import yaml\n\nread = yaml.load(input())\n")
    filled = {
        "RUN": failed,
        "WAITING": waiting,
        "APPROVAL": approval.id,
        "ID": allowed.id,
        "AGENT": "notifier",
    }
    filled |= {"NAME": "approval-only", "FILE": "spare.key", "KEY": await made_key(install)}
    filled |= {"WORKFLOW": "approval-only", "FOLDER": "shop"}
    left = set(inline_commands(TOLD)) - block_commands((*TOLD, DEPLOYMENT))
    await asyncio.to_thread(
        type_inline,
        sorted(left - NOT_TYPED.keys()),
        filled,
        instead=INSTEAD,
        folder=tmp_path,
        environment=environment(install),
        seconds=500,
    )
    assert NOT_TYPED.keys() | INSTEAD.keys() <= left
    ended = await install.until_final(waiting)
    decided = [(await install.client.approval(one.id)).status for one in (approval, allowed)]
    assert (ended.status, *decided) == (
        RunStatus.CANCELLED,
        ApprovalStatus.REJECTED,
        ApprovalStatus.APPROVED,
    )


async def asked(install: Install, question: str) -> tuple[str, ApprovalView]:
    """Start a run that waits for a decision; answers it and its question."""
    run = (await install.client.trigger("approval-only", {"question": question})).id
    return run, await install.until_asked(run, "tell")


async def made_key(install: Install) -> str:
    """Make a key that nobody uses; answers its id."""
    made = await run_module(
        ["airlock_orchestration", "keys", "create", "--name", "doomed"],
        {"AIRLOCK_DATABASE_URL_FILE": str(install.stack.folder.path / "secrets" / "database-url")},
    )
    return str(json.loads(made)["id"])


async def rejected(install: Install, question: str) -> str:
    """Start a run and let it fail at its gate."""
    run, waits = await asked(install, question)
    await install.client.decide(waits.id, Verdict.REJECTED, waits.payload_sha256)
    await install.until_final(run)
    return run


async def test_an_install_is_looked_at_and_given_keys_as_the_page_of_deployment_says(
    install: Install, tmp_path: Path
) -> None:
    typed = await asyncio.to_thread(
        run_guide, DEPLOYMENT, folder=tmp_path, environment=environment(install), seconds=500
    )
    assert typed == DEPLOYMENT.read_text().count("\n$ ")


def environment(install: Install) -> dict[str, str]:
    """A reader's: this Airlock first on the path, the install's data folder as theirs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {
        "PATH": path,
        "AIRLOCK_HOME": str(install.stack.folder.path),
        "COLUMNS": "120",
        "PYTEST_ADDOPTS": "-p no:cacheprovider -c /dev/null",
    }


PAGE = """
```console
$ x=7; mkdir inner && cd inner
```
```yaml
# a.yaml
a: 1
```
```console
$ cat a.yaml; \\
  echo "took 12.5 s, $x of 9"
a: 1
took 3 s, 1 of 2
$ false   # exit code 1
```
"""


def test_a_guide_is_typed_into_one_shell_and_compared_loosely(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    typed = run_guide(tmp_path / "page.md", folder=tmp_path, environment=dict(os.environ))
    assert typed == 3
    assert (tmp_path / "inner" / "a.yaml").read_text() == "# a.yaml\na: 1\n"
    assert [step.exit_code for step in steps(PAGE) if step.command] == [0, 0, 1]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("$ true   # exit code 2", "ended with exit code 0, not 2"),
        ("$ echo one; echo two\ntwo\none", "shows nothing like: one"),
        ("$ echo three\nfour", "shows nothing like: four"),
        ("$ exit 3", "ended the shell"),
        ("$ sleep 60", "is not done in time"),
    ],
)
def test_a_guide_that_does_not_tell_what_happens_is_found(tmp_path: Path, block: str, said: str) -> None:
    (tmp_path / "page.md").write_text(f"```console\n{block}\n```\n")
    with pytest.raises(GuideBroken, match=said):
        run_guide(tmp_path / "page.md", folder=tmp_path, environment=dict(os.environ), seconds=3)
