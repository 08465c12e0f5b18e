"""An agent's spans: they nest, tell what failed, stay within bounds, and go to nobody who did not ask."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk import Agent, Context, Failure
from airlock_sdk.frames import MAX_HEADER
from airlock_sdk.testing import Outcome, read_outcome, request_bytes, run_action


def run(work: Any, scratch: Path) -> Outcome:
    agent = Agent()
    agent.action("do")(work)
    return run_action(agent, "do", {}, scratch=scratch)


def test_spans_nest_as_their_blocks_do_and_an_inner_one_arrives_first(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("outer"):
            with ctx.span("first"):
                pass
            with ctx.span("second"):
                pass
        with ctx.span("beside"):
            pass
        return {}

    first, second, outer, beside = run(work, tmp_path).spans
    assert [one["name"] for one in (first, second, outer, beside)] == ["first", "second", "outer", "beside"]
    assert first["parent"] == second["parent"] == outer["id"]
    assert outer["parent"] is beside["parent"] is None
    assert (
        outer["start"] <= first["start"] <= first["end"] <= second["start"] <= second["end"] <= outer["end"]
    )
    assert outer["start"] < outer["end"] <= beside["start"]
    assert outer["start"].endswith("Z")


def test_attributes_are_given_at_the_start_and_while_it_lasts(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("parse", name="attribute", files=3, ratio=0.5, cold=True) as span:
            span.set(
                files=4, **{"gen_ai.usage.input_tokens": 12}, odd=float("nan"), huge=2**80, at=Path("/x")
            )
        return {}

    (span,) = run(work, tmp_path).spans
    assert (span["name"], span["status"]) == ("parse", "ok")
    assert span["attributes"] == {
        "name": "attribute",
        "files": 4,
        "ratio": 0.5,
        "cold": True,
        "gen_ai.usage.input_tokens": 12,
        "odd": "nan",
        "huge": str(2**80),
        "at": "/x",
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyError("a secret"), "KeyError"), (Failure("agent.no_luck", "why"), "agent.no_luck")],
)
def test_an_exception_makes_a_span_an_error_without_its_message(
    error: Exception, reason: str, tmp_path: Path
) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("outer"), ctx.span("inner"):
            raise error

    outcome = run(work, tmp_path)
    assert outcome.failure is not None
    assert [one["status"] for one in outcome.spans] == ["error", "error"]
    assert [one["attributes"] for one in outcome.spans] == [{"error.type": reason}] * 2


def test_a_block_may_call_itself_failed_and_go_on(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("ask", **{f"a{number}": number for number in range(20)}) as span:
            span.fail("timeout")
        return {}

    (span,) = run(work, tmp_path).spans
    assert span["status"] == "error"
    assert len(span["attributes"]) == 16
    assert span["attributes"]["error.type"] == "timeout"


def test_a_thread_begins_anew(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        def beside() -> None:
            with ctx.span("beside"):
                pass

        with ctx.span("outer"):
            thread = threading.Thread(target=beside)
            thread.start()
            thread.join()
        return {}

    beside, outer = run(work, tmp_path).spans
    assert (beside["name"], beside["parent"], outer["name"]) == ("beside", None, "outer")


def test_the_largest_span_fits_into_a_header_line_with_all_that_is_left_of_it(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("😀" * 1000, **{f"{number:02}" + "😀" * 1000: "😀" * 1000 for number in range(20)}):
            pass
        return {}

    outcome = run(work, tmp_path)
    (span,) = outcome.spans
    assert len(json.dumps(span)) < MAX_HEADER
    assert len(span["name"]) == 128
    assert {len(value) for value in span["attributes"].values()} == {256}
    assert (len(span["attributes"]), "cut" in span) == (16, False)


def test_what_is_too_much_is_not_sent_and_how_much_it_was_is_told(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        for number in range(1000):
            with ctx.span("again", number=number):
                pass
        return {"done": True}

    outcome = run(work, tmp_path)
    assert outcome.output == {"done": True}
    assert [one["attributes"]["number"] for one in outcome.spans] == list(range(256))
    assert outcome.spans_dropped == 744


def test_the_span_around_too_many_has_its_place(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("scan"):
            for _ in range(300):
                with ctx.span("file"), ctx.span("parse"):
                    pass
        raise Failure("agent.no_luck", "and it is told all the same")

    outcome = run(work, tmp_path)
    assert outcome.failure is not None
    *_, scan = outcome.spans
    assert (scan["name"], len(outcome.spans), outcome.spans_dropped) == ("scan", 256, 345)
    ids = {one["id"] for one in outcome.spans}
    assert {one["parent"] for one in outcome.spans} - ids == {None}


def test_threads_share_the_places(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        def many() -> None:
            for _ in range(100):
                with ctx.span("one of many"):
                    pass

        threads = [threading.Thread(target=many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {}

    outcome = run(work, tmp_path)
    assert (len(outcome.spans), outcome.spans_dropped) == (256, 800 - 256)


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("value", "text"),
    [(10**5000, "int"), (Unspeakable(), "Unspeakable"), ([10**5000], "list")],
    ids=["huge", "unspeakable", "huge inside"],
)
def test_what_has_no_text_is_told_by_its_type(value: Any, text: str, tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span(value, told=value) as span:
            span.fail(value)
        return {"done": True}

    outcome = run(work, tmp_path)
    assert outcome.output == {"done": True}
    (span,) = outcome.spans
    assert span["name"] == text
    assert span["attributes"] == {"error.type": text, "told": text}


def test_a_name_that_is_no_text_hides_no_error_of_its_block(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span(None):  # type: ignore[arg-type]
            raise Failure("agent.no_luck", "why")

    outcome = run(work, tmp_path)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.no_luck"
    assert [one["name"] for one in outcome.spans] == ["None"]


@pytest.mark.parametrize("accepts", [None, [], ["other"], "span", {"span": True}])
def test_a_host_that_does_not_ask_for_spans_gets_none(accepts: Any, tmp_path: Path) -> None:
    agent = Agent()

    @agent.action("do")
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.span("unseen") as span:
            span.set(files=1)
        return {"done": True}

    line, *rest = request_bytes("do", {})
    header = json.loads(line)
    if accepts is None:
        del header["accepts"]  # as a host of an older version
    else:
        header["accepts"] = accepts
    out = io.BytesIO()
    asked = json.dumps(header).encode() + b"\n" + b"".join(rest)
    agent.serve(io.BytesIO(asked), out, tmp_path)
    outcome = read_outcome(io.BytesIO(out.getvalue()))
    assert outcome.output == {"done": True}
    assert outcome.spans == []
