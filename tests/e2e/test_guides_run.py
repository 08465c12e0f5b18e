"""The guides, done as they say, in a folder of one's own, with a running install."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from airlock_client.local import shipped
from airlock_contracts.statuses import Verdict
from e2e_install import Install
from guide_commands import GuideBroken, run_guide, steps

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
MADE = ("line-counter", "word-count")


@pytest.fixture
def no_images_of_the_guides(docker_engine: docker.DockerClient) -> Iterator[None]:
    """Take away the names that the guides give to images, when they are done."""
    yield
    for name in MADE:
        for image in docker_engine.images.list(name=name):
            for tag in image.tags:
                docker_engine.images.remove(tag)


@pytest.mark.timeout(300)  # some twenty commands, each an interpreter of its own
@pytest.mark.usefixtures("no_images_of_the_guides")
async def test_an_agent_is_written_built_tried_registered_and_used_as_the_guide_says(
    install: Install, tmp_path: Path
) -> None:
    guide = GUIDES / "writing-an-agent.md"
    typed = await asyncio.to_thread(
        run_guide, guide, folder=tmp_path, environment=environment(install), seconds=270
    )
    assert typed == guide.read_text().count("\n$ ")


@pytest.mark.timeout(200)
@pytest.mark.parametrize("page", ["writing-a-workflow.md", "deciding-well.md"])
async def test_a_workflow_is_written_and_a_gate_decided_as_the_guides_say(
    install: Install, tmp_path: Path, page: str
) -> None:
    await shipped.register(install.client, tmp_path, await shipped.image_names(), lambda _: None)
    guide = GUIDES / page
    typed = await asyncio.to_thread(
        run_guide, guide, folder=tmp_path, environment=environment(install), seconds=170
    )
    assert typed == guide.read_text().count("\n$ ")


@pytest.mark.timeout(300)  # some thirty commands, each an interpreter of its own
@pytest.mark.parametrize("page", ["troubleshooting.md", "runbooks/incident-response.md"])
async def test_somebody_who_is_stuck_can_type_what_the_pages_say(
    install: Install, tmp_path: Path, page: str
) -> None:
    await shipped.register(install.client, tmp_path, await shipped.image_names(), lambda _: None)
    ends_badly, waits = [
        (await install.client.trigger("approval-only", {"question": question})).id
        for question in ("Shall this end badly?", "Shall this wait?")
    ]
    asked = await install.until_asked(ends_badly, "tell")
    await install.client.decide(asked.id, Verdict.REJECTED, asked.payload_sha256)
    await install.until_final(ends_badly)
    await install.until_asked(waits, "tell")
    typed = await asyncio.to_thread(
        run_guide, GUIDES.parent / page, folder=tmp_path, environment=environment(install), seconds=270
    )
    assert typed == (GUIDES.parent / page).read_text().count("\n$ ")


@pytest.mark.timeout(120)
async def test_an_install_is_looked_at_and_given_keys_as_the_page_of_deployment_says(
    install: Install, tmp_path: Path
) -> None:
    page = GUIDES.parent / "deployment.md"
    typed = await asyncio.to_thread(
        run_guide, page, folder=tmp_path, environment=environment(install), seconds=100
    )
    assert typed == page.read_text().count("\n$ ")


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
