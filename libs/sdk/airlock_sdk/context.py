"""What an action may ask of the world while it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from airlock_sdk import workspace as trees
from airlock_sdk.artifact import TAR, ArtifactReference, announcement, reference
from airlock_sdk.frames import BoundedReader, FrameWriter
from airlock_sdk.request import Request
from airlock_sdk.span import Span, Spans

Level = Literal["debug", "info", "warning", "error"]


class Context:
    """One attempt: its ids, artifacts and scratch folder, and the way to log, report and put artifacts."""

    def __init__(
        self,
        request: Request,
        scratch: Path,
        writer: FrameWriter,
        received: Mapping[str, Path],
        spans: Spans,
    ) -> None:
        self.scratch = scratch  # a folder of this attempt's own, empty but for what was received
        self._request = request
        self._writer = writer
        self._received = received
        self._spans = spans

    @property
    def action(self) -> str:
        """The action that is asked for."""
        return self._request.action

    @property
    def invocation(self) -> str:
        """`<run>/<node>`."""
        return self._request.invocation

    @property
    def attempt(self) -> str:
        """`<run>/<node>/<number>`."""
        return self._request.attempt

    @property
    def idempotency_key(self) -> str:
        """The same text on every attempt at this invocation: give it to whom you call."""
        return self._request.idempotency_key

    @property
    def deadline(self) -> datetime | None:
        """When the attempt is ended from outside (UTC)."""
        return self._request.deadline

    @property
    def traceparent(self) -> str | None:
        """W3C Trace Context of the run, to be passed on."""
        return self._request.traceparent

    def remaining(self) -> float | None:
        """Count the seconds until the deadline, never below 0; None without one."""
        if self.deadline is None:
            return None
        return max(0.0, (self.deadline - datetime.now(UTC)).total_seconds())

    def artifact(self, which: str | Mapping[str, Any]) -> Path:
        """Answer where an input artifact lies (a folder for a workspace).

        `which` is its JSON pointer in the input, such as "/workspace", or the reference that stands there.
        Raises KeyError, naming those that came, when none came for it.
        """
        pointer = which if isinstance(which, str) else self._pointer_to(which)
        try:
            return self._received[pointer]
        except KeyError:
            known = ", ".join(sorted(self._received)) or "none"
            raise KeyError(f"no artifact came for {pointer!r}; there are: {known}") from None

    def _pointer_to(self, wanted: Mapping[str, Any]) -> str:
        for pointer in self._received:
            if _at(self._request.inputs, pointer) == wanted:
                return pointer
        known = ", ".join(sorted(self._received)) or "none"
        raise KeyError(f"what was given is no artifact of the input; there are: {known}")

    def workspace(self, which: str | Mapping[str, Any] | None = None) -> Path:
        """Answer the folder of the input workspace: the only one, or one that is named as for `artifact`.

        It is a copy of this attempt's own: change it at will, nobody else sees it. Raises KeyError when there
        is none, or more than one and none is named.
        """
        folders = [path for path in self._received.values() if path.is_dir()]
        if which is None and len(folders) == 1:
            return folders[0]
        if which is None:
            raise KeyError(f"the input has {len(folders)} workspaces; name one by its JSON pointer")
        path = self.artifact(which)
        if not path.is_dir():
            raise KeyError(f"the artifact at {which!r} is no workspace")
        return path

    def log(self, level: Level, message: str, **fields: Any) -> None:
        """Write a line to the attempt's log. No secrets: people read it."""
        self._writer.send({"type": "log", "level": level, "message": message, "fields": fields})

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Say how far the work is; `fraction` between 0 and 1, if it is known."""
        header: dict[str, Any] = {"type": "progress", "message": message}
        if fraction is not None:
            header["fraction"] = min(1.0, max(0.0, fraction))
        self._writer.send(header)

    def span(self, name: str, /, **attributes: Any) -> AbstractContextManager[Span]:
        """Time a part of the work: `with ctx.span("parse", files=3):` is a span in the run's trace.

        Spans in spans nest; a thread that the block starts begins anew. An exception that leaves the block
        makes it an error. Attributes are texts, numbers and booleans, for people: no secrets. Of an attempt
        the first 256 that begin are sent, and how many there were beyond; where nobody looks at traces, none.
        """
        return self._spans.span(name, attributes)

    def put_artifact(
        self, name: str, data: bytes | Path, media_type: str = "application/octet-stream"
    ) -> ArtifactReference:
        """Give bytes, or a file, to the run and answer the reference that stands for them in the output.

        Raises ValueError for a name with other characters than letters, digits, `.`, `_` and `-`, a media
        type that is not `type/subtype`, or more than 256 MiB.
        """
        if isinstance(data, Path):
            with data.open("rb") as source:
                body = BoundedReader(source, os.fstat(source.fileno()).st_size)
                size = body.left
                self._writer.send_streamed(announcement(name, size, media_type), size, body.copy_to)
                return reference(body.digest(), size, media_type)
        digest = BoundedReader.digest_of(data)
        self._writer.send(announcement(name, len(data), media_type), data)
        return reference(digest, len(data), media_type)

    def put_workspace(self, folder: Path, name: str = "workspace.tar") -> ArtifactReference:
        """Pack a folder and give it to the run as a workspace; answers its reference."""
        planned = trees.plan(folder)
        packed: list[trees.Packed] = []
        header = announcement(name, planned.size, TAR)
        self._writer.send_streamed(header, planned.size, lambda out: packed.append(trees.write(planned, out)))
        return reference(packed[0].digest, planned.size, TAR)


def _at(document: object, pointer: str) -> object:
    """What stands at a JSON pointer (RFC 6901, section 4); None where nothing does."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
