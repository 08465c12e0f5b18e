"""An agent as a program: its stdout belongs to the frames, whatever it prints or starts."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import airlock_sdk
import pytest
from airlock_sdk import ProtocolError
from airlock_sdk.testing import Given, run_program

SDK = str(Path(airlock_sdk.__file__).parents[1])


def program(tmp_path: Path, body: str) -> list[str]:
    script = tmp_path / "agent_main.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {SDK!r})\nfrom airlock_sdk import Agent\nagent = Agent()\n"
        + textwrap.dedent(body)
        + "\nagent.run()\n"
    )
    return [sys.executable, "-I", str(script)]


def test_what_an_agent_or_its_children_print_cannot_corrupt_the_frames(tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        import os, subprocess
        @agent.action("do")
        def do(inputs, ctx):
            print("plain print")
            os.write(1, b"raw write\\n")
            subprocess.run(["sh", "-c", "echo from a child; cat"])
            return {"ok": True}
        """,
    )
    outcome = run_program(command, "do", {})
    assert outcome.output == {"ok": True}
    for said in ("plain print", "raw write", "from a child"):
        assert said in outcome.stderr


def test_children_do_not_hold_the_frame_descriptors(tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        import os, subprocess
        @agent.action("do")
        def do(inputs, ctx):
            ls = subprocess.run(["ls", "/proc/self/fd"], stdout=subprocess.PIPE, text=True)
            by_exec = ls.stdout.split()
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                known = {"0", "1", "2", str(reader), str(writer)}
                there = set(os.listdir("/proc/self/fd")) - known
                found = [fd for fd in there if os.path.exists(f"/proc/self/fd/{fd}")]
                os.write(writer, " ".join(found).encode() or b"none")
                os._exit(0)
            os.waitpid(child, 0)
            return {"by_exec": by_exec, "by_fork": os.read(reader, 1000).decode()}
        """,
    )
    outcome = run_program(command, "do", {})
    assert outcome.output is not None
    # 3 is the folder that ls itself reads.
    assert outcome.output == {"by_exec": ["0", "1", "2", "3"], "by_fork": "none"}


def test_a_large_artifact_passes_through_without_being_held_twice(tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        @agent.action("do")
        def do(inputs, ctx):
            path = ctx.artifact("/blob")
            before = path.stat().st_size
            out = ctx.put_artifact("copy", path)
            status = open("/proc/self/status").read()
            return {"out": out, "size": before, "peak_kb": int(status.split("VmHWM:")[1].split()[0])}
        """,
    )
    blob = Given("/blob", bytes(range(256)) * 4096 * 50)
    outcome = run_program(command, "do", {}, given=[blob], env={"TMPDIR": str(tmp_path)})
    assert outcome.output is not None
    assert outcome.artifact(outcome.output["out"]) == blob.content
    assert outcome.output["peak_kb"] < 60 * 1024


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = tmp_path / "program.py"
    program.write_text(
        "from airlock_sdk import Agent\nagent = Agent()\n@agent.action('do')\n"
        "def do(inputs, ctx):\n    (ctx.scratch / 'kept').write_text('x')\n    return {}\nagent.run()\n"
    )
    assert run_program([sys.executable, str(program)], "do", {}).output == {}
    assert list(tmp_path.iterdir()) == [program]


def test_a_program_that_says_something_else_is_named_with_its_stderr() -> None:
    with pytest.raises(ProtocolError, match="one line"):
        run_program([sys.executable, "-c", "print('hello', end='')"], "do", {})
    with pytest.raises(ProtocolError, match=r"(?s)without a final frame.*oh no"):
        run_program([sys.executable, "-c", "import sys; sys.exit('oh no')"], "do", {})


def test_the_sdk_needs_nothing_beyond_the_standard_library() -> None:
    code = (
        f"import sys; sys.path.insert(0, {SDK!r}); import airlock_sdk, airlock_sdk.testing\n"
        "files = [getattr(module, '__file__', None) or '' for module in sys.modules.values()]\n"
        "print([file for file in files if 'site-packages' in file])"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_public_face_is_sorted_and_whole() -> None:
    assert list(airlock_sdk.__all__) == sorted(airlock_sdk.__all__)
    assert all(hasattr(airlock_sdk, name) for name in airlock_sdk.__all__)


def test_a_program_that_answers_without_reading_its_input_is_heard(tmp_path: Path) -> None:
    said = r'print("{\"type\":\"ready\"}\n{\"type\":\"result\",\"size\":2}\n{}", end="")'
    outcome = run_program([sys.executable, "-c", said], "do", {}, given=[Given("/blob", bytes(5_000_000))])
    assert outcome.output == {}
