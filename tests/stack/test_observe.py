"""`make observe` itself, as it is: an install of its own, work, an alert, and every question answered."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

OBSERVE = Path(__file__).parents[2] / "observability" / "observe.py"
SECONDS = 540
"""It takes a minute where nothing else runs, and ends in eight at most, saying what is missing."""
END_SECONDS = 30
"""For ending all that it started."""


@pytest.mark.timeout(SECONDS + 60)
async def test_observe_shows_where_every_signal_arrived_and_why_a_run_failed(tmp_path: Path) -> None:
    code, shown, said = await observed(tmp_path)
    assert (code, [line for line in said.splitlines() if "missing" in line]) == (0, []), said
    for process in ("orchestration", "agent-host"):
        assert re.search(rf"^metrics +{process} +Prometheus +[1-9]\d* metrics", shown, re.MULTILINE)
        for kind in ("traces", "logs", "metrics"):
            assert re.search(rf"^{kind} +{process} +OTLP sink +[1-9]\d* ", shown, re.MULTILINE), shown
    assert "Alertmanager  AirlockDeadLetters (P3)" in shown
    assert re.search(
        r"^alerts +Alertmanager +Airlock +[1-9]\d* runs of alert-notification$", shown, re.MULTILINE
    )
    assert "runs of observed-bad: 4 FAILED\n" in shown
    (run,) = re.findall(r"^Why did run (\S+) of observed-bad fail\?$", shown, re.MULTILINE)
    why = shown.partition(f"Why did run {run}")[2].partition("\n\n")[0]
    assert "this will not end well fail 1\n" in why  # as Loki would show it
    assert "invoke_agent observed (orchestration)\n" in why  # as Tempo would
    assert f"$ airlock runs explain {run}\n" in why
    assert "fail failed with agent.broken: as it was told to" in why
    assert f"$ airlock logs {run}\n" in why
    assert "warning: this will not end well" in why


async def observed(folder: Path) -> tuple[int | None, str, str]:
    """Its exit code, what it showed and what it said meanwhile: as far as it came, where it hung."""
    shown, said = folder / "shown", folder / "said"
    with shown.open("wb") as stdout, said.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(OBSERVE),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")},
        )
        code = None
        try:
            async with asyncio.timeout(SECONDS):
                code = await process.wait()
        except TimeoutError:
            process.send_signal(signal.SIGTERM)  # it ends all that it started
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    return code, shown.read_text(encoding="utf-8"), said.read_text(encoding="utf-8")
