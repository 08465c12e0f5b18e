"""Agents for these tests, on the base image: each is a few lines given to its interpreter."""

from typing import Any

OBEDIENT = """
import hashlib, json, sys, time
given = sys.stdin.buffer.read()
asked = json.loads(given)
time.sleep(asked.get("seconds", 0))
text = hashlib.sha256(given).hexdigest() if asked.get("digest") else asked.get("text", "")
print(json.dumps({"n": 1, "text": text, "seen": asked.get("seen", [])}))
"""

HOSTILE = r"""
import json, os, signal, subprocess, sys, time
asked = json.load(sys.stdin)
how, digest = asked["how"], asked.get("hex", "e" * 64)
out = sys.stdout.buffer
good = b'{"n": 1}'
say = {
    "rubbish": b"hello, this is no JSON\n",
    "nothing": b"",
    "two-documents": b'{"n": 1}\n{"n": 2}',
    "nan": b'{"n": NaN}',
    "infinity": b'{"n": -Infinity}',
    "huge-number": b'{"n": 1e400}',
    "twice-the-key": b'{"n": 1, "n": 2}',
    "u0000": b'{"n": 1, "text": "\\u0000"}',
    "deep": b'{"n": 1, "deep": ' + b"[" * 100000 + b"]" * 100000 + b"}",
    "surrogate": b'{"n": 1, "text": "\\ud800"}',
    "not-utf8": b'{"n": 1, "text": "\xff\xfe"}',
    "other-schema": b'{"n": "one"}',
    "foreign-artifact": b'{"n": 1, "a": {"artifact": "sha256:%s", "size": 3, "media_type": "text/plain"}}'
        % digest.encode(),
}
if how in say:
    out.write(say[how])
elif how == "50-megabytes":
    for _ in range(50 * 16):
        out.write(b"y" * 65536)
elif how == "exit-1":
    print("half an answer", flush=True)
    sys.exit("the reason stands on stderr")
elif how == "kills-itself":
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "memory":
    hoard = bytearray(b"x") * (512 << 20)
elif how == "memory-of-a-child":
    subprocess.run([sys.executable, "-c", "hoard = bytearray(b'x') * (512 << 20)"])
    out.write(good)
elif how == "forks":
    while True:
        try:
            os.fork()
        except OSError:
            pass
elif how == "sleeps":
    print("going to sleep", flush=True)
    time.sleep(600)
elif how == "ignores-sigterm":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)
elif how == "closes-stdout":
    os.close(1)
    time.sleep(600)
elif how == "good":
    out.write(good)
"""

SPEAKING = """
from airlock_sdk import Agent, Failure
agent = Agent()

@agent.action("flaky")
def flaky(inputs, context):
    attempt = int(context.attempt.rpartition("/")[2])
    if attempt < inputs["succeeds_at"]:
        raise Failure("agent.busy", f"attempt {attempt}", retryable=True)
    return {"attempt": attempt, "key": context.idempotency_key}

@agent.action("trace")
def trace(inputs, context):
    with context.span("think", rounds=2), context.span("look up", where="a book"):
        pass
    context.put_artifact("thought.txt", context.attempt.encode(), "text/plain")
    return {"traceparent": context.traceparent}

agent.run()
"""

ANY = {"type": "object"}
NUMBER = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}


def manifest(name: str, code: str, actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An agent of a few lines of Python on the base image."""
    return {
        "name": name,
        "version": "1.0.0",
        "type": "SCRIPT",
        "image": "airlock-base",
        "command": ["python3", "-c", code],
        "limits": {"memory_mb": 64, "timeout_seconds": 60, "pids": 32},
        "actions": actions,
    } | more


MANIFESTS = [
    manifest("obedient", OBEDIENT, {"do": {"input_schema": ANY, "output_schema": NUMBER}}),
    manifest("hostile", HOSTILE, {"attack": {"input_schema": ANY, "output_schema": NUMBER}}),
    manifest(
        "speaking",
        SPEAKING,
        {
            "flaky": {
                "input_schema": {"type": "object", "required": ["succeeds_at"]},
                "output_schema": {"type": "object", "required": ["attempt"]},
            },
            "trace": {"input_schema": ANY, "output_schema": {"type": "object", "required": ["traceparent"]}},
        },
        protocol="airlock/1",
    ),
    manifest(
        "careful",
        OBEDIENT,
        {"do": {"input_schema": ANY, "output_schema": NUMBER}},
        risk_level="APPROVAL_REQUIRED",
    ),
]
