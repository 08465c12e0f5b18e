"""Finding the Docker Engine: each way to name one, and each way for it not to be there."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from airlock_agents.sandbox.engine import EngineProblem, EngineProblemKind, find_engine

REAL = "unix:///var/run/docker.sock"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a unix socket's is at most 108 bytes. Open to other users."""
    with tempfile.TemporaryDirectory(prefix="al") as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


Serve = Callable[[bytes | None], str]


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Listen on a unix socket and answer every request with these bytes, or never."""
    listener = socket.socket(socket.AF_UNIX)
    kept: list[socket.socket] = []
    thread: list[threading.Thread] = []

    def answer_all(answer: bytes | None) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            # A connection that only tries the door asks nothing.
            if answer is not None and connection.recv(65536):
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)

    def begin(answer: bytes | None) -> str:
        path = folder / "engine.sock"
        listener.bind(str(path))
        listener.listen()
        thread.append(threading.Thread(target=answer_all, args=(answer,)))
        thread[0].start()
        return f"unix://{path}"

    yield begin
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for running in thread:
        running.join()
    for connection in kept:
        connection.close()


def version_answer(api: str, version: str) -> bytes:
    body = json.dumps({"ApiVersion": api, "Version": version, "Arch": "amd64"}).encode()
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def problem_of(environ: dict[str, str], home: Path) -> EngineProblem:
    began = time.monotonic()
    with pytest.raises(EngineProblem) as caught:
        find_engine(environ, home)
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    return caught.value


def write_context(home: Path, name: str, host: str, *, current: bool = False) -> None:
    meta = home / ".docker/contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(
        json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}})
    )
    if current:
        (home / ".docker/config.json").write_text(json.dumps({"currentContext": name}))


def test_the_default_socket_is_found(docker_engine: docker.DockerClient, folder: Path) -> None:
    engine = find_engine({}, folder)
    assert engine.address.host == REAL
    assert engine.version == docker_engine.version()["Version"]


def test_docker_host_comes_first(serve: Serve, folder: Path) -> None:
    host = serve(version_answer("1.44", "25.0.0"))
    write_context(folder, "other", "tcp://127.0.0.1:1", current=True)
    assert find_engine({"DOCKER_HOST": host, "DOCKER_CONTEXT": "other"}, folder).version == "25.0.0"


def test_the_current_context_is_followed(serve: Serve, folder: Path) -> None:
    write_context(folder, "desktop", serve(version_answer("1.44", "25.0.0")), current=True)
    engine = find_engine({}, folder)
    assert engine.version == "25.0.0"
    assert "desktop" in engine.address.said_by


def test_docker_context_names_another_than_the_current(serve: Serve, folder: Path) -> None:
    write_context(folder, "remote", "tcp://127.0.0.1:1", current=True)
    write_context(folder, "colima", serve(version_answer("1.44", "25.0.0")))
    assert find_engine({"DOCKER_CONTEXT": "colima"}, folder).version == "25.0.0"


def test_the_default_context_means_the_default_socket(
    docker_engine: docker.DockerClient, folder: Path
) -> None:
    (folder / ".docker").mkdir()
    (folder / ".docker/config.json").write_text('{"currentContext": "default"}')
    assert find_engine({}, folder).address.host == REAL


def test_a_context_that_is_not_there_is_named(folder: Path) -> None:
    problem = problem_of({"DOCKER_CONTEXT": "gone"}, folder)
    assert problem.kind is EngineProblemKind.UNREACHABLE
    assert "'gone'" in str(problem)


def test_a_contexts_certificates_are_used(folder: Path) -> None:
    write_context(folder, "far", "tcp://127.0.0.1:1", current=True)
    material = folder / ".docker/contexts/tls" / hashlib.sha256(b"far").hexdigest() / "docker"
    material.mkdir(parents=True)
    (material / "ca.pem").write_text("no certificate")
    problem = problem_of({}, folder)
    assert problem.kind is EngineProblemKind.UNREACHABLE


def test_nobody_listening_is_stopped(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "engine.sock"))
    problem = problem_of({"DOCKER_HOST": f"unix://{folder}/engine.sock"}, folder)
    assert problem.kind is EngineProblemKind.STOPPED


def test_an_engine_that_hangs_is_told_in_time(serve: Serve, folder: Path) -> None:
    assert problem_of({"DOCKER_HOST": serve(None)}, folder).kind is EngineProblemKind.STOPPED


def test_an_engine_that_talks_nonsense_is_told(serve: Serve, folder: Path) -> None:
    assert problem_of({"DOCKER_HOST": serve(b"hello\r\n\r\n")}, folder).kind is EngineProblemKind.STOPPED


def test_an_old_engine_is_too_old(serve: Serve, folder: Path) -> None:
    problem = problem_of({"DOCKER_HOST": serve(version_answer("1.40", "19.03.15"))}, folder)
    assert problem.kind is EngineProblemKind.TOO_OLD
    assert "19.03.15" in str(problem)


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:1", "ssh://someone@host.example.com", "npipe:////./pipe/docker_engine"]
)
def test_a_remote_engine_that_cannot_be_reached_is_told(host: str, folder: Path) -> None:
    assert problem_of({"DOCKER_HOST": host}, folder).kind is EngineProblemKind.UNREACHABLE


def run_command(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "airlock_agents", "engine"],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_command_says_ok_where_and_which(docker_engine: docker.DockerClient, folder: Path) -> None:
    done = run_command({"HOME": str(folder)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ok {REAL} {docker_engine.version()['Version']}\n"


def test_the_command_answers_a_problem_in_one_line(folder: Path) -> None:
    done = run_command({"HOME": str(folder), "DOCKER_HOST": f"unix://{folder}/nothing.sock"})
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Root may open anything: then be nobody for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_socket_that_this_user_may_not_open_is_told(serve: Serve, folder: Path, as_nobody: None) -> None:
    host = serve(version_answer("1.44", "25.0.0"))
    Path(host.removeprefix("unix://")).chmod(0o000)
    problem = problem_of({"DOCKER_HOST": host}, folder)
    assert problem.kind is EngineProblemKind.PERMISSION_DENIED
    assert "usermod -aG docker" in problem.fix


@pytest.mark.parametrize(
    ("kind", "code"),
    [("missing", 3), ("stopped", 4), ("permission denied", 5), ("unreachable", 6), ("too old", 7)],
)
def test_each_problem_has_its_exit_code(kind: str, code: int) -> None:
    assert EngineProblemKind(kind).exit_code == code
