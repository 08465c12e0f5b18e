"""A body that breaks off half-way: nothing after it may be read as the rest of it, and its reason is told."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk import Agent, Context, ProtocolError
from airlock_sdk.frames import FrameWriter
from airlock_sdk.testing import request_bytes, run_action
from airlock_sdk.workspace import pack


class Torn:
    """A folder with a file that becomes shorter after it was measured, whenever it is read."""

    def __init__(self, ctx: Context) -> None:
        self.folder = ctx.scratch / "tree"
        self.folder.mkdir()
        (self.folder / "a").write_bytes(b"x" * 5000)
        self._ctx = ctx

    def put(self) -> Any:
        def shorten(event: str, given: tuple[Any, ...]) -> None:
            if event == "open" and str(given[0]) == str(self.folder / "a") and armed:
                armed.clear()
                os.truncate(self.folder / "a", 10)

        armed = [True]
        sys.addaudithook(shorten)  # it stays, and does nothing once this file was opened
        return self._ctx.put_workspace(self.folder, "tree.tar")


def test_after_a_body_that_broke_off_nothing_more_is_sent_and_the_reason_is_raised(tmp_path: Path) -> None:
    agent, said = Agent(), []

    @agent.action("do")
    def do(_: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with pytest.raises(Exception, match="became shorter"), ctx.span("packing"):
            Torn(ctx).put()
        with pytest.raises(ProtocolError, match=r"`artifact tree.tar` broke off .*became shorter") as caught:
            ctx.log("warning", "went on")
        said.append(str(caught.value))
        return {"ok": True}

    out = io.BytesIO()
    with pytest.raises(ProtocolError, match="broke off"):
        agent.serve(io.BytesIO(b"".join(request_bytes("do", {}))), out, tmp_path)
    assert said
    # The archive's first 512 bytes and the ten that were read are the last that the host gets.
    assert out.getvalue().endswith(b"xxxxxxxxxx")
    assert b'"type":"result"' not in out.getvalue()
    assert b'"type":"span"' not in out.getvalue()


def test_an_author_who_does_not_catch_it_is_told_what_broke_and_what_came_of_it(tmp_path: Path) -> None:
    agent = Agent()
    agent.action("do")(lambda _, ctx: {"tree": Torn(ctx).put()})
    with pytest.raises(ProtocolError, match="broke off") as caught:
        run_action(agent, "do", {}, scratch=tmp_path)
    assert "became shorter" in str(caught.value.__context__)


def test_a_program_whose_frame_broke_off_ends_with_an_error_and_the_reason_on_stderr(tmp_path: Path) -> None:
    script = tmp_path / "agent_main.py"
    script.write_text(
        "from airlock_sdk import Agent\nagent = Agent()\n"
        "@agent.action('do')\n"
        "def do(inputs, ctx):\n"
        "    def torn(out):\n        out.write(b'x' * 10)\n        raise OSError('the disk is gone')\n"
        "    try:\n        ctx._writer.send_streamed({'type': 'artifact', 'name': 'a'}, 5000, torn)\n"
        "    except OSError:\n        return {'ok': True}\n"
        "agent.run()\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        input=b"".join(request_bytes("do", {})),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout.endswith(b"x" * 10)
    assert b"`artifact a` broke off (OSError: the disk is gone)" in done.stderr


def test_a_header_that_cannot_be_spelled_breaks_nothing() -> None:
    out = io.BytesIO()
    writer = FrameWriter(out)
    with pytest.raises(ProtocolError):
        writer.send({"type": "x" * 70_000})
    writer.send({"type": "log"})
    assert out.getvalue() == b'{"type":"log"}\n'
    assert not writer.broken


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("x")
    real = os.access
    # Root reads everything: whoever runs the tests as root could not make a file unreadable.
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).endswith("secret") and real(path, mode)
    )
    out = io.BytesIO()
    with pytest.raises(PermissionError, match="secret"):
        pack(tmp_path, out)
    assert out.getvalue() == b""
