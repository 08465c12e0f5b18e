"""Whose containers a janitor may remove, and which images may be registered."""

from typing import Any

import pytest
from airlock_agents.sandbox.docker import Found
from airlock_agents.sandbox.janitor import abandoned
from airlock_agents.sandbox.pinning import Pinned, Unusable, judge_image


def container(install: str = "i1", host: str = "h1", boot: str = "b2", sandbox: str = "s1") -> Found:
    labels = {
        "airlock.install": install,
        "airlock.host": host,
        "airlock.boot": boot,
        "airlock.sandbox": sandbox,
    }
    return Found(id="c1", name="c1", labels=labels)


def is_abandoned(found: Found, gone: frozenset[str] = frozenset()) -> bool:
    return bool(
        abandoned([found], install="i1", host="h1", boot="b2", live=frozenset({"s1"}), gone_hosts=gone)
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (container(), False),
        (container(sandbox="s2"), True),
        (container(boot="b1"), True),
        (container(host="h2"), False),
        (container(install="i2"), False),
        (container(install="i2", boot="b1"), False),
        (Found(id="c", name="c", labels={"airlock.install": "i1"}), False),
        (Found(id="c", name="c", labels={}), False),
    ],
)
def test_only_ones_own_and_unused_containers_are_abandoned(found: Found, expected: bool) -> None:
    assert is_abandoned(found) is expected


def test_another_hosts_containers_are_touched_once_it_is_called_gone() -> None:
    gone = frozenset({"h2"})
    assert is_abandoned(container(host="h2"), gone)
    assert not is_abandoned(container(host="h3"), gone)
    assert not is_abandoned(container(install="i2", host="h2"), gone)


ID = "sha256:" + "1" * 64


def image(**config: Any) -> dict[str, Any]:
    return {
        "Id": ID,
        "Architecture": "amd64",
        "Os": "linux",
        "Size": 1000,
        "RepoDigests": [],
        "Config": config,
    }


def test_a_local_image_is_pinned_by_its_id() -> None:
    assert judge_image("echo", image(), architecture="amd64") == Pinned(digest=ID)


def test_a_pulled_image_is_pinned_by_its_repository_digest() -> None:
    found = image() | {
        "RepoDigests": ["other@sha256:" + "2" * 64, "r.example.com:5000/echo@sha256:" + "3" * 64]
    }
    pinned = judge_image("r.example.com:5000/echo:1.2", found, architecture="amd64")
    assert pinned == Pinned(digest="r.example.com:5000/echo@sha256:" + "3" * 64)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (image(Volumes={"/data": {}}), "VOLUME /data"),
        (image(OnBuild=["RUN true"]), "ONBUILD"),
        (image() | {"Architecture": "arm64"}, "built for arm64"),
        (image() | {"Os": "windows"}, "no Linux image"),
        (image() | {"Size": 5 * 1024**3}, "larger than 4 GiB"),
        (image(Env=["A=1"] * 257), "more than 256"),
        (image(Labels={str(n): "" for n in range(257)}), "more than 256"),
    ],
)
def test_an_image_that_would_open_the_sandbox_is_refused(found: dict[str, Any], said: str) -> None:
    judged = judge_image("echo", found, architecture="amd64")
    assert isinstance(judged, Unusable)
    assert said in judged.problem


def test_names_of_one_architecture_are_one() -> None:
    assert isinstance(judge_image("echo", image(), architecture="x86_64"), Pinned)
