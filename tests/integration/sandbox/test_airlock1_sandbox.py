"""airlock/1 with real containers: the SDK's side of it, and agents that lie in frames."""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.sandbox.airlock1 import ArtifactMismatch
from airlock_agents.sandbox.docker import Containers
from airlock_agents.sandbox.engine import Engine
from airlock_agents.sandbox.outcome import Failed, Outcome, Success
from airlock_agents.sandbox.ports import InputArtifact, SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes

RunAgent = Callable[..., Awaitable[Outcome]]

READY = r"""
import json, sys, time
out = sys.stdout.buffer
def send(header, body=b""):
    out.write(json.dumps(header).encode() + b"\n" + body)
    out.flush()
def ready(): send({"type": "ready", "protocol": "airlock/1", "sdk": "0"})
def request():
    header = json.loads(sys.stdin.buffer.readline())
    return header, sys.stdin.buffer.read(header["size"])
"""


def failed(outcome: Outcome, code: str) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.code == code, outcome
    return outcome


async def test_the_sdk_and_the_host_speak_the_same_protocol(run_python: RunAgent, recorder: Any) -> None:
    code = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs: dict, ctx) -> dict:
    print("printed, and no frame")
    ctx.log("info", "working", files=3)
    return {"got": inputs}
agent.run()
"""
    outcome = await run_python(code, {"a": [1, "ü"]})
    assert isinstance(outcome, Success), outcome
    assert json.loads(outcome.output) == {"got": {"a": [1, "ü"]}}
    assert ("info", "working", {"files": 3}) in recorder.logs
    assert outcome.usage.peak_memory_bytes is None or outcome.usage.peak_memory_bytes > 1_000_000


async def test_an_artifact_that_breaks_off_ends_the_agent_with_the_reason_and_nothing_is_read_into_it(
    run_python: RunAgent, recorder: Any
) -> None:
    code = """
import os
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs: dict, ctx) -> dict:
    path = ctx.scratch / "tree" / "large"
    path.parent.mkdir()
    path.write_bytes(bytes(3_000_000))
    read = os.open
    def shorten(name, *rest, **more):
        os.truncate(path, 1_500_000)
        return read(name, *rest, **more)
    os.open = shorten
    try:
        ctx.put_workspace(path.parent)
    except Exception:
        os.open = read
        return {"all": "well"}
agent.run()
"""
    outcome = failed(await run_python(code, {}), "exit.nonzero")
    said = "`artifact workspace.tar` broke off (WorkspaceError: 'large': the file became shorter"
    assert said in outcome.stderr_tail
    assert recorder.names == []


async def test_an_agent_is_told_who_it_is_and_what_to_do(run_python: RunAgent) -> None:
    code = READY + (
        "ready(); header, body = request(); data = json.dumps(header).encode();"
        "send({'type': 'result', 'size': len(data)}, data)"
    )
    outcome = await run_python(code, {"x": 1})
    assert isinstance(outcome, Success), outcome
    header = json.loads(outcome.output)
    run, node, number = header["attempt"].split("/")
    assert (node, number) == ("scan", "1")
    assert header["invocation"] == header["idempotency_key"] == f"{run}/scan"
    assert (header["type"], header["v"], header["action"]) == ("request", 1, "go")
    assert header["artifacts"] == []


async def test_a_workspace_streams_in_and_an_artifact_streams_out(
    run_python: RunAgent, recorder: Any
) -> None:
    data = bytes(range(256)) * 4 * 20_000  # 20 MB
    ref = recorder.keep(data)
    code = READY + (
        "ready(); header, body = request(); size = header['artifacts'][0]['size'];"
        "data = sys.stdin.buffer.read(size);"
        "send({'type': 'progress', 'message': 'half', 'fraction': 0.5});"
        "tar = {'type': 'artifact', 'name': 'copy.tar', 'media_type': 'application/x-tar', 'size': size};"
        "send(tar, data);"
        "send({'type': 'result', 'size': 2}, b'{}')"
    )
    artifacts = (InputArtifact(pointer="/workspace", ref=ref),)
    outcome = await run_python(code, {"workspace": ref.model_dump()}, artifacts=artifacts)
    assert isinstance(outcome, Success), outcome
    assert outcome.artifacts == (ref,)
    assert recorder.names == ["copy.tar"]
    assert recorder.progress_seen == [("half", 0.5)]


async def test_neither_side_waits_for_the_other_to_finish_talking(
    run_python: RunAgent, recorder: Any
) -> None:
    ref = recorder.keep(b"x" * 5_000_000)
    code = READY + (
        "ready(); big = b'y' * 5_000_000;"
        "send({'type': 'artifact', 'name': 'a', 'media_type': 'text/plain', 'size': len(big)}, big);"
        "header, body = request(); data = sys.stdin.buffer.read(header['artifacts'][0]['size']);"
        "send({'type': 'result', 'size': 1}, b'1')"
    )
    outcome = await run_python(code, artifacts=(InputArtifact(pointer="", ref=ref),))
    assert isinstance(outcome, Success), outcome


async def test_an_answer_before_the_request_was_read_is_an_answer(
    run_python: RunAgent, recorder: Any
) -> None:
    ref = recorder.keep(b"x" * 5_000_000)
    code = READY + "ready(); send({'type': 'result', 'size': 1}, b'1'); time.sleep(60)"
    outcome = await run_python(code, artifacts=(InputArtifact(pointer="", ref=ref),))
    assert isinstance(outcome, Success), outcome


async def test_an_agents_own_failure_is_of_kind_agent(run_python: RunAgent) -> None:
    code = READY + (
        "ready(); request(); send({'type': 'failure', 'code': 'repo.unreadable', 'message': 'no\\x1b[1m',"
        "'retryable': True, 'details': {'path': 'a\\x00b'}})"
    )
    failure = failed(await run_python(code), "repo.unreadable").failure
    assert (failure.kind, failure.retryable) == ("agent", True)
    assert failure.message == "no\\u001b[1m"


@pytest.mark.parametrize("said", ["NOT A CODE", r"agent.busy\n"])
async def test_a_code_that_is_no_code_becomes_agent_error(run_python: RunAgent, said: str) -> None:
    code = READY + f"ready(); request(); send({{'type': 'failure', 'code': '{said}', 'message': 'm'}})"
    assert failed(await run_python(code), "agent.error").failure.kind == "agent"


async def test_nothing_counts_after_the_final_frame(run_python: RunAgent, recorder: Any) -> None:
    code = READY + (
        "ready(); request(); send({'type': 'result', 'size': 1}, b'1');"
        "send({'type': 'log', 'message': 'late'}); send({'type': 'failure', 'code': 'a.b', 'message': ''});"
        "out.write(b'rubbish'); out.flush(); time.sleep(60)"
    )
    began = time.monotonic()
    outcome = await run_python(code)
    assert isinstance(outcome, Success), outcome
    assert outcome.output == b"1"
    assert recorder.logs == []
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ("out.write(b'rubbish\\n'); out.flush()", "no JSON"),
        ("send({'type': 'result', 'size': -1})", "no count of bytes"),
        (
            "send({'type': 'artifact', 'name': 'a', 'media_type': 'a/b', 'size': 1 << 30})",
            "at most 268435456",
        ),
        ("send({'type': 'exec'})", "unknown type"),
        ("ready()", "a second ready"),
        ("out.write(b'x' * 70000); out.flush()", "longer than"),
        (
            "send({'type': 'artifact', 'name': '../../etc/passwd', 'media_type': 'a/b', 'size': 1}, b'1')",
            "artifact's name",
        ),
        ("send({'type': 'artifact', 'name': 'a', 'media_type': 'x\\r\\ny', 'size': 0})", "media type"),
        (r"send({'type': 'artifact', 'name': 'a', 'media_type': 'a/b\n', 'size': 0})", "media type"),
        (r"send({'type': 'artifact', 'name': 'a\n', 'media_type': 'a/b', 'size': 0})", "artifact's name"),
        (
            "[send({'type': 'artifact', 'name': 'a', 'media_type': 'a/b', 'size': 0}) for _ in range(65)]",
            "more than 64 artifacts",
        ),
        # A size that is too small: its rest is taken for a header.
        ("send({'type': 'artifact', 'name': 'a', 'media_type': 'a/b', 'size': 2}, b'abcdef\\n')", "no JSON"),
    ],
)
async def test_an_agent_that_breaks_the_protocol_is_ended(run_python: RunAgent, says: str, said: str) -> None:
    began = time.monotonic()
    found = failed(await run_python(READY + f"ready(); request(); {says}; time.sleep(60)"), "agent.protocol")
    assert said in found.failure.message
    assert found.raw_output.startswith(b'{"type": "ready"')
    assert time.monotonic() - began < 10


async def test_a_result_over_the_manifests_limit_is_not_even_read(run_python: RunAgent) -> None:
    code = READY + "ready(); request(); send({'type': 'result', 'size': 65537}); time.sleep(60)"
    failed(await run_python(code, output_kb=64), "output.too_large")


async def test_ending_inside_a_frame_tells_nobody_a_broken_artifact(
    run_python: RunAgent, recorder: Any
) -> None:
    code = READY + (
        "ready(); request();"
        "send({'type': 'artifact', 'name': 'half', 'media_type': 'a/b', 'size': 1000}, b'only this')"
    )
    found = failed(await run_python(code), "agent.protocol")
    assert "gave no result" in found.failure.message
    assert recorder.broken == ["half"]
    assert found.artifacts == ()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print('hello')", "agent.protocol"),
        ("import json; print(json.dumps({'type': 'ready', 'protocol': 'airlock/2'}))", "agent.protocol"),
        ("import json; print(json.dumps({'type': 'log', 'message': ''}))", "agent.protocol"),
        ("raise SystemExit(3)", "exit.nonzero"),
        ("raise ImportError('no such module')", "exit.nonzero"),
        ("pass", "agent.protocol"),
        ("bytearray(200 << 20)", "memory.exceeded"),
    ],
)
async def test_an_agent_that_never_is_ready_fails(run_python: RunAgent, code: str, expected: str) -> None:
    failed(await run_python(code, memory_mb=64), expected)


async def test_a_traceback_is_in_the_log_of_an_agent_that_could_not_begin(run_python: RunAgent) -> None:
    found = failed(await run_python("import nothing_like_it"), "exit.nonzero")
    assert "No module named 'nothing_like_it'" in found.stderr_tail


async def test_silence_ends_with_its_time(run_python: RunAgent) -> None:
    failed(await run_python(READY + "ready(); request(); time.sleep(60)", seconds=1), "timeout.exceeded")


async def test_a_child_killed_for_its_memory_spoils_the_answer(run_python: RunAgent) -> None:
    code = READY + (
        "import subprocess; ready(); request();"
        "subprocess.run([sys.executable, '-c', 'bytearray(200 << 20)']);"
        "send({'type': 'result', 'size': 2}, b'[]')"
    )
    failed(await run_python(code, memory_mb=64), "memory.exceeded")


async def test_logs_are_dropped_after_a_limit_with_one_notice(run_python: RunAgent, recorder: Any) -> None:
    code = READY + (
        "ready(); request();"
        "[send({'type': 'log', 'level': 'shout', 'message': 'x' * 60000}) for _ in range(40)];"
        "send({'type': 'result', 'size': 1}, b'1')"
    )
    outcome = await run_python(code)
    assert isinstance(outcome, Success), outcome
    notices = [log for log in recorder.logs if log[0] == "warning"]
    assert len(notices) == 1
    assert "dropped" in notices[0][1]
    assert 10 < len(recorder.logs) < 20
    assert all(level == "info" and len(message) == 8192 for level, message, _ in recorder.logs[:10])


async def test_a_flood_of_small_frames_does_not_stop_the_clock(run_python: RunAgent) -> None:
    code = READY + 'ready(); request()\nwhile True: out.write(b\'{"type":"log","message":""}\\n\' * 1000)'
    began = time.monotonic()
    outcome = await run_python(code, seconds=2)
    assert isinstance(outcome, Failed)
    assert outcome.failure.code in ("timeout.exceeded", "agent.protocol")
    assert time.monotonic() - began < 12


async def test_what_a_host_cannot_store_ends_the_attempt_and_reaches_the_host(
    run_python: RunAgent, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise ConnectionError("the artifact store is away")

    monkeypatch.setattr(recorder, "artifact", refuse)
    code = READY + (
        "ready(); request(); send({'type': 'artifact', 'name': 'a', 'media_type': 'a/b', 'size': 1}, b'1');"
        "time.sleep(60)"
    )
    with pytest.raises(ConnectionError, match="away"):
        await run_python(code)


@pytest.mark.parametrize("stored", [b"1234", b"123456"])
async def test_an_artifact_of_the_wrong_length_ends_the_attempt(
    run_python: RunAgent, recorder: Any, stored: bytes
) -> None:
    ref = recorder.keep(b"12345")
    recorder.artifacts[ref.artifact] = stored
    code = READY + "ready(); request(); time.sleep(60)"
    with pytest.raises(ArtifactMismatch, match="is not 5 bytes"):
        await run_python(code, artifacts=(InputArtifact(pointer="", ref=ref),))


@pytest.mark.parametrize(("hungry", "answered"), [("bytearray(200 << 20)", False), ("1", True)])
async def test_where_no_cgroup_is_visible_the_engine_tells_of_a_killed_child(
    engine: Engine,
    install_id: str,
    host_id: str,
    tmp_path: Path,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    hungry: str,
    answered: bool,
) -> None:
    code = READY + (
        f"import subprocess; ready(); request(); subprocess.run([sys.executable, '-c', '{hungry}']);"
        "send({'type': 'result', 'size': 2}, b'[]'); time.sleep(60)"
    )
    elsewhere = await Containers.connect(engine, cgroups=tmp_path)
    sandboxes = Sandboxes(elsewhere, install=install_id, host=host_id, boot="boot-1")
    spec = spec_of(["python3", "-c", code], "airlock/1", memory_mb=64)
    outcome = await sandboxes.run(spec, request_of(None), recorder, recorder)
    await elsewhere.close()
    if answered:
        assert isinstance(outcome, Success), outcome
    else:
        failed(outcome, "memory.exceeded")
