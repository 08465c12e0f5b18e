"""`airlock demo` as a new user has it: a process of its own, a small repository, nothing left at its end."""

import asyncio
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

SECONDS = 500
IMAGES_LOCK = f"airlock-images-{os.geteuid()}.lock"
"""Two builds at once take turns by this empty file, which stays: who removes a lock file breaks the lock."""
FLAWED = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
HIDDEN = "import subprocess\n\n\nsubprocess.run(input(), shell=True)\napi_key = 'Zq8rT2wXn5LbVc7KdPf3Hj'\n"
MENDED = "yaml.safe_load(text)"


class Demo:
    """A place for demos: a repository, a temporary folder of its own, and what is left of it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.workspace = place / "repository"
        self.workspace.mkdir()
        self.temporary = place / "tmp"
        self.temporary.mkdir()
        self.temporary.chmod(0o711)
        self.results = place / "results"

    def arguments(self) -> list[str]:
        return [sys.executable, "-m", "airlock_client", "demo", "--output", str(self.results)]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
        return (
            kept | {"WORKSPACE": str(self.workspace), "TMPDIR": str(self.temporary), "COLUMNS": "80"} | more
        )

    async def run(self, **more: str) -> tuple[int, str]:
        """Run a demo without a terminal; answers its exit code and what it said."""
        demo = await asyncio.create_subprocess_exec(
            *self.arguments(),
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        async with asyncio.timeout(SECONDS):
            said, _ = await demo.communicate()
        assert demo.returncode is not None
        return demo.returncode, said.decode()

    def files(self) -> dict[str, bytes]:
        """The repository, byte for byte."""
        return {str(path): path.read_bytes() for path in self.workspace.rglob("*") if path.is_file()}


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


@pytest.fixture
def no_blocking_call() -> None:
    """The demo is another process; looking at what it left reads files."""


@pytest.fixture
def demo() -> Iterator[Demo]:
    place = Path(tempfile.mkdtemp(prefix="airlock-demo-test-"))
    place.chmod(0o711)
    yield Demo(place)
    shutil.rmtree(place)


async def test_approved_it_mends_a_copy_and_ends_with_success(
    demo: Demo, docker_client: docker.DockerClient
) -> None:
    (demo.workspace / "reader.py").write_text(FLAWED)
    # It would rather have a part of itself overlooked: what is tracked is looked at, whatever it says.
    (demo.workspace / ".gitignore").write_text("*.secret\n/hidden/\n")
    (demo.workspace / "hidden").mkdir()
    (demo.workspace / "hidden" / "door.py").write_text(HIDDEN)
    (demo.workspace / "my.secret").write_text("never leaves this machine")
    _track(demo.workspace, "reader.py", ".gitignore", "hidden")
    before = demo.files()
    code, said = await demo.run(DECISION="APPROVED")
    assert code == 0, said
    assert "left out 1 file that .gitignore names and git does not track: my.secret; --with-ignored" in said
    assert re.search(r"hidden/door\.py:4 +B602 ", said), said
    for report in ("scan-report.json", "review-report.json", "comply-report.json"):
        assert "hidden/door.py" in (demo.results / report).read_text(), report
    lines = said.splitlines()
    assert re.fullmatch(r"SUCCESS [0-9a-f-]{36}", lines[-1])
    # Every try of the probe holds, and it has tried something.
    tried = re.fullmatch(r"probe: (\d+)/(\d+)", lines[-2])
    assert tried is not None, said
    assert int(tried[1]) == int(tried[2]) > 280
    assert max(len(line) for line in lines if "─" in line) <= 120

    # The gate: what is decided about, then the stale decision, then the real one.
    assert said.count(f"+    return {MENDED}") == 1
    order = ["payload_sha256", "input, whole", "412 decision.stale", "the one that was shown: APPROVED by"]
    assert [said.index(text) for text in order] == sorted(said.index(text) for text in order)
    # The summary: nodes, findings, changes, notice, artifacts.
    for node in ("scan", "review", "comply", "propose", "apply", "notify"):
        assert re.search(rf"^{node} +SUCCESS +[0-9.]+ s ", said, re.MULTILINE), said
    assert re.search(r"^review and comply ran side by side for [0-9.]+ s$", said, re.MULTILINE), said
    assert re.search(r"reader\.py:5 +B506 ", said), said
    assert "reader.py  +1 -1" in said
    assert "Security review finished" in said

    assert demo.files() == before
    with tarfile.open(demo.results / "apply-workspace.tar") as archive:
        names = archive.getnames()
        patched = archive.extractfile("reader.py")
        assert patched is not None
        assert MENDED in patched.read().decode()
    assert "my.secret" not in names
    assert json.loads((demo.results / "scan-sarif.sarif").read_text())["version"] == "2.1.0"
    _apply(demo.workspace, demo.results / "propose-diff.diff")
    assert MENDED in (demo.workspace / "reader.py").read_text()
    _apply(demo.workspace, demo.results / "apply-rollback.diff")
    assert demo.files() == before
    _assert_nothing_left(demo, docker_client, said)


async def test_rejected_it_says_that_nothing_was_changed_and_exits_2(
    demo: Demo, docker_client: docker.DockerClient
) -> None:
    (demo.workspace / "reader.py").write_text(FLAWED)
    before = demo.files()
    code, said = await demo.run(DECISION="REJECTED")
    assert code == 2, said
    assert "Rejected: nothing was changed." in said
    assert re.search(r"^apply +FAILED ", said, re.MULTILINE)
    assert re.search(r"^notify +SKIPPED ", said, re.MULTILINE)
    assert not (demo.results / "apply-workspace.tar").exists()
    assert demo.files() == before
    _assert_nothing_left(demo, docker_client, said)


async def test_with_nothing_to_mend_it_says_so_and_ends_well_unasked(
    demo: Demo, docker_client: docker.DockerClient
) -> None:
    (demo.workspace / "sum.py").write_text("def add(a, b):\n    return a + b\n")
    code, said = await demo.run()
    assert code == 0, said
    assert "Nothing is proposed: the diff is empty" in said
    _assert_nothing_left(demo, docker_client, said)


async def test_ctrl_c_at_the_gate_or_before_leaves_nothing(
    demo: Demo, docker_client: docker.DockerClient
) -> None:
    (demo.workspace / "reader.py").write_text(FLAWED)
    for moment in (b"starting the orchestration service", b"has started"):
        running = await asyncio.create_subprocess_exec(
            *demo.arguments(),
            env=demo.environment(DECISION="APPROVED", PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert running.stdout is not None
        async with asyncio.timeout(SECONDS / 2):
            said = b""
            async for line in running.stdout:
                said += line
                if moment in line:
                    running.send_signal(signal.SIGINT)
                    break
            rest = await running.stdout.read()
            assert await running.wait() == 130, rest
        assert b"Traceback" not in rest
        _assert_nothing_left(demo, docker_client, said.decode())


async def test_a_person_at_a_terminal_is_asked_and_may_say_no(
    demo: Demo, docker_client: docker.DockerClient
) -> None:
    (demo.workspace / "reader.py").write_text(FLAWED)
    ours, theirs = pty.openpty()
    running = await asyncio.create_subprocess_exec(
        *demo.arguments(), env=demo.environment(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, b"yes\n")  # ahead of the question: it approves nothing
    said, answered = b"", 0
    try:
        async with asyncio.timeout(SECONDS):
            while piece := await asyncio.to_thread(_read_terminal, ours):
                said += piece
                if said.count(b"[yes/no]") > answered:
                    os.write(ours, (b"perhaps\n", b"no\n")[answered])
                    answered += 1
            assert await running.wait() == 2, said
    finally:
        os.close(ours)
    text = said.decode()
    assert text.index("412 decision.stale") < text.index("[yes/no]") < text.index("nothing was changed")
    _assert_nothing_left(demo, docker_client, text)


async def test_a_workspace_that_is_no_folder_is_a_usage_error(demo: Demo) -> None:
    code, said = await demo.run(WORKSPACE=str(demo.place / "absent"))
    assert code == 3
    assert "absent is not a folder" in said


async def test_a_workspace_without_a_file_is_a_usage_error_before_anything_starts(demo: Demo) -> None:
    (demo.place / "bare" / "built").mkdir(parents=True)
    (demo.place / "bare" / ".git").mkdir()
    (demo.place / "bare" / ".git" / "HEAD").touch()
    code, said = await demo.run(WORKSPACE=str(demo.place / "bare"))
    assert code == 3
    assert "bare has no file that git would not ignore" in said


def _read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the demo has ended
        return b""


def _assert_nothing_left(demo: Demo, engine: docker.DockerClient, said: str) -> None:
    """No process of the demo, no file in its temporary folder, no container of its install."""
    commands = [_read(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert [line for line in commands if str(demo.temporary) in line] == []
    assert [path.name for path in demo.temporary.iterdir() if path.name != IMAGES_LOCK] == []
    install = re.search(r"install (airlock-[0-9a-f]{8})", said)
    assert install is not None
    label = f"airlock.install={install[1]}"
    assert engine.containers.list(all=True, filters={"label": label}, ignore_removed=True) == []


def _track(folder: Path, *names: str) -> None:
    """Make a work tree of a folder; what it tracks may be what its `.gitignore` names."""
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--force", *names], cwd=folder, check=True)


def _apply(folder: Path, diff: Path) -> None:
    """Apply a diff as a person would; outside of any repository git needs no index."""
    subprocess.run(["git", "apply", str(diff)], cwd=folder, check=True, env=os.environ | {"GIT_DIR": "/none"})
