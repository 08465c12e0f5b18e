"""The command line on the composed stack: runs started, followed, decided, looked at after they failed."""

import asyncio
import json
import os
import pty
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airlock_client.changes import apply as apply_seen
from airlock_client.changes import look
from airlock_client.errors import ProblemError
from airlock_contracts.statuses import ApprovalStatus, RunStatus
from e2e_agents import ANY, manifest
from e2e_install import Install, spec

HOSTILE = {"agent": "hostile", "action": "attack"}
SECONDS = 90


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


async def airlock(install: Install, *arguments: str, key: str | None = None) -> Done:
    """Run a command without a terminal, for this install."""
    process = await asyncio.create_subprocess_exec(
        *_command(arguments),
        env=_environment(install) | ({"AIRLOCK_KEY": key} if key else {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Done(process.returncode, out.decode(), err.decode())


async def at_terminal(install: Install, answer: str, *arguments: str, ahead: str = "") -> Done:
    """Run a command in a terminal of 80 columns and answer its question; `ahead` is typed before it asks."""
    ours, theirs = pty.openpty()
    os.write(ours, ahead.encode())
    process = await asyncio.create_subprocess_exec(
        *_command(arguments),
        env=_environment(install) | {"COLUMNS": "80", "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    answered = False
    try:
        async with asyncio.timeout(SECONDS):
            while piece := await asyncio.to_thread(_read, ours):
                said += piece
                if not answered and b"[yes/no]" in said:
                    os.write(ours, answer.encode() + b"\n")
                    answered = True
            code = await process.wait()
    finally:
        os.close(ours)
    return Done(code, said.decode(), "")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "airlock_client", *arguments]


def _environment(install: Install) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
    return kept | {"AIRLOCK_HOME": str(install.stack.folder.path), "COLUMNS": "120"}


async def apply(install: Install, tmp_path: Path, name: str, *nodes: dict[str, Any]) -> None:
    """Apply a workflow by the command line."""
    (tmp_path / "workflow.json").write_bytes(spec(name, nodes))
    applied = await airlock(install, "workflows", "apply", str(tmp_path / "workflow.json"))
    assert applied.code == 0, applied.err


async def test_a_run_that_is_waited_for_gives_its_view_as_json_and_exit_0(
    install: Install, tmp_path: Path
) -> None:
    await apply(install, tmp_path, "cli-good", {"id": "a", "inputs": {"text": "{{ context.word }}"}})
    done = await airlock(install, "run", "cli-good", "--set", "word=hello", "--wait", "--json")
    assert done.code == 0, done.err
    view = json.loads(done.out)
    assert (view["status"], view["context"]) == ("SUCCESS", {"word": "hello"})
    output = await airlock(install, "runs", "output", view["id"], "a")
    assert json.loads(output.out)["text"] == "hello"


async def test_a_workflow_is_replaced_only_from_the_version_that_was_looked_at(
    install: Install, tmp_path: Path
) -> None:
    file = str(tmp_path / "workflow.json")

    async def applied(description: str, *options: str) -> Done:
        (tmp_path / "workflow.json").write_bytes(spec("cli-shared", [{"id": "a"}], description=description))
        return await airlock(install, "workflows", "apply", file, *options)

    assert (await applied("Hers.", "--builds-on", "0")).out == "applied   cli-shared, version 1\n"
    second = await applied("His.", "--builds-on", "1")
    assert second.out.startswith("applied   cli-shared, version 2, in the place of version 1 by ")
    for builds_on in ("0", "1"):  # she has not seen his
        late = await applied("Hers again.", "--builds-on", builds_on)
        assert (late.code, late.out) == (1, "")
        assert "its newest version is 2" in late.err
        assert "airlock workflows show cli-shared --json` says what it is now" in late.err
        assert "then apply it with --builds-on 2" in late.err
    assert (await install.client.workflow("cli-shared")).spec.description == "His."
    assert (await applied("His.", "--builds-on", "1")).out == "unchanged cli-shared, version 2\n"
    assert "no version 7 of cli-shared" in (await applied("Hers again.", "--builds-on", "7")).err
    assert (await applied("Hers again.")).code == 0  # nobody else is there
    assert (await airlock(install, "workflows", "apply", file, file, "--builds-on", "3")).code == 3


async def test_a_runs_artifacts_are_listed_by_what_its_documents_call_them(
    install: Install, tmp_path: Path
) -> None:
    await apply(install, tmp_path, "cli-artifacts", {"id": "a"})
    (tmp_path / "plan.json").write_text('{"plan": 1}')
    given = json.loads(
        (await airlock(install, "artifacts", "put", str(tmp_path / "plan.json"), "--json")).out
    )
    told = await airlock(install, "run", "cli-artifacts", "--set", f"plans={json.dumps([given])}")
    *_, before, last = told.out.splitlines()
    run = last.removeprefix("SUCCESS ")
    assert before == f"artifacts: airlock artifacts list --run {run}"
    (listed,) = json.loads((await airlock(install, "artifacts", "list", "--run", run, "--json")).out)
    assert (listed["artifact"], listed["places"]) == (given["artifact"], ["context.plans.0"])
    assert "context.plans.0" in (await airlock(install, "artifacts", "list", "--run", run)).out
    short = await airlock(install, "artifacts", "list", "--run", run[:-4])
    assert given["artifact"] in short.out
    unknown = await airlock(install, "artifacts", "list", "--run", "0" * 8 + run[8:])
    assert (unknown.code, "404 run.unknown" in unknown.err) == (1, True)


async def test_what_a_run_found_is_told_and_its_files_are_unpacked_safely(
    install: Install, tmp_path: Path
) -> None:
    (tmp_path / "tree" / "src").mkdir(parents=True)
    (tmp_path / "tree" / "src" / "a.py").write_text("a = 1\n")
    tree = json.loads((await airlock(install, "artifacts", "put", str(tmp_path / "tree"), "--json")).out)
    (tmp_path / "evil.tar").write_bytes(b"no tar" * 200)
    put = ("artifacts", "put", str(tmp_path / "evil.tar"), "--media-type", "application/x-tar", "--json")
    evil = json.loads((await airlock(install, *put)).out)
    # What came with the context is no result of a run, so the workflow names what the agent says again.
    unseen = [{"file": "big.js", "reason": "cut"}]
    inputs: dict[str, Any] = {"findings": "{{ context.findings }}", "patched": tree, "../../evil": evil}
    inputs |= {"skipped": unseen, "skipped_total": 3}
    node = {"id": "look", "agent": "echo", "action": "say", "inputs": inputs}
    say = {"input_schema": ANY, "output_schema": ANY}
    program = "import sys; sys.stdout.write(sys.stdin.read())"
    await install.client.register_agent(json.dumps(manifest("echo", program, {"say": say})).encode())
    await apply(install, tmp_path, "cli-found", node)
    found = {"severity": "HIGH", "file": "src/a.py", "line": 1, "rule": "B1", "message": "why"}
    context = json.dumps({"findings": [found]})
    done = await airlock(install, "run", "cli-found", "--context", context)
    run = done.out.split()[-1]
    assert (done.code, done.err.splitlines()[-1]) == (0, f"next: airlock runs findings {run}")
    assert done.out.splitlines()[-1] == f"SUCCESS {run}"

    shown = (await airlock(install, "runs", "findings", run)).out
    assert "src/a.py:1  B1 why" in shown
    assert "UNSEEN    big.js  cut\nand 2 more unseen: airlock runs artifacts" in shown
    assert "UNSEEN" not in (await airlock(install, "runs", "findings", run, "--rule", "B1")).out
    (told,) = json.loads((await airlock(install, "runs", "findings", run, "--json")).out)
    assert told == {
        "node": "look",
        "kind": "findings",
        "by_severity": {"CRITICAL": 0, "HIGH": 1, "MEDIUM": 0, "LOW": 0},
        "suppressed": 0,
        "below_floor": 0,
        "files": 0,
        "listed": [found],
        "truncated": False,
        "report_truncated": False,
        "skipped": unseen,
        "skipped_total": 3,
    }
    critical = await airlock(install, "runs", "findings", run, "--severity", "critical", "--json")
    assert json.loads(critical.out) == [told | {"listed": []}]

    to = tmp_path / "results"
    saved = await airlock(install, "runs", "artifacts", run, "--to", str(to))
    assert (saved.code, "is kept packed" in saved.err) == (0, True)
    assert (to / "look-patched" / "src" / "a.py").read_text() == "a = 1\n"
    assert sorted(path.name for path in to.iterdir()) == ["look-..-1..-1evil.tar", "look-patched"]
    assert (await airlock(install, "runs", "artifacts", run, "--to", str(to))).code == 3  # not empty
    listed = json.loads((await airlock(install, "runs", "artifacts", run, "--json")).out)
    assert {one["artifact"] for one in listed} == {tree["artifact"], evil["artifact"]}


async def test_a_change_in_the_very_moment_of_another_is_refused(install: Install) -> None:
    first = spec("cli-raced", [{"id": "a"}])
    await install.client.apply_workflow(first)
    seen = await look(install.client, "cli-raced")
    await install.client.apply_workflow(spec("cli-raced", [{"id": "b"}]))
    with pytest.raises(ProblemError) as caught:
        await apply_seen(install.client, spec("cli-raced", [{"id": "c"}]), seen)
    assert caught.value.problem.code == "workflow.changed"
    assert await look(install.client, "cli-nobodys") is None


async def test_a_followed_run_is_told_line_by_line_where_there_is_no_terminal(
    install: Install, tmp_path: Path
) -> None:
    await apply(install, tmp_path, "cli-lines", {"id": "a"}, {"id": "b", "depends_on": ["a"]})
    done = await airlock(install, "run", "cli-lines")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    assert done.out.splitlines()[-1].startswith("SUCCESS ")
    assert done.out.index("node.finished       a") < done.out.index("node.finished       b")


async def test_a_failed_run_exits_2_and_shows_failure_stderr_and_the_next_command(
    install: Install, tmp_path: Path
) -> None:
    node = HOSTILE | {"id": "a", "inputs": {"how": "exit-1"}}
    await apply(install, tmp_path, "cli-failed", node, {"id": "b", "depends_on": ["a"]})
    done = await airlock(install, "run", "cli-failed", "--wait", "--json")
    assert done.code == 2
    run = json.loads(done.out)["id"]
    shown = await airlock(install, "runs", "show", run)
    assert shown.code == 0
    assert "a failed: exit.nonzero (sandbox)" in shown.out
    assert "the reason stands on stderr" in shown.out
    assert f"next: airlock runs retry {run}" in shown.out
    assert "SKIPPED" in shown.out


async def test_what_breaks_the_schema_is_shown_with_its_pointer(install: Install, tmp_path: Path) -> None:
    await apply(install, tmp_path, "cli-pointer", HOSTILE | {"id": "a", "inputs": {"how": "other-schema"}})
    done = await airlock(install, "run", "cli-pointer")
    assert done.code == 2
    assert "output.schema_mismatch" in done.out
    assert "pointer: /n" in done.out
    assert '{"n": "one"}' in done.out


async def test_nobody_decides_unseen(install: Install, tmp_path: Path) -> None:
    await apply(install, tmp_path, "cli-gate", {"id": "a", "agent": "careful", "inputs": {"text": "[b]x"}})
    started = await airlock(install, "run", "cli-gate")
    assert started.code == 5
    assert "waits for a decision: airlock approvals approve" in started.out
    run = started.out.split()[-1]
    asked = await install.until_asked(run, "a")

    shown = await airlock(install, "approvals", "show", asked.id)
    assert all(text in shown.out for text in (asked.payload_sha256, '"[b]x"', "careful@1.0.0", "it covers"))
    unseen = await airlock(install, "approvals", "approve", asked.id)
    assert (unseen.code, asked.id in unseen.err) == (3, True)
    stale = await airlock(install, "approvals", "approve", asked.id, "--payload", "0" * 64)
    assert (stale.code, "412" in stale.err) == (1, True)
    assert (await install.client.approval(asked.id)).status is ApprovalStatus.PENDING

    seen = await airlock(install, "approvals", "approve", asked.id, "--payload", asked.payload_sha256)
    assert seen.code == 0, seen.err
    assert (await install.until_final(run)).status is RunStatus.SUCCESS
    again = await airlock(install, "approvals", "reject", asked.id, "--payload", asked.payload_sha256)
    assert (again.code, "409" in again.err) == (1, True)
    assert re.search(r"root APPROVED approval \S+ at \S+Z, without notes", again.err), again.err

    short = asked.id[:13]  # as much of it as no other has; the hash alone, for a script
    assert (
        await airlock(install, "approvals", "show", short, "--payload")
    ).out.strip() == asked.payload_sha256
    assert run in (await airlock(install, "approvals", "list", "--run", run)).out
    nothing = await airlock(install, "approvals", "show", "ffffffff-ffff")
    assert (nothing.code, "begins with ffffffff-ffff" in nothing.err) == (1, True)
    node = await airlock(install, "logs", run, "--node", "nosuch")
    assert (node.code, "its nodes: a" in node.err) == (1, True)
    meant = await airlock(install, "run", "cli-gaet")
    assert "Did you mean cli-gate?" in meant.err
    wrong = await airlock(install, "runs", "list", key="airlock_0123456789_" + "0" * 64)
    assert "the key that was used is from AIRLOCK_KEY" in wrong.err, wrong.err


@pytest.mark.parametrize(("answer", "code", "status"), [("no", 1, "PENDING"), ("yes", 0, "REJECTED")])
async def test_in_a_terminal_it_is_shown_first_and_asked(
    install: Install, tmp_path: Path, answer: str, code: int, status: str
) -> None:
    await apply(install, tmp_path, "cli-asked", {"id": "a", "agent": "careful", "inputs": {"text": "me"}})
    started = await airlock(install, "run", "cli-asked", "--no-follow")
    run = started.out.strip()
    asked = await install.until_asked(run, "a")
    done = await at_terminal(install, answer, "approvals", "reject", asked.id, "--notes", "not today")
    assert done.code == code, done.out
    assert done.out.index(asked.payload_sha256) < done.out.index("[yes/no]")
    after = await install.client.approval(asked.id)
    assert after.status == status
    if status == "PENDING":
        assert (await airlock(install, "runs", "cancel", run)).code == 0
    ended = await install.until_final(run)
    assert ended.status is (RunStatus.CANCELLED if status == "PENDING" else RunStatus.FAILED)


async def test_what_was_typed_before_the_question_stood_there_answers_nothing(
    install: Install, tmp_path: Path
) -> None:
    await apply(install, tmp_path, "cli-ahead", {"id": "a", "agent": "careful", "inputs": {"text": "me"}})
    run = (await airlock(install, "run", "cli-ahead", "--no-follow")).out.strip()
    asked = await install.until_asked(run, "a")
    done = await at_terminal(install, "no", "approvals", "approve", asked.id, ahead="yes\nyes\n")
    assert (done.code, "left as it is" in done.out) == (1, True), done.out
    assert (await install.client.approval(asked.id)).status is ApprovalStatus.PENDING
    assert (await airlock(install, "runs", "cancel", run)).code == 0
    await install.until_final(run)


async def test_a_cancelled_run_can_be_retried(install: Install, tmp_path: Path) -> None:
    slow = {"id": "b", "depends_on": ["a"], "inputs": {"seconds": "{{ context.seconds }}"}}
    await apply(install, tmp_path, "cli-cancel", {"id": "a"}, slow)
    run = (await airlock(install, "run", "cli-cancel", "--set", "seconds=60", "--no-follow")).out.strip()
    cancelled = await airlock(install, "runs", "cancel", run, "--reason", "too slow")
    assert cancelled.code == 0, cancelled.err
    assert (await install.until_final(run)).status is RunStatus.CANCELLED
    retried = await airlock(install, "runs", "retry", run, "--json")
    assert retried.code == 0, retried.err
    again = json.loads(retried.out)["id"]
    assert (await install.client.run(again)).retry_of == run
    assert (await airlock(install, "runs", "cancel", again)).code == 0
    listed = await airlock(install, "runs", "list", "--workflow", "cli-cancel", "--json")
    assert [view["id"] for view in json.loads(listed.out)] == [again, run]


async def test_a_run_takes_the_context_of_another_and_what_is_set_beside_it(
    install: Install, tmp_path: Path
) -> None:
    await apply(install, tmp_path, "cli-again", {"id": "a"})
    first = await airlock(install, "run", "cli-again", "--set", "word=hello", "--set", "n=1", "--no-follow")
    arguments = ("run", "cli-again", "--context-of", first.out.strip(), "--set", "n=2", "--wait", "--json")
    done = await airlock(install, *arguments)
    assert (done.code, json.loads(done.out)["context"]) == (0, {"word": "hello", "n": 2}), done.err
    assert json.loads(done.out)["retry_of"] is None


async def test_the_same_idempotency_key_answers_the_same_run(install: Install, tmp_path: Path) -> None:
    await apply(install, tmp_path, "cli-once", {"id": "a"})
    arguments = ("run", "cli-once", "--no-follow", "--idempotency-key", "once")
    assert (await airlock(install, *arguments)).out == (await airlock(install, *arguments)).out


async def test_doctor_and_hosts_find_all_well(install: Install) -> None:
    doctor = await airlock(install, "doctor")
    assert doctor.code == 0, doctor.out
    hosts = json.loads((await airlock(install, "hosts", "--json")).out)
    assert [host["status"] for host in hosts] == ["UP"]


async def test_lists_are_tables_that_pipes_get_whole(install: Install) -> None:
    agents = (await airlock(install, "agents", "list")).out
    assert "obedient@1.0.0" in agents
    assert "\x1b" not in agents
    shown = await airlock(install, "agents", "show", "careful@1.0.0")
    assert "APPROVAL_REQUIRED" in shown.out
