"""Run an agent's action as a host would, in this process or as a program: for the tests of agents."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast

from airlock_sdk import workspace
from airlock_sdk.agent import Agent
from airlock_sdk.artifact import MAX_SIZE, TAR, ArtifactReference, announcement, reference
from airlock_sdk.failure import ProtocolError
from airlock_sdk.frames import BoundedReader, body_size, encode_header, read_header
from airlock_sdk.testing.answer import read_answer


@dataclass(frozen=True, slots=True)
class Given:
    """An input artifact: its JSON pointer in the input, and its bytes."""

    pointer: str
    content: bytes
    media_type: str = "application/octet-stream"

    @property
    def reference(self) -> ArtifactReference:
        """The value that stands for it in the input."""
        return reference(BoundedReader.digest_of(self.content), len(self.content), self.media_type)


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact that the agent put."""

    name: str
    media_type: str
    content: bytes


@dataclass(slots=True)
class Outcome:
    """Everything an agent said: `output` or `failure` is set, never both; `artifacts` by digest.

    `spans` are its frames as they ended: an inner one stands before the one around it. `spans_dropped` is how
    many more it had than may be.
    """

    output: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)
    spans_dropped: int = 0
    artifacts: dict[str, Made] = field(default_factory=dict)
    raw_output: bytes = b""
    stderr: str = ""

    def artifact(self, named: Mapping[str, Any]) -> bytes:
        """Answer the bytes that a reference in the output stands for."""
        return self.artifacts[named["artifact"]].content


def given_workspace(folder: str | Path, pointer: str = "/workspace") -> Given:
    """Pack a folder as an input artifact."""
    packed = io.BytesIO()
    workspace.pack(folder, packed)
    return Given(pointer, packed.getvalue(), TAR)


def run_action(
    agent: Agent, action: str, inputs: Mapping[str, Any], *, scratch: Path, given: Sequence[Given] = ()
) -> Outcome:
    """Run an action in this process, over real frames in memory; files go below `scratch`."""
    out = io.BytesIO()
    agent.serve(io.BytesIO(b"".join(request_bytes(action, inputs, given))), out, scratch)
    return read_outcome(io.BytesIO(out.getvalue()))


def run_program(
    command: Sequence[str],
    action: str,
    inputs: Mapping[str, Any],
    *,
    given: Sequence[Given] = (),
    env: Mapping[str, str] | None = None,
    timeout: float = 120.0,
) -> Outcome:
    """Run an action of a program that speaks airlock/1 on its stdin and stdout, as `docker run -i` does too.

    Like a host it leaves stdin open until the final frame, and then ends the process. Raises ProtocolError
    for what is not airlock/1, also when the program is not done after `timeout` seconds. Its scratch folder
    (`TMPDIR`, unless `env` names one) is gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="airlock-scratch-", ignore_cleanup_errors=True) as scratch:
        around = {**os.environ, "TMPDIR": scratch} if env is None else {"TMPDIR": scratch, **env}
        return _run_program(command, _Asked(action, inputs, given), around, timeout)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a program is asked."""

    action: str
    inputs: Mapping[str, Any]
    given: Sequence[Given]


def _run_program(command: Sequence[str], asked: _Asked, env: Mapping[str, str], timeout: float) -> Outcome:
    pipe = subprocess.PIPE
    process = subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, env=env)  # noqa: S603
    stdin, stdout, stderr = (cast(BinaryIO, end) for end in (process.stdin, process.stdout, process.stderr))
    log: list[bytes] = []
    threads = [
        threading.Thread(target=_feed, args=(stdin, asked)),
        threading.Thread(target=lambda: log.append(stderr.read())),
    ]
    alarm = threading.Timer(timeout, process.kill)
    for thread in (*threads, alarm):
        thread.start()
    try:
        outcome = read_outcome(stdout)
    except ProtocolError as error:
        process.kill()
        threads[1].join()
        tail = b"".join(log)[-2000:].decode("utf-8", "replace")
        raise ProtocolError(f"{error}\n{tail}") from error
    finally:
        alarm.cancel()
        process.kill()
        for thread in threads:
            thread.join()
        process.wait()
        for end in (stdin, stdout, stderr):
            with contextlib.suppress(BrokenPipeError):  # what it never read is still in our buffer
                end.close()
    outcome.stderr = b"".join(log).decode("utf-8", "replace")
    return outcome


def run_stdio(
    command: Sequence[str], inputs: Mapping[str, Any], *, cwd: Path | None = None, timeout: float = 120.0
) -> Outcome:
    """Run a program that speaks stdio: the input on its stdin, then the end of it.

    Where its exit code is not 0, or it does not print one document of strict JSON, there is no output, and
    the failure has the code that a host would give. Raises subprocess.TimeoutExpired.
    """
    done = subprocess.run(  # noqa: S603 -- the command is the test's own
        list(command),
        input=json.dumps(inputs).encode(),
        capture_output=True,
        cwd=cwd,
        timeout=timeout,
        check=False,
    )
    outcome = Outcome(raw_output=done.stdout, stderr=done.stderr.decode("utf-8", "replace"))
    if done.returncode != 0:
        outcome.failure = {"code": "exit.nonzero", "message": f"exit code {done.returncode}"}
        return outcome
    _take(outcome)
    return outcome


def request_bytes(action: str, inputs: Mapping[str, Any], given: Sequence[Given] = ()) -> Iterator[bytes]:
    """Spell a request frame with its input and artifacts; each given artifact is put into the input first."""
    document = json.loads(json.dumps(inputs))
    for one in given:
        _put(document, one.pointer, one.reference)
    body = json.dumps(document).encode()
    yield encode_header(
        {
            "type": "request",
            "v": 1,
            "invocation": "test-run/node",
            "attempt": "test-run/node/1",
            "idempotency_key": "test-run/node",
            "action": action,
            "deadline": "2099-01-01T00:00:00.000000Z",
            "traceparent": None,
            "accepts": ["span"],
            "size": len(body),
            "artifacts": [{"pointer": one.pointer, **one.reference} for one in given],
        }
    )
    yield body
    for one in given:
        yield one.content


def _put(document: Any, pointer: str, value: Any) -> None:
    """Set the value at a JSON pointer (RFC 6901); a list is made, and grows, as its items come in order."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part, below in pairwise(parts):
        if isinstance(document, dict):
            document = document.setdefault(part, [] if below.isdecimal() else {})
        else:
            document = document[int(part)]
    if isinstance(document, dict):
        document[parts[-1]] = value
    else:
        document[int(parts[-1]) :] = [value]


def read_outcome(source: BinaryIO) -> Outcome:
    """Read frames up to the final one; an answer that is no strict JSON becomes the failure it is for a host.

    Raises ProtocolError for frames that a host would refuse.
    """
    outcome = Outcome()
    opened = False
    while (header := read_header(source)) is not None:
        kind = header["type"]
        if opened == (kind == "ready"):
            raise ProtocolError(f"ready comes first and once, not {kind}")
        if kind == "ready":
            opened = True
        elif kind == "log":
            outcome.logs.append(header)
        elif kind == "progress":
            outcome.progress.append(header)
        elif kind == "span" and isinstance(header.get("dropped"), int):
            outcome.spans_dropped += header["dropped"]
        elif kind == "span":
            outcome.spans.append(header)
        elif kind == "artifact":
            try:
                announcement(header["name"], header["size"], header["media_type"])
            except (KeyError, TypeError, ValueError) as error:
                raise ProtocolError(f"an artifact nobody would take: {error}") from error
            content = _body(source, header)
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            outcome.artifacts[digest] = Made(header["name"], header["media_type"], content)
        elif kind == "result":
            outcome.raw_output = _body(source, header)
            _take(outcome)
            return outcome
        elif kind == "failure":
            outcome.failure = header
            return outcome
        else:
            raise ProtocolError(f"no such frame: {kind!s:.40}")
    raise ProtocolError("the agent ended without a final frame")


def _take(outcome: Outcome) -> None:
    try:
        outcome.output = read_answer(outcome.raw_output)
    except ValueError as error:
        outcome.failure = {"code": "output.invalid_json", "message": str(error)}


def _body(source: BinaryIO, header: dict[str, Any]) -> bytes:
    body = BoundedReader(source, body_size(header, MAX_SIZE))
    return b"".join(iter(lambda: body.read(1024 * 1024), b""))


def _feed(stdin: BinaryIO, asked: _Asked) -> None:
    try:
        for part in request_bytes(asked.action, asked.inputs, asked.given):
            stdin.write(part)
        stdin.flush()
    except BrokenPipeError:
        return  # it answered without reading all: read_outcome tells
