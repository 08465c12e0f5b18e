"""An agent: its actions, and the one request it serves."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from airlock_sdk.artifact import TAR, ArtifactReference
from airlock_sdk.binding import bind, input_type, plain
from airlock_sdk.context import Context
from airlock_sdk.failure import MAX_MESSAGE, Failure, ProtocolError, WorkspaceError, text_of
from airlock_sdk.frames import PROTOCOL, BoundedReader, FrameWriter, take_over
from airlock_sdk.request import read_request
from airlock_sdk.span import Spans
from airlock_sdk.workspace import unpack

SDK_VERSION = "0.1.0"
_TRACEBACK_FRAMES = 6
_CHUNK = 1024 * 1024

Action = Callable[..., Any]
Decorated = TypeVar("Decorated", bound=Action)


class Agent:
    """Collects an agent's actions and runs the one that is asked for.

    An action is a function of the input (a dict, a TypedDict or a dataclass, by its annotation) and the
    Context; it answers a JSON object or a dataclass.
    """

    def __init__(self) -> None:
        self._actions: dict[str, tuple[Action, Any]] = {}

    @property
    def actions(self) -> Mapping[str, Action]:
        """Its actions' functions by name, in the order of registration."""
        return {name: function for name, (function, _) in self._actions.items()}

    def action(self, name: str) -> Callable[[Decorated], Decorated]:
        """Register the decorated function under the action's name in the manifest."""

        def register(function: Decorated) -> Decorated:
            if name in self._actions:
                raise ValueError(f"the action {name!r} is there already")
            self._actions[name] = (function, input_type(function))
            return function

        return register

    def run(self) -> None:
        """Serve one request on the process' stdin and stdout, then return. Call it last in the main module.

        Until the request arrives the process waits with everything imported: that is what makes a sandbox
        that was started beforehand answer at once.
        """
        sys.stdout.flush()
        source, out = take_over()
        scratch = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 -- in the sandbox this is the scratch folder
        folder = self.serve(source, out, Path(scratch))
        import shutil  # here, as warm sandboxes start without it; by now the answer is out

        shutil.rmtree(folder, ignore_errors=True)  # outside a sandbox nobody else would remove it

    def serve(self, source: BinaryIO, out: BinaryIO, scratch: Path) -> Path:
        """Serve one request read from `source`, writing frames to `out`; answers the folder of its files.

        It lies below `scratch`, and may not be there: nothing was put into it.
        """
        writer = FrameWriter(out)
        folder = scratch / f"airlock-{os.getpid()}-{os.urandom(4).hex()}"
        writer.send({"type": "ready", "protocol": PROTOCOL, "sdk": SDK_VERSION})
        try:
            output = self._answer(source, writer, folder)
        except Failure as failure:
            _fail(writer, failure)
        except ProtocolError as error:
            _fail(writer, Failure("agent.protocol", str(error)))
        except WorkspaceError as error:
            refused = {"entry": error.entry, "rule": error.rule}
            _fail(writer, Failure("agent.workspace_refused", str(error), details=refused))
        except (Exception, SystemExit) as error:  # the edge: whatever an author's code raises is a failure
            _fail(writer, _unexpected(error))
        else:
            if output is not None:
                writer.send({"type": "result", "size": len(output)}, output)
        return folder

    def _answer(self, source: BinaryIO, writer: FrameWriter, folder: Path) -> bytes | None:
        received: dict[str, Path] = {}

        def receive(pointer: str, reference: ArtifactReference, body: BoundedReader) -> None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / f"input-{len(received)}"
            if reference["media_type"] == TAR:
                unpack(body, path)
            else:
                with path.open("xb") as file:
                    while part := body.read(_CHUNK):
                        file.write(part)
            received[pointer] = path

        request = read_request(source, receive)
        if request is None:
            return None  # the host hung up: nobody waits for an answer
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if request.action not in self._actions:
            known = ", ".join(sorted(self._actions))
            raise Failure("agent.unknown_action", f"no action {request.action!r}; there are: {known}")
        function, wanted = self._actions[request.action]
        spans = Spans(writer, taken=request.takes_spans)
        context = Context(request, folder, writer, received, spans)
        try:
            return _encode(plain(function(bind(request.inputs, wanted), context)))
        finally:
            spans.close()
            sys.stdout.flush()  # after the final frame the container is killed: nothing printed may wait


def _encode(output: Any) -> bytes:
    if not isinstance(output, dict):
        raise Failure("agent.output_invalid", f"an action answers an object, not {type(output).__name__}")
    try:
        text = json.dumps(output, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise Failure("agent.output_invalid", f"the output is no JSON document: {error}") from error


def _unexpected(error: BaseException) -> Failure:
    import traceback  # here, because warm sandboxes start without it

    frames = traceback.extract_tb(error.__traceback__)[-_TRACEBACK_FRAMES:]
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    message = f"{type(error).__name__}: {text_of(error, MAX_MESSAGE)}"[:MAX_MESSAGE]
    return Failure("agent.error", message, details={"traceback": places})


def _fail(writer: FrameWriter, failure: Failure) -> None:
    writer.send(
        {
            "type": "failure",
            "code": failure.code,
            "message": failure.message,
            "retryable": failure.retryable,
            "details": failure.details,
        }
    )
