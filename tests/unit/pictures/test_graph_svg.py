"""The picture of a run: every node in words and colour, safe whatever stands in it, the same each time."""

import asyncio
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, RiskLevel, RunStatus
from airlock_contracts.views import RunView, WorkflowView
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.pictures import boxes
from airlock_orchestration.pictures.boxes import Pictures, draw_run, draw_workflow
from airlock_orchestration.pictures.svg import LOOKS, Box, Drawing, draw
from shown_runs import AT, approval, attempt, later, node, run

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>&\"'\x00\x1b\ud800"


def parsed(document: str) -> ElementTree.Element:
    return ElementTree.fromstring(document)


def texts(document: str) -> list[str]:
    return [element.text or "" for element in parsed(document).iter(f"{SVG}text")]


def review() -> RunView:
    waits = node("apply", NodeStatus.WAITING_APPROVAL, depends_on=["propose", "check"], attempts=[])
    return run(
        node("scan"),
        node("propose", depends_on=["scan"]),
        node("check", NodeStatus.RUNNING, depends_on=["scan"], attempts=[working()]),
        waits.model_copy(update={"approval": approval(), "risk_level": RiskLevel.APPROVAL_REQUIRED}),
        node("notify", NodeStatus.PENDING, depends_on=["apply", "scan"], attempts=[]),
        status=RunStatus.RUNNING,
    ).model_copy(update={"finished_at": None})


def working() -> Any:
    return attempt(AttemptStatus.RUNNING, finished_at=None, started_at=later(3))


def test_every_node_says_its_name_its_status_and_its_time_in_words() -> None:
    said = texts(draw_run(review()))
    for text in (
        "scan",
        "SUCCESS 2.0 s",
        "RUNNING since 03:04:08Z",
        "WAITING_APPROVAL",
        "asks since 03:04:05Z",
        "PENDING",
        "security-review, version 1: RUNNING",
    ):
        assert text in said, text
    assert {"SUCCESS 2", "RUNNING 1", "WAITING_APPROVAL 1", "PENDING 1", "asks a person"} <= set(said)


def test_it_can_be_read_by_who_does_not_see_it() -> None:
    document = parsed(draw_run(review()))
    assert document.get("role") == "img"
    assert document.get("aria-labelledby") == "title desc"
    description = next(document.iter(f"{SVG}desc")).text or ""
    assert description.startswith("5 nodes in 4 layers: 2 SUCCESS, 1 RUNNING, 1 WAITING_APPROVAL, 1 PENDING.")
    titles = [element.text or "" for element in document.iter(f"{SVG}title")]
    assert any(title.startswith("notify: security-scanner@1.0.0 scan\nPENDING") for title in titles)
    assert "after apply, scan" in titles[-1]


def test_the_same_run_gives_the_same_bytes() -> None:
    assert draw_run(review()) == draw_run(review().model_copy(deep=True))


DRAWS = """
import random

from airlock_contracts.statuses import NodeStatus
from airlock_orchestration.pictures.boxes import draw_run
from shown_runs import node, run

chance = random.Random(19)
print(
    draw_run(
        run(
            *(
                node(
                    f"n{at}",
                    chance.choice(list(NodeStatus)),
                    depends_on=[f"n{parent}" for parent in chance.sample(range(at), min(at, 3))],
                )
                for at in range(40)
            )
        )
    )
)
"""


def test_another_interpreter_draws_the_same_bytes() -> None:
    # What would hang on the order of a set stays the same within one process, whose hashes are the same.
    drawn = [
        subprocess.run(
            [sys.executable, "-c", DRAWS],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert drawn[0].startswith(b"<svg")
    assert drawn[0] == drawn[1]


def test_a_failure_a_retry_and_a_decision_are_told() -> None:
    failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="two\nlines")
    decided = approval(status=ApprovalStatus.APPROVED, decided_by="ada", decided_at=later(1))
    view = run(
        node("a", NodeStatus.FAILED, failure=failure, attempts=[attempt(), attempt()]),
        node("b", NodeStatus.BACKING_OFF, retry_at=later(30)),
        node("c", approval=decided),
        node("d", reused_from="x"),
    )
    said = texts(draw_run(view))
    assert {"FAILED 2.0 s, try 1", "agent.error", "BACKING_OFF until 03:04:35Z", "APPROVED by ada"} <= set(
        said
    )
    assert "reused from another run" in said


def test_text_from_outside_stays_text() -> None:
    box = Box("a", (HOSTILE,), "FAILED", told=HOSTILE)
    document = draw(Drawing(HOSTILE, HOSTILE, [box, Box('b"><x', ())], {}))
    elements = {element.tag.removeprefix(SVG) for element in parsed(document).iter()}
    assert elements == {"svg", "title", "desc", "style", "rect", "text", "g", "path"} - {"path"}
    assert any("<script>" in text for text in texts(document))
    assert not re.search("[\x00\x1b\ud800]", document)


def test_the_picture_loads_and_runs_nothing() -> None:
    document = draw_run(review())
    assert not re.search(r"href|url\(|@import|<script|\bon\w+=|http(?!://www\.w3\.org/2000/svg)", document)


@pytest.mark.parametrize("status", list(NodeStatus))
def test_each_status_has_a_mark_and_a_colour_for_light_and_dark(status: NodeStatus) -> None:
    look = LOOKS[status.value]
    document = draw_run(run(node("a", status)))
    assert look.mark in texts(document)
    for colour in (look.light, look.dark):
        assert f"{{--own:{colour}}}" in document


def test_long_names_are_cut_in_the_middle_and_whole_in_the_title() -> None:
    name = "a" * 40 + "-the-end"
    document = draw_run(run(node(name)))
    assert not any(name == text for text in texts(document))
    assert any(
        text.startswith("aaa") and text.endswith("the-end") and "…" in text for text in texts(document)
    )
    assert f"{name}: " in document


def test_a_workflow_is_drawn_the_same_without_statuses() -> None:
    spec = {
        "name": "flow",
        "description": "What it does.\nMore.",
        "nodes": [
            {"id": "a", "agent": "echo", "action": "say"},
            {"id": "b", "agent": "echo", "action": "say", "depends_on": ["a"], "approval": {}},
        ],
    }
    view = WorkflowView(
        id="1",
        project="default",
        name="flow",
        version=3,
        spec=WorkflowSpec.model_validate(spec),
        spec_sha256="0" * 64,
        created_at=AT,
        created_by="ada",
    )
    said = texts(draw_workflow(view))
    assert {"flow, version 3", "What it does.", "a", "b", "echo say", "asks a person"} <= set(said)


def test_more_edges_than_anybody_follows_are_counted_and_not_drawn() -> None:
    names = [f"n{at}" for at in range(200)]
    view = run(*(node(name, depends_on=names[:at]) for at, name in enumerate(names)))
    document = draw_run(view)
    assert f"{200 * 199 // 2} edges, too many to draw" in texts(document)
    assert 'class="edge"' not in document
    assert len(document) < 400_000
    assert "after " + ", ".join(names[:20]) + " and 179 more" in document
    few = draw_run(run(*(node(name, depends_on=names[:at]) for at, name in enumerate(names[:100]))))
    assert few.count('class="edge"') == 4950
    assert "too many" not in few


async def test_pictures_are_drawn_one_at_a_time_and_who_waits_too_long_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures, view = Pictures(), review()
    began, go_on = threading.Event(), threading.Event()

    def slow(_: RunView) -> str:
        began.set()
        go_on.wait(20)
        return "slow"

    first = asyncio.create_task(pictures.draw(slow, view))
    await asyncio.to_thread(began.wait, 20)
    first.cancel()  # its reader has left; the thread draws on
    monkeypatch.setattr(boxes, "TURN_SECONDS", 0.05)
    with pytest.raises(StoreUnavailable):
        await pictures.draw(draw_run, view)
    monkeypatch.setattr(boxes, "TURN_SECONDS", 20)
    second = asyncio.create_task(pictures.draw(draw_run, view))
    go_on.set()
    assert (await second).startswith("<svg")


def test_a_run_of_a_thousand_nodes_is_drawn_within_two_seconds(
    processor_seconds: Callable[[Callable[[], object]], float],
) -> None:
    chance = random.Random(3)
    view = run(
        *(
            node(
                f"n{at}", depends_on=[f"n{p}" for p in chance.sample(range(max(0, at - 50), at), min(at, 3))]
            )
            for at in range(1000)
        )
    )
    assert processor_seconds(lambda: draw_run(view)) < 2
    assert len(list(parsed(draw_run(view)).iter(f"{SVG}text"))) > 3000
