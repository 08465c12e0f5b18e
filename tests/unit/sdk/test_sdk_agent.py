"""An action runs on frames, and whatever happens in it ends in exactly one final frame."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk import Agent, Context, Failure, ProtocolError
from airlock_sdk.testing import Given, given_workspace, read_outcome, request_bytes, run_action


@dataclass
class Item:
    name: str
    count: int = 1


@dataclass
class Order:
    items: list[Item]
    note: str | None = None


@dataclass
class Receipt:
    total: int
    names: list[str] = field(default_factory=list)


def make_agent(function: Any) -> Agent:
    agent = Agent()
    agent.action("do")(function)
    return agent


def serve_bytes(agent: Agent, raw: bytes, scratch: Path) -> bytes:
    out = io.BytesIO()
    agent.serve(io.BytesIO(raw), out, scratch)
    return out.getvalue()


def test_an_action_answers_its_output_byte_for_byte(tmp_path: Path) -> None:
    outcome = run_action(make_agent(lambda inputs, ctx: {"ä": inputs["n"]}), "do", {"n": 1}, scratch=tmp_path)
    assert outcome.raw_output == '{"ä":1}'.encode()


def test_dataclasses_go_in_and_out(tmp_path: Path) -> None:
    def sell(order: Order, ctx: Context) -> Receipt:
        return Receipt(sum(item.count for item in order.items), [item.name for item in order.items])

    inputs = {"items": [{"name": "tea", "count": 2}, {"name": "cup"}]}
    outcome = run_action(make_agent(sell), "do", inputs, scratch=tmp_path)
    assert outcome.output == {"total": 3, "names": ["tea", "cup"]}


def test_an_input_that_the_dataclass_does_not_know_is_a_failure_with_its_place(tmp_path: Path) -> None:
    def sell(order: Order, ctx: Context) -> Receipt:
        return Receipt(0)

    outcome = run_action(make_agent(sell), "do", {"items": [{"nome": "tea"}]}, scratch=tmp_path)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.input_unexpected"
    assert "/items/0" in outcome.failure["message"]


def test_logs_and_progress_arrive_in_order_before_the_result(tmp_path: Path) -> None:
    def talk(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.log("info", "started", file="a\udcff.py")
        ctx.progress("half", 0.5)
        ctx.progress("beyond", 7)
        return {"attempt": ctx.attempt, "key": ctx.idempotency_key, "left": (ctx.remaining() or 0) > 0}

    outcome = run_action(make_agent(talk), "do", {}, scratch=tmp_path)
    assert outcome.logs[0]["fields"] == {"file": "a\udcff.py"}
    assert [one.get("fraction") for one in outcome.progress] == [0.5, 1.0]
    assert outcome.output == {"attempt": "test-run/node/1", "key": "test-run/node", "left": True}


def test_a_log_line_too_long_is_cut_and_not_lost(tmp_path: Path) -> None:
    def talk(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.log("info", "m" * 100_000, big="x" * 100_000)
        return {}

    (line,) = run_action(make_agent(talk), "do", {}, scratch=tmp_path).logs
    assert line["cut"] is True
    assert len(line["message"]) == 8192


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("value", [float("nan"), 10**5000, Unspeakable()], ids=["nan", "huge", "unspeakable"])
def test_words_beside_the_work_that_are_no_json_are_left_out_and_change_nothing(
    value: Any, tmp_path: Path
) -> None:
    def talk(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.log("info", "measured", value=value)
        raise Failure("agent.not_today", "come back", details={"value": value})

    outcome = run_action(make_agent(talk), "do", {}, scratch=tmp_path)
    (line,) = outcome.logs
    assert (line["message"], line["cut"], "fields" in line) == ("measured", True, False)
    assert outcome.failure is not None
    assert (outcome.failure["code"], outcome.failure["message"]) == ("agent.not_today", "come back")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Failure("agent.busy", ValueError("in use")), ("agent.busy", "in use")),  # type: ignore[arg-type]
        (Failure("agent.busy", Mute()), ("agent.busy", "Mute")),  # type: ignore[arg-type]
        (Mute(), ("agent.error", "Mute: Mute")),
    ],
    ids=["an error for a message", "one without a text", "an exception without a text"],
)
def test_whatever_is_raised_is_told_in_a_frame(
    raised: Exception, told: tuple[str, str], tmp_path: Path
) -> None:
    def refuse(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        raise raised

    failure = run_action(make_agent(refuse), "do", {}, scratch=tmp_path).failure
    assert failure is not None
    assert (failure["code"], failure["message"]) == told


def test_an_exception_is_a_failure_with_a_short_traceback(tmp_path: Path) -> None:
    def broken(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {"x": 1 // 0}

    outcome = run_action(make_agent(broken), "do", {}, scratch=tmp_path)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.error"
    assert "ZeroDivisionError" in outcome.failure["message"]
    assert outcome.failure["details"]["traceback"][-1].endswith(" broken")


def test_leaving_the_process_is_a_failure_too(tmp_path: Path) -> None:
    def leave(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        raise SystemExit(0)

    outcome = run_action(make_agent(leave), "do", {}, scratch=tmp_path)
    assert outcome.failure is not None
    assert outcome.failure["message"] == "SystemExit: 0"


def test_a_failure_keeps_its_code_and_details(tmp_path: Path) -> None:
    def refuse(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        raise Failure("agent.not_today", "come back", retryable=True, details={"when": "tomorrow"})

    outcome = run_action(make_agent(refuse), "do", {}, scratch=tmp_path)
    assert outcome.failure == {
        "type": "failure",
        "code": "agent.not_today",
        "message": "come back",
        "retryable": True,
        "details": {"when": "tomorrow"},
    }


@pytest.mark.parametrize("code", ["not_today", "agent.", "agent.Not", "internal.oops", ""])
def test_a_failure_code_of_another_shape_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="failure code"):
        Failure(code, "x")


@pytest.mark.parametrize("output", [None, [1], {"x": float("nan")}, {"x": object()}, {"x": "\ud800"}])
def test_an_output_that_is_no_json_object_is_a_failure(output: Any, tmp_path: Path) -> None:
    outcome = run_action(make_agent(lambda inputs, ctx: output), "do", {}, scratch=tmp_path)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.output_invalid"


def test_an_unknown_action_names_the_known_ones(tmp_path: Path) -> None:
    outcome = run_action(make_agent(lambda inputs, ctx: {}), "paint", {}, scratch=tmp_path)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.unknown_action"
    assert "do" in outcome.failure["message"]


def test_artifacts_come_in_by_pointer_and_go_out_by_reference(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "a.txt").write_text("hello")

    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        folder = ctx.workspace()
        assert ctx.workspace("/workspace") == folder
        text = ctx.artifact("/letter").read_text()
        (folder / "sub" / "b.txt").write_text(text)
        return {
            "tree": ctx.put_workspace(folder),
            "file": ctx.put_artifact("b.txt", folder / "sub" / "b.txt", "text/plain"),
            "bytes": ctx.put_artifact("raw", b"raw"),
        }

    letter = Given("/letter", b"dear", "text/plain")
    outcome = run_action(
        make_agent(work), "do", {}, scratch=tmp_path / "scratch", given=[given_workspace(tree), letter]
    )
    assert outcome.output is not None
    assert outcome.artifact(outcome.output["file"]) == b"dear"
    assert outcome.artifact(outcome.output["bytes"]) == b"raw"
    (tree / "sub" / "b.txt").write_text("dear")
    assert outcome.output["tree"] == given_workspace(tree).reference


def test_an_artifact_is_also_found_by_the_reference_that_stands_in_the_input(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    given = given_workspace(tmp_path / "tree")

    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        assert ctx.workspace(inputs["workspace"]) == ctx.workspace("/workspace")
        with pytest.raises(KeyError, match="no artifact of the input; there are: /workspace"):
            ctx.artifact({"artifact": "sha256:"})
        return {}

    inputs = {"workspace": given.reference}
    outcome = run_action(make_agent(work), "do", inputs, scratch=tmp_path / "scratch", given=[given])
    assert outcome.output == {}, outcome.failure


@pytest.mark.parametrize(("name", "kind"), [("../x", "a/b"), ("", "a/b"), ("x", "text"), ("x", "a/b; c=d")])
def test_an_artifact_that_the_host_would_refuse_is_the_author_s_mistake(
    name: str, kind: str, tmp_path: Path
) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {"it": ctx.put_artifact(name, b"", kind)}

    outcome = run_action(make_agent(work), "do", {}, scratch=tmp_path)
    assert outcome.failure is not None
    assert "ValueError" in outcome.failure["message"]
    assert outcome.artifacts == {}


def test_asking_for_an_artifact_that_did_not_come_names_those_that_did(tmp_path: Path) -> None:
    def work(inputs: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with pytest.raises(KeyError, match="/letter"):
            ctx.artifact("/other")
        with pytest.raises(KeyError, match="0 workspaces"):
            ctx.workspace()
        with pytest.raises(KeyError, match="no workspace"):
            ctx.workspace("/letter")
        return {}

    assert (
        run_action(make_agent(work), "do", {}, scratch=tmp_path, given=[Given("/letter", b"")]).output == {}
    )


def test_a_workspace_that_breaks_a_rule_is_a_failure_that_names_it(tmp_path: Path) -> None:
    bad = Given("/workspace", b"\1" * 1024, "application/x-tar")
    outcome = run_action(make_agent(lambda inputs, ctx: {}), "do", {}, scratch=tmp_path, given=[bad])
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.workspace_refused"
    assert "POSIX tar" in outcome.failure["details"]["rule"]


def test_an_artifact_with_other_bytes_than_its_digest_is_refused(tmp_path: Path) -> None:
    parts = list(request_bytes("do", {}, [Given("/a", b"good")]))
    raw = b"".join(parts[:-1]) + b"evil"
    outcome = read_outcome(io.BytesIO(serve_bytes(make_agent(lambda i, c: {}), raw, tmp_path)))
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.protocol"
    assert "damaged" in outcome.failure["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"x" * 70_000 + b"\n",
        b"[]\n",
        b"\xff\n",
        b"[" * 60_000 + b"\n",
        b'{"type":"request","v":2,"size":2,"artifacts":[]}\n{}',
        b'{"type":"request","v":1,"size":-1}\n',
        b'{"type":"request","v":1,"size":99999999}\n',
        b'{"type":"request","v":1,"size":true}\n{}',
        b'{"type":"request","v":1,"size":5}\n{}',
        b'{"type":"request"',
    ],
)
def test_a_host_that_does_not_speak_the_protocol_gets_a_failure(raw: bytes, tmp_path: Path) -> None:
    outcome = read_outcome(io.BytesIO(serve_bytes(make_agent(lambda i, c: {}), raw, tmp_path)))
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.protocol"


def test_a_host_that_hangs_up_before_asking_gets_only_ready(tmp_path: Path) -> None:
    said = serve_bytes(make_agent(lambda i, c: {}), b"", tmp_path)
    assert [json.loads(line)["type"] for line in said.splitlines()] == ["ready"]
    with pytest.raises(ProtocolError, match="without a final frame"):
        read_outcome(io.BytesIO(said))


def test_the_same_action_name_twice_is_a_mistake() -> None:
    agent = make_agent(lambda i, c: {})
    with pytest.raises(ValueError, match="already"):
        agent.action("do")(lambda i, c: {})
