"""What a stdio agent can do wrong, each in a real container, and what becomes of it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import docker
import pytest
from airlock_agents.sandbox.outcome import Failed, Outcome, Success
from airlock_agents.sandbox.ports import SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes

RunAgent = Callable[..., Awaitable[Outcome]]


def failed(outcome: Outcome, code: str) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.code == code, outcome
    return outcome


async def test_an_agent_gets_its_input_and_its_output_is_kept_byte_for_byte(run_shell: RunAgent) -> None:
    document = {"name": 'Zoë "quoted" \\ 日本 \u2028'}
    outcome = await run_shell("cat; printf '  \\n'", document)
    assert isinstance(outcome, Success)
    assert outcome.output == json.dumps(document).encode() + b"  \n"
    assert outcome.usage.start_ms is not None
    assert outcome.usage.run_ms is not None


COMPUTES = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print({}) if CODE == 0 else CODE))
while time.process_time() < 0.3:
    pass
signal.pause()
"""


@pytest.mark.parametrize("code", [0, 7])
async def test_what_an_agent_computed_is_known_although_it_ends_by_itself(
    sandboxes: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    docker_client: docker.DockerClient,
    code: int,
) -> None:
    """Where the engine's cgroups are to be seen, as on every machine whose engine is its own."""
    spec = spec_of(["python3", "-c", COMPUTES.replace("CODE", str(code))])
    sandbox = await sandboxes.open(spec)
    asking = asyncio.create_task(sandbox.invoke(request_of(None), recorder, recorder))
    async with asyncio.timeout(15):
        while (sandbox.usage.cpu_ms or 0) < 300:
            await asyncio.sleep(0.01)
    filters: dict[str, str | list[str] | bool] = {"label": f"airlock.sandbox={spec.sandbox}"}
    (container,) = await asyncio.to_thread(docker_client.containers.list, filters=filters)
    await asyncio.to_thread(container.kill, "SIGTERM")
    outcome = await asking
    await sandbox.close()
    assert isinstance(outcome, Success if code == 0 else Failed)
    assert outcome.usage.cpu_ms is not None
    assert 300 <= outcome.usage.cpu_ms < 15_000
    assert outcome.usage.peak_memory_bytes is not None
    assert outcome.usage.peak_memory_bytes > 2**20


@pytest.mark.parametrize("printed", ["not json at all", '{"a":1} {"b":2}', "NaN", "\\377\\376"])
async def test_what_an_agent_printed_is_passed_on_unjudged(run_shell: RunAgent, printed: str) -> None:
    outcome = await run_shell(f"printf '{printed}'")
    assert isinstance(outcome, Success)
    assert outcome.output == printed.replace("\\377\\376", "\udcff\udcfe").encode(errors="surrogateescape")


async def test_exit_0_without_output_fails(run_shell: RunAgent) -> None:
    found = failed(await run_shell("cat >/dev/null; echo note >&2"), "output.invalid_json")
    assert "printed nothing" in found.failure.message
    assert found.stderr_tail == "note\n"


async def test_an_exit_code_fails_and_output_and_log_are_kept(run_shell: RunAgent) -> None:
    found = failed(await run_shell("echo '{}'; echo why >&2; exit 7"), "exit.nonzero")
    assert found.failure.details == {"exit_code": 7}
    assert found.raw_output == b"{}\n"
    assert found.stderr_tail == "why\n"


async def test_an_agent_that_does_not_read_its_input_is_judged_by_its_end(run_shell: RunAgent) -> None:
    outcome = await run_shell("exec <&-; echo '{}'", {"large": "x" * 500_000})
    assert isinstance(outcome, Success)
    assert outcome.output == b"{}\n"


async def test_50_mb_of_output_is_cut_off_at_once(run_shell: RunAgent) -> None:
    began = time.monotonic()
    found = failed(await run_shell("head -c 52428800 /dev/zero; sleep 60", output_kb=64), "output.too_large")
    assert time.monotonic() - began < 15
    assert found.raw_output == b"\0" * 16384


@pytest.mark.parametrize("over", [0, 1])
async def test_the_output_limit_is_exact(run_shell: RunAgent, over: int) -> None:
    outcome = await run_shell(f"head -c {65536 + over} /dev/zero", output_kb=64)
    if over:
        failed(outcome, "output.too_large")
    else:
        assert isinstance(outcome, Success)
        assert len(outcome.output) == 65536


async def test_a_huge_log_keeps_its_end(run_shell: RunAgent) -> None:
    outcome = await run_shell("head -c 20000000 /dev/zero | tr '\\0' x >&2; echo end >&2; echo 1")
    assert isinstance(outcome, Success)
    assert outcome.output == b"1\n"
    assert outcome.stderr_tail.startswith("[19983620 bytes before this]\n")
    assert len(outcome.stderr_tail) <= 16384


async def test_escape_sequences_in_a_log_are_made_visible(run_shell: RunAgent) -> None:
    outcome = await run_shell("printf '\\033[2Jgone' >&2; echo 1")
    assert outcome.stderr_tail == "\\u001b[2Jgone"


async def test_using_too_much_memory_is_named(run_python: RunAgent) -> None:
    found = failed(
        await run_python("x = bytearray(200 << 20)", protocol="stdio", memory_mb=32), "memory.exceeded"
    )
    assert found.failure.details == {"memory_mb": 32}


async def test_a_child_killed_for_its_memory_fails_the_attempt(run_python: RunAgent) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(200<<20)']); print('{}')"
    failed(await run_python(code, protocol="stdio", memory_mb=48), "memory.exceeded")


async def test_scratch_counts_as_memory(run_shell: RunAgent) -> None:
    failed(
        await run_shell("head -c 60000000 /dev/zero >/tmp/a; echo 1", memory_mb=32, scratch_mb=64),
        "memory.exceeded",
    )


async def test_a_fork_bomb_stays_in_its_box(run_python: RunAgent) -> None:
    code = """
import os, time
count = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError:
    print(count)
"""
    outcome = await run_python(code, protocol="stdio", pids=32)
    assert isinstance(outcome, Success)
    assert int(outcome.output) < 32


async def test_forking_without_end_ends_with_its_time(run_python: RunAgent) -> None:
    code = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    began = time.monotonic()
    failed(await run_python(code, protocol="stdio", seconds=2, pids=32, cpus=0.5), "timeout.exceeded")
    assert time.monotonic() - began < 12


@pytest.mark.parametrize(
    "script",
    ["sleep 60", "trap '' TERM INT HUP; sleep 60 & wait; sleep 60", "exec >&- 2>&-; sleep 60"],
    ids=["sleeps", "ignores SIGTERM", "closes stdout and lingers"],
)
async def test_an_agent_without_an_answer_ends_with_its_time(run_shell: RunAgent, script: str) -> None:
    began = time.monotonic()
    found = failed(await run_shell(f"echo begun; {script}", seconds=3), "timeout.exceeded")
    assert time.monotonic() - began < 12
    assert found.failure.details == {"timeout_seconds": 3}
    assert found.raw_output == b"begun\n"


async def test_the_manifests_time_limit_counts_when_it_is_shorter(run_shell: RunAgent) -> None:
    found = failed(await run_shell("sleep 60", seconds=50, timeout_seconds=1), "timeout.exceeded")
    assert found.failure.details == {"timeout_seconds": 1}


async def test_being_killed_from_outside_is_no_verdict_on_the_agent(run_shell: RunAgent) -> None:
    found = failed(await run_shell("kill -9 $$"), "sandbox.lost")
    assert found.failure.retryable


async def test_a_command_that_is_not_there_does_not_start(
    sandboxes: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
) -> None:
    outcome = await sandboxes.run(spec_of(["no-such-command"]), request_of(None), recorder, recorder)
    found = failed(outcome, "start.failed")
    assert "no-such-command" in found.failure.message
    assert not found.failure.retryable
