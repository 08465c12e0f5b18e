"""How a container ended becomes a failure, on both cgroup versions; hostile text becomes harmless."""

from pathlib import Path

import pytest
from airlock_agents.sandbox.cgroup import Counted, read_counted
from airlock_agents.sandbox.neutral import Tail, neutral, neutral_value
from airlock_agents.sandbox.outcome import Ended, Failed, sandbox_failure, verdict

FULL = 2**26 * 95 // 100


@pytest.mark.parametrize(
    ("ended", "code", "retryable"),
    [
        (Ended(exit_code=1, oom_killed=False), "exit.nonzero", True),
        (Ended(exit_code=137, oom_killed=True), "memory.exceeded", False),
        # A child was killed for its memory and the agent went on: its answer may rest on half the work.
        (Ended(exit_code=0, oom_killed=True), "memory.exceeded", False),
        # Killed, and neither by us nor for its memory: the engine's restart looks like this.
        (Ended(exit_code=137, oom_killed=False), "sandbox.lost", True),
    ],
)
def test_an_end_has_its_failure(ended: Ended, code: str, retryable: bool) -> None:
    failure = verdict(ended, Counted(), memory_mb=64)
    assert failure is not None
    assert (failure.code, failure.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("exit_code", "seen", "code", "retryable"),
    [
        # A kill that the kernel counted is certain, whatever the engine and the exit code say.
        (137, Counted(oom_kills=1, limit_reached=True), "memory.exceeded", False),
        (1, Counted(oom_kills=1, limit_reached=True), "memory.exceeded", False),
        (0, Counted(oom_kills=1, limit_reached=True), "memory.exceeded", False),
        # It ran into its limit, and what it had read of files was dropped for it: nobody was killed.
        (1, Counted(oom_kills=0, limit_reached=True), "exit.nonzero", True),
        # None was counted: that it was full when it was killed is a guess, which another attempt may refute.
        (137, Counted(oom_kills=0, memory_bytes=FULL), "memory.exceeded", True),
        (137, Counted(oom_kills=0, memory_bytes=2**25), "sandbox.lost", True),
        # It was full once, of files that the kernel keeps while there is room: nobody is killed for that.
        (137, Counted(oom_kills=0, memory_bytes=2**20, peak_memory_bytes=2**26), "sandbox.lost", True),
        (1, Counted(oom_kills=0, memory_bytes=FULL), "exit.nonzero", True),
    ],
)
def test_a_kill_that_the_engine_missed_is_told_by_what_was_seen(
    exit_code: int, seen: Counted, code: str, retryable: bool
) -> None:
    failure = verdict(Ended(exit_code, oom_killed=False), seen, memory_mb=64)
    assert failure is not None
    assert (failure.code, failure.retryable) == (code, retryable)
    assert ("likely" in failure.message) == (code == "memory.exceeded" and retryable)


@pytest.mark.parametrize("exit_code", [137, 1, 0])
@pytest.mark.parametrize("oom_killed", [True, False])
def test_a_kill_by_the_machine_s_own_killer_is_not_the_agent_s_doing(
    exit_code: int, oom_killed: bool
) -> None:
    seen = Counted(oom_kills=1, memory_bytes=2**20, limit_reached=False)
    failure = verdict(Ended(exit_code, oom_killed=oom_killed), seen, memory_mb=64)
    assert failure is not None
    assert (failure.code, failure.retryable) == ("sandbox.lost", True)
    assert "machine ran short of memory" in failure.message


def test_a_clean_end_is_no_failure_however_full_it_was() -> None:
    seen = Counted(oom_kills=0, memory_bytes=FULL)
    assert verdict(Ended(exit_code=0, oom_killed=False), seen, memory_mb=64) is None


def test_a_command_that_is_not_there_is_a_failed_start() -> None:
    said = "[FATAL tini (7)] exec nope failed: No such file or directory\n"
    failure = verdict(Ended(exit_code=127, oom_killed=False), Counted(), memory_mb=64, stderr_tail=said)
    assert failure is not None
    assert (failure.code, failure.retryable) == ("start.failed", False)
    assert "nope" in failure.message


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("folder", ["docker/c1", "system.slice/docker-c1.scope"])
@pytest.mark.parametrize(("limit", "reached"), [(33560000, True), (67108864, False)])
def test_cgroup_v1_tells_of_a_killed_child(tmp_path: Path, folder: str, limit: int, reached: bool) -> None:
    write(
        tmp_path,
        {
            f"memory/{folder}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            f"memory/{folder}/memory.max_usage_in_bytes": "33554432\n",
            f"memory/{folder}/memory.usage_in_bytes": "30000000\n",
            f"memory/{folder}/memory.limit_in_bytes": f"{limit}\n",
            f"memory/{folder}/memory.memsw.max_usage_in_bytes": "33555000\n",
            f"memory/{folder}/memory.stat": "active_file 1\ntotal_inactive_file 900\ntotal_active_file 100\n",
            f"cpuacct/{folder}/cpuacct.usage": "12000000\n",
            f"pids/{folder}/pids.current": "3\n",
        },
    )
    counted = read_counted("c1", tmp_path)
    assert counted is not None
    assert counted == Counted(
        1, 29999000, peak_memory_bytes=33554432, cpu_ms=12.0, limit_reached=reached, processes=3
    )


@pytest.mark.parametrize("folder", ["docker/c1", "system.slice/docker-c1.scope"])
@pytest.mark.parametrize(("ooms", "reached"), [(1, True), (0, False)])
def test_cgroup_v2_tells_of_a_killed_child(tmp_path: Path, folder: str, ooms: int, reached: bool) -> None:
    write(
        tmp_path,
        {
            f"{folder}/memory.events": f"low 0\nhigh 0\nmax 7\noom {ooms}\noom_kill 2\noom_group_kill 0\n",
            f"{folder}/memory.peak": "1048576\n",
            f"{folder}/memory.current": "1000000\n",
            f"{folder}/memory.stat": "file 5000\nshmem 4000\ninactive_file 900\nactive_file 100\n",
            f"{folder}/cpu.stat": "usage_usec 12000\nuser_usec 9000\n",
            f"{folder}/pids.current": "0\n",
        },
    )
    counted = read_counted("c1", tmp_path)
    assert counted is not None
    assert counted == Counted(
        2, 999000, peak_memory_bytes=1048576, cpu_ms=12.0, limit_reached=reached, processes=0
    )


def test_an_old_kernel_says_less_and_an_invisible_cgroup_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"docker/c1/memory.events": "oom 0\noom_kill 0\n"})
    assert read_counted("c1", tmp_path) == Counted(oom_kills=0, limit_reached=False)
    assert read_counted("c2", tmp_path) is None


def test_escape_sequences_become_visible() -> None:
    shown = neutral("\x1b[2Jgone\r\x9b31m\u202eevil\u2028\ud800", 200)
    assert "\x1b" not in shown
    assert shown == "\\u001b[2Jgone\\u000d\\u009b31m\\u202eevil\\u2028\\ud800"


def test_ordinary_text_stays_and_length_is_bounded() -> None:
    assert neutral("Größe: 5\n\tok 日本", 100) == "Größe: 5\n\tok 日本"
    assert len(neutral("\x00" * 100, 50)) == 50


def test_fields_are_made_harmless_at_every_depth() -> None:
    assert neutral_value({"a\x07": ["\x1b", {"b": 1}]}, 100) == {"a\\u0007": ["\\u001b", {"b": 1}]}


def test_a_tail_keeps_the_end_and_counts_the_rest() -> None:
    tail = Tail(100)
    for number in range(1000):
        tail.add(b"line %d\n" % number)
    assert tail.text().startswith("[8790 bytes before this]\n")
    assert len(tail.text()) <= 100
    assert tail.total == 8890


def test_evidence_is_bounded() -> None:
    with pytest.raises(ValueError, match="bounded"):
        Failed(sandbox_failure("start.failed", "x"), raw_output=b"x" * 16385)
