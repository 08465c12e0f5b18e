"""The last stage of a Dockerfile gets its user, a base image its version; what is not sure stays as it is."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.patcher.configuration.files import changed, note
from airlock_agents.builtin.patcher.configuration.setting import User, change_of
from airlock_agents.builtin.patcher.reason import Reason
from hypothesis import given
from hypothesis import strategies as st

DOCKER = """FROM python:3.12 AS build
USER root
RUN make \\
  all
FROM --platform=linux/amd64 python:3.12
COPY . .
"""


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (DOCKER + 'CMD ["run"]\n', DOCKER + 'USER 10001\nCMD ["run"]\n'),
        (DOCKER + "USER root\nRUN x\nUSER  app\n", DOCKER + "USER root\nRUN x\nUSER  10001\n"),
        (DOCKER.rstrip("\n"), DOCKER + "USER 10001\n"),
        (DOCKER + "USER US\n", DOCKER + "USER 10001\n"),
        ("from x\r\nENTRYPOINT a\r\n", "from x\r\nUSER 10001\r\nENTRYPOINT a\r\n"),
        ("RUN x\n", "no FROM"),
        ("FROM x\nUSER 10001\n", "already"),
        ("FROM x\nRUN <<EOF\nUSER y\nEOF\n", "several lines"),
        ("FROM x\nRUN a && \\\n cat <<EOF > f\nUSER root\nEOF\n", "several lines"),
        ("FROM x\nRUN a && \\\n# so\n\n cat <\\\n<EOF > f\nUSER root\nEOF\n", "several lines"),
        ("FROM x\nRUN a \\\n", "does not end"),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM x\n", "escape"),
        ("# escape=`\nFROM x\n", "escape"),
    ],
)
def test_the_last_stage_of_a_dockerfile_gets_its_user(text: str, after: str) -> None:
    result = changed("Dockerfile", text, User("10001"))
    assert after in result.text if isinstance(result, Reason) else result == after
    assert "10001" in str(note(User("10001")))


DIGEST = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "to", "after"),
    [
        ("FROM python\n", "3.12.4", "FROM python:3.12.4\n"),
        ("FROM python:latest AS x  \r\n", "3.12.4", "FROM python:3.12.4 AS x  \r\n"),
        ("FROM python:3.12\n", DIGEST, f"FROM python:3.12{DIGEST}\n"),
        (f"FROM python:3.11{DIGEST}\n", "3.12", "FROM python:3.12\n"),
        ("FROM python:3\nFROM python:3 AS y\n", "3.12", "FROM python:3.12\nFROM python:3.12 AS y\n"),
        ("FROM python:3\nFROM python:2\n", "3.12", "more than one version"),
        ("FROM reg:5000/python:3\n", "3.12", "no FROM names"),
        ("ARG V=3\nFROM python:$V\n", "3.12", "no FROM names"),
        ("FROM python:3.12\n", "3.12", "already"),
    ],
)
def test_a_base_image_gets_its_tag_or_digest(text: str, to: str, after: str) -> None:
    wished = change_of({"kind": "image", "file": "Dockerfile", "image": "python", "to": to})
    result = changed("Dockerfile", text, wished)
    assert after in result.text if isinstance(result, Reason) else result == after


FROM = ["FROM x\n", "from --platform=linux/amd64 x AS y\n"]
USERS = ["USER root\n", "user  root\n"]
STARTS = ['CMD ["run"]\n', "ENTRYPOINT run\n"]
PLAIN = [
    "RUN a && \\\n    USER root\n",  # a program of that name
    "RUN a \\\n# USER root\n\n  && b\n",
    "# USER root\n",
    "\n",
    'ENV A="\\\nUSER root"\n',
    "COPY a \\\n  USER\n",
]
# What holds lines that look like instructions.
HELD = [
    "RUN <<EOF\nUSER root\nEOF\n",
    "RUN a && \\\n cat <<EOF > f\nUSER root\nEOF\n",
    "RUN a && \\\n# so\n b && \\\n cat <<-'EOF' > f\nCMD x\nUSER root\n\tEOF\n",
    "RUN cat <\\\n<EOF > f\nUSER root\nEOF\n",
    "COPY \\\n <<a.txt /a.txt\nFROM z\na.txt\n",
]


@given(st.lists(st.sampled_from([*FROM, *USERS, *STARTS, *PLAIN, *HELD]), max_size=8))
def test_the_user_of_the_last_stage_is_changed_and_nothing_else(below: list[str]) -> None:
    parts = [FROM[0], *below]
    stage = max(at for at, part in enumerate(parts) if part in FROM)
    users = [at for at, part in enumerate(parts) if part in USERS and at > stage]
    starts = [at for at, part in enumerate(parts) if part in STARTS and at > stage]

    result = changed("Dockerfile", "".join(parts), User("app"))

    if any(part in HELD for part in parts):
        assert isinstance(result, Reason)
        return
    if users:
        parts[users[-1]] = parts[users[-1]].replace("root", "app")
    else:
        parts.insert(starts[0] if starts else len(parts), "USER app\n")
    assert result == "".join(parts)
