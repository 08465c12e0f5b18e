"""Trying an agent: one attempt in the real sandbox, judged as a run's would be, and nothing left behind."""

import asyncio
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.author.attempt import Bench
from airlock_agents.author.manifest import read_manifest
from airlock_agents.author.timing import TimedContainers
from airlock_agents.sandbox.cgroup import Counted
from airlock_agents.sandbox.counts import LOOK_SECONDS
from airlock_agents.sandbox.engine import find_engine

BASE = "airlock-base"
ECHO = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
NUMBER = {"go": {"input_schema": ECHO, "output_schema": ECHO}}
LOOK = """
pids=$(cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null)
root=$(touch /x 2>&1)
printf '{"pids": "%s", "root": "%s"}' "$pids" "$root"
"""
TIMED = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs, ctx):
    with ctx.span("count", n=inputs["n"]):
        return inputs
agent.run()
"""
SLEEPER = ["sh", "-c", "echo started >&2; sleep 60"]


def test_a_new_agent_is_tried_and_shows_what_it_says_makes_and_takes(author: Any) -> None:
    author.new("counter")
    author.ask("agents", "build", "counter")
    done = author.airlock(
        "agents",
        "try",
        "counter",
        "--input",
        "counter/input.json",
        "--workspace",
        "counter",
        "--artifacts",
        "kept",
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["files"] == 2
    for said in (
        "progress",
        "what is printed goes to the log",
        "listing.txt",
        "SUCCESS",
        "memory",
        "of 128 MiB",
    ):
        assert said in done.stderr
    for step in ("create", "start", "ready", "run", "total", "cpu"):
        assert f"{step} " in done.stderr.splitlines()[-1]
    assert "main.py" in (author.home / "kept" / "listing.txt").read_text()


def test_the_answer_of_a_program_is_one_json_document(author: Any) -> None:
    author.agent("echo", {}, image=BASE, actions=NUMBER)
    told = author.ask("agents", "try", "echo", "--input", '{"n": 7}')
    assert (told["status"], told["output"], told["failure"]) == ("SUCCESS", {"n": 7}, None)
    assert told["timing"]["total_ms"] > told["timing"]["run_ms"] > 0
    piped = author.airlock(
        "agents", "try", "echo", "--input", "-", "--output", "answer.json", stdin='{"n":  8}'
    )
    assert piped.returncode == 0, piped.stderr
    assert (author.home / "answer.json").read_bytes() == b'{"n":  8}'


def test_an_author_sees_the_spans_that_a_run_s_trace_would_have(author: Any) -> None:
    command = ["python3", "-c", TIMED]
    author.agent("timed", {}, image=BASE, actions=NUMBER, command=command, protocol="airlock/1")
    told = author.ask("agents", "try", "timed", "--input", '{"n": 7}')
    (span,) = [event for event in told["events"] if event["event"] == "span"]
    assert (span["name"], span["failed"], span["attributes"]) == ("count", False, {"n": 7})
    assert span["milliseconds"] >= 0


def test_an_input_that_breaks_its_schema_is_told_and_nothing_starts(author: Any) -> None:
    author.agent("echo", {}, actions=NUMBER)  # not even built
    done = author.airlock("agents", "try", "echo", "--input", '{"n": "seven"}')
    assert done.returncode == 1
    assert done.stderr.splitlines()[:3] == [
        "FAILED input.schema_mismatch (contract)",
        '  the input breaks its schema at /n: "seven" is not of type "integer"',
        "  at /n",
    ]


def test_a_malformed_artifact_in_the_input_is_told_and_nothing_starts(author: Any) -> None:
    author.agent("echo", {}, image=BASE, protocol="airlock/1")
    reference = {"artifact": "sha256:" + "e" * 64, "size": -1, "media_type": "a/b"}
    done = author.airlock("agents", "try", "echo", "--input", json.dumps({"x": reference}))
    assert done.returncode == 1
    assert done.stderr.startswith("FAILED input.schema_mismatch (contract)")
    assert "an artifact reference in the input is malformed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("""echo '{"n": "x"}'""", "output.schema_mismatch", "at /n"),
        ("""echo '{"n": 1, "n": 2}'""", "output.invalid_json", "it printed: {"),
        ("echo why >&2; exit 3", "exit.nonzero", "stderr    why"),
        ("head -c 100000000 /dev/zero | tail", "memory.exceeded", "limits.memory_mb"),
        ("sleep 60", "timeout.exceeded", "limits.timeout_seconds"),
    ],
)
def test_an_attempt_that_fails_says_code_place_and_what_to_do(
    author: Any, script: str, code: str, said: str
) -> None:
    limits = {"memory_mb": 32, "timeout_seconds": 3 if code == "timeout.exceeded" else 60, "output_kb": 1}
    author.agent("broken", {}, image=BASE, actions=NUMBER, command=["sh", "-c", script], limits=limits)
    done = author.airlock("agents", "try", "broken", "--input", '{"n": 1}')
    assert done.returncode == 2, done.stderr
    assert f"FAILED {code} (" in done.stderr
    assert said in done.stderr
    assert "hint:" in done.stderr


def test_a_program_that_dies_before_it_is_asked_is_heard_too(author: Any) -> None:
    program = ["python3", "-c", "import numpy"]
    author.agent("early", {}, image=BASE, command=program, protocol="airlock/1")
    done = author.airlock("agents", "try", "early")
    assert done.returncode == 2, done.stderr
    assert "FAILED exit.nonzero" in done.stderr
    assert "stderr    ModuleNotFoundError: No module named 'numpy'" in done.stderr


def test_the_hint_at_a_wrong_answer_fits_the_agents_protocol(author: Any) -> None:
    author.agent("program", {}, image=BASE, actions=NUMBER, command=["sh", "-c", """echo '{"n": "x"}'"""])
    done = author.airlock("agents", "try", "program", "--input", '{"n": 1}')
    assert "hint: mend the answer, or output_schema in agent.yaml\n" in done.stderr
    folder = author.new("counter")
    main = (folder / "main.py").read_text()
    (folder / "main.py").write_text(main.replace('"files": ', '"fils": '))
    author.ask("agents", "build", "counter")
    done = author.airlock("agents", "try", "counter", "--input", "counter/input.json", "--workspace", ".")
    assert "airlock agents build counter --write-schemas" in done.stderr, done.stderr


def test_an_output_may_not_name_an_artifact_from_nowhere(author: Any) -> None:
    reference = {"artifact": "sha256:" + "e" * 64, "size": 1, "media_type": "text/plain"}
    author.agent("liar", {}, image=BASE, command=["echo", json.dumps({"a": reference})])
    told = author.ask("agents", "try", "liar", code=2)
    assert told["failure"]["code"] == "output.unknown_artifact"


def test_an_agent_that_is_not_built_says_what_to_do(author: Any) -> None:
    author.agent("unbuilt", {})
    done = author.airlock("agents", "try", "unbuilt")
    assert done.returncode == 1
    assert "has no image" in done.stderr
    assert "hint: airlock agents build unbuilt" in done.stderr


def test_an_action_is_chosen_where_there_are_several(author: Any) -> None:
    author.agent("two", {}, image=BASE, actions={"a": NUMBER["go"], "b": NUMBER["go"]})
    done = author.airlock("agents", "try", "two")
    assert (done.returncode, "choose one of a, b" in done.stderr) == (3, True)
    assert author.ask("agents", "try", "two", "--action", "b", "--input", '{"n": 1}')["output"] == {"n": 1}


def test_it_runs_with_the_manifests_own_limits(author: Any) -> None:
    author.agent("looker", {}, image=BASE, command=["sh", "-c", LOOK], limits={"pids": 19, "memory_mb": 32})
    output = author.ask("agents", "try", "looker")["output"]
    assert output["pids"] == "19"
    assert "Read-only" in output["root"]


class Watched(TimedContainers):
    """Real containers that say when a sandbox was looked at this often."""

    _LOOKS = 30

    def watch(self) -> None:
        self.looks: list[float] = []
        self.enough = asyncio.Event()

    def counted(self, container: str) -> Counted | None:
        self.looks.append(time.monotonic())
        if len(self.looks) == self._LOOKS:
            self.enough.set()
        return super().counted(container)

    @property
    def seconds(self) -> float:
        return self.looks[self._LOOKS - 1] - self.looks[0]


async def test_what_is_tried_by_hand_is_looked_at_more_often_than_what_a_host_runs(author: Any) -> None:
    folder = author.agent("sleeper", {}, image=BASE, command=SLEEPER)
    containers = await Watched.connect(find_engine(os.environ, Path.home()))
    assert isinstance(containers, Watched)
    containers.watch()
    bench = Bench(containers, author.install)
    trying = asyncio.create_task(
        bench.attempt(read_manifest(folder / "agent.yaml"), "go", b"{}", author.home, lambda _: None)
    )
    async with asyncio.timeout(60):
        await containers.enough.wait()
    trying.cancel()
    await asyncio.wait({trying})
    await containers.close()
    assert containers.seconds < 20 * LOOK_SECONDS  # a host takes 25


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind_by_whatever_ends_it(author: Any, number: signal.Signals) -> None:
    author.agent("sleeper", {}, image=BASE, command=SLEEPER)
    with start(author) as trying:
        trying.send_signal(number)
        assert trying.wait(timeout=30) in (130, -signal.SIGKILL)
    until_nothing_is_left(author)


def test_nothing_is_left_behind_when_the_sandboxs_own_side_is_killed(author: Any) -> None:
    author.agent("sleeper", {}, image=BASE, command=SLEEPER)
    with start(author) as trying:
        (child,) = [pid for pid in children(trying.pid) if "airlock_agents" in command_of(pid)]
        os.kill(child, signal.SIGKILL)
        assert trying.wait(timeout=30) == 1
    until_nothing_is_left(author)


def start(author: Any) -> subprocess.Popen[str]:
    """Start an attempt that does not end, and wait until its agent has spoken."""
    trying = subprocess.Popen(
        author.command("agents", "try", "sleeper"),
        cwd=author.home,
        env={**author.environment, "TMPDIR": str(author.home)},  # what kill -9 leaves there goes with it
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert trying.stderr is not None
    for line in trying.stderr:
        if "started" in line:
            break
    assert len(author.containers()) == 1
    return trying


def until_nothing_is_left(author: Any) -> None:
    until = time.monotonic() + 30
    while author.containers():
        assert time.monotonic() < until, "a container is left"
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
