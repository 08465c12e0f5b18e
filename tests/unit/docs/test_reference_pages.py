"""The hand-written reference pages name what there is: routes, frames, statuses, the sandbox's lines."""

import re
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airlock_agents.host import fields
from airlock_agents.sandbox import airlock1, frames, spans
from airlock_agents.sandbox.policy import HostLimits, Owner, container_policy
from airlock_contracts import statuses
from airlock_contracts.events import SYSTEM, EventType
from airlock_contracts.logs import MAX_FIELDS_BYTES
from airlock_contracts.manifest import Manifest
from airlock_orchestration.api import build_api
from airlock_orchestration.api.dependencies import Limits
from airlock_orchestration.api.description import describe
from airlock_sdk import span

DOCS = Path(__file__).parents[3] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def is_status(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum


@pytest.fixture(scope="module")
def paths() -> set[str]:
    """The paths of the API, each parameter written as `{}`."""
    deps: Any = SimpleNamespace(limits=Limits())
    return {re.sub(r"\{[^}]*\}", "{}", path) for path in describe(build_api(deps))["paths"]}


def test_every_path_of_the_api_is_on_the_page(paths: set[str]) -> None:
    assert paths - written_paths() == set()


def test_every_path_on_the_page_is_one_of_the_api(paths: set[str]) -> None:
    assert written_paths() - paths - {"/docs"} == set()


def written_paths() -> set[str]:
    """The paths in the table of resources, each parameter written as `{}`."""
    table = page("reference/rest.md").partition("\n## Resources\n")[2].partition("\n## ")[0]
    cells = (row.split(" | ")[0] for row in table.splitlines())
    found = {path for cell in cells for path in re.findall(r"`(?:[A-Z]+ )?(/[^`]+)`", cell)}
    return {re.sub(r"\{[^}]*\}", "{}", path) for path in found}


def test_every_event_has_its_row() -> None:
    table = page("reference/rest.md").partition("\n## Events\n")[2]
    written = set(re.findall(r"`([a-z]+\.[a-z_]+)`", table))
    assert written >= {event.value for event in EventType}


@pytest.mark.parametrize("kind", [kind for kind in vars(statuses).values() if is_status(kind)])
def test_the_glossary_has_every_status_and_level(kind: type[StrEnum]) -> None:
    text = page("glossary.md")
    for member in kind:
        assert f"`{member.value}`" in text, f"{kind.__name__}.{member.name}"


def test_the_glossary_says_who_did_what_nobody_did() -> None:
    assert f"`{SYSTEM}` where nobody did" in page("glossary.md")


def test_every_frame_and_limit_is_on_the_page() -> None:
    text = page("reference/agent-protocol.md")
    for kind in (*frames._TYPES, "request"):
        assert f'{{"type":"{kind}"' in text, kind
    for limit in (frames.MAX_HEADER_BYTES, airlock1.MAX_LOG_BYTES, airlock1.MAX_TALK_BYTES):
        shown = f"{limit // 1024} KiB" if limit < 1024 * 1024 else f"{limit // (1024 * 1024)} MiB"
        assert f"| {shown} |" in text, shown
    assert f"256 MiB; {airlock1.MAX_ARTIFACTS} |" in text
    names = f"{spans.MAX_NAME_CHARACTERS} characters of a name; {spans.MAX_NAMES_BYTES // 1024} KiB of names"
    assert f"| spans | {spans.MAX_SPANS}; {names} together |" in text
    words = f"{spans.MAX_KEY_CHARACTERS} characters of a key and {spans.MAX_VALUE_CHARACTERS} of a value"
    assert f"| {spans.MAX_ATTRIBUTES} of one, with {words} |" in text
    assert f"| {spans.MAX_ATTRIBUTES_BYTES // 1024} KiB of keys and values" in text
    inside = "with those in objects within"
    assert f"| {fields.MAX_NAMES} names, {inside}; {MAX_FIELDS_BYTES // 1024} KiB |" in text


def test_the_sdk_sends_what_a_host_takes() -> None:
    assert (span.MAX_SPANS, span.MAX_NAME, span.MAX_ATTRIBUTES, span.MAX_KEY, span.MAX_TEXT) == (
        spans.MAX_SPANS,
        spans.MAX_NAME_CHARACTERS,
        spans.MAX_ATTRIBUTES,
        spans.MAX_KEY_CHARACTERS,
        spans.MAX_VALUE_CHARACTERS,
    )


def test_every_line_of_the_containers_configuration_is_explained() -> None:
    action = {"input_schema": {}, "output_schema": {}}
    manifest = Manifest.model_validate(
        {
            "name": "a",
            "version": "1.0.0",
            "type": "RULE",
            "image": "a",
            "command": ["x"],
            "actions": {"go": action},
        }
    )
    owner = Owner(install="i", host="h", boot="b", sandbox="s")
    image = "sha256:" + "0" * 64
    policy = container_policy(manifest=manifest, image=image, host=HostLimits(), owner=owner, processors=1)
    body = policy.to_api()
    text = page("security.md")
    for line in {*body, *body["HostConfig"]} - {"HostConfig"}:
        assert f"`{line}`" in text, line
