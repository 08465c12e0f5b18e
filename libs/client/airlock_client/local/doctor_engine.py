"""Findings about the Docker Engine, from the facts that `python -m airlock_agents diagnose` prints. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .findings import (
    GIB,
    SECONDS_APART,
    Facts,
    Finding,
    apart,
    bytes_text,
    ok,
    remote,
    unknown,
    warning,
    wrong,
)

_OLDEST = (20, 10, 10)
_LITTLE, _FREE = 2 * GIB, 5 * GIB
_MUCH = 2 * GIB
_MANY_NETWORKS = 25
"""Docker's default address pools end after about thirty."""
_OLD_SECONDS = 60
_SLOW_DRIVERS = frozenset({"vfs", "devicemapper", "aufs"})


def engine_findings(facts: Facts, *, running: bool) -> list[Finding]:
    """Judge an engine; `running` says whether the install whose containers were listed is up."""
    if problem := facts.get("problem"):
        return [
            wrong("Docker Engine", problem, "agents cannot run without it"),
            unknown("images", "no engine"),
        ]
    parts: tuple[tuple[str, str, Callable[[], Iterable[Finding]]], ...] = (
        ("engine", "Docker Engine", lambda: _engine(facts["engine"])),
        ("limits", "limits", lambda: _limits(facts["limits"])),
        ("images", "images", lambda: _images(facts["images"])),
        ("leftovers", "earlier images", lambda: _leftovers(facts["leftovers"])),
        ("containers", "containers", lambda: _containers(facts["containers"], running)),
    )
    return [
        finding
        for name, part, judge in parts
        for finding in (_not_seen(part, facts[name]) if _failed(facts[name]) else judge())
    ]


def _failed(fact: Any) -> bool:
    """Whether a part could not be looked at; the others were all the same."""
    return isinstance(fact, dict) and bool(fact.get("problem"))


def _not_seen(part: str, fact: Facts) -> Iterator[Finding]:
    yield wrong(part, f"the engine failed: {fact['problem']}", "look at its log; airlock doctor again")


def _engine(engine: Facts) -> Iterator[Finding]:
    part = "Docker Engine"
    yield ok(
        part,
        f"{engine['version']} at {engine['address']}, {engine['storage_driver']}, "
        f"cgroup v{engine['cgroup_version']} by {engine['cgroup_driver']}, runtime {engine['runtime']}",
    )
    if _numbers(engine["version"]) < _OLDEST:
        yield wrong(part, f"{engine['version']} cannot apply Airlock's profile", "20.10.10 or newer")
    if not any("name=seccomp" in option for option in engine["security"]):
        yield wrong(
            part,
            "it applies no seccomp profiles",
            "a kernel with CONFIG_SECCOMP_FILTER, and an engine with seccomp",
        )
    if engine["storage_driver"] in _SLOW_DRIVERS:
        yield warning(part, f"the storage driver {engine['storage_driver']} is slow", "overlay2")
    for said in engine["warnings"]:
        yield warning(
            part, f"it warns: {said}", "a limit that is not supported is not enforced; airlock probe tells"
        )
    free = engine["free_bytes"]
    if free is not None and free < _FREE:
        found = wrong if free < _LITTLE else warning
        yield found(
            "engine's disk",
            f"{bytes_text(free)} free at {engine['root']}",
            "docker system prune, or more room",
        )
    elif free is not None:
        yield ok("engine's disk", f"{bytes_text(free)} free at {engine['root']}")
    else:
        yield remote(
            "engine's disk", "the engine's files are not this machine's", "docker system df, and df there"
        )
    if engine["networks"] > _MANY_NETWORKS:
        yield warning(
            "engine's networks",
            f"{engine['networks']}; its address pools end after about thirty",
            "docker network prune, or default-address-pools with small subnets in daemon.json",
        )
    ahead = engine["clock_ahead"]
    if ahead is None:
        yield unknown("clocks", "the engine does not say what time it is", "a newer engine: docker version")
    elif abs(ahead) > SECONDS_APART:
        yield apart("clocks", f"the engine's is {ahead:+.1f} s against this machine's", ahead)


def _limits(limits: Facts) -> Iterator[Finding]:
    part = "limits"
    if why := limits.get("untried"):
        yield unknown(part, f"not tried: {why}", "airlock up builds the images")
        return
    mend = (
        "no warnings in `docker info`; delegated control groups; no runtime that ignores them; airlock probe"
    )
    if (made := limits["processes_made"]) >= limits["pids"]:
        yield wrong(part, f"{made} processes were made where {limits['pids']} are allowed", mend)
    if not limits["killed_for_memory"]:
        yield wrong(part, f"more than {limits['memory_mb']} MiB were taken where no more is allowed", mend)
    if made < limits["pids"] and limits["killed_for_memory"]:
        yield ok(part, f"enforced: {made} of {limits['pids']} processes, {limits['memory_mb']} MiB of memory")


def _images(images: list[Facts]) -> Iterator[Finding]:
    part = "images"
    missing = [image["tag"] for image in images if not image["present"]]
    old = [image["tag"] for image in images if image["present"] and image["current"] is False]
    if missing:
        yield wrong(
            part, f"not built: {', '.join(missing)}", "airlock up, or python -m airlock_agents images build"
        )
    if old:
        yield warning(
            part,
            f"older than this checkout: {', '.join(old)}",
            "airlock up, or python -m airlock_agents images build",
        )
    if not missing and not old:
        how = (
            "current"
            if all(image["current"] for image in images)
            else "there; whether current cannot be told here"
        )
        yield ok(part, f"{len(images)} are {how}")


def _leftovers(left: Facts) -> Iterator[Finding]:
    if left["bytes"] > _MUCH:
        what = f"builds without a name: {left['images']}, up to {bytes_text(left['bytes'])}"
        yield warning("earlier images", what, "python -m airlock_agents images prune --yes")


def _containers(found: list[Facts], running: bool) -> Iterator[Finding]:
    part = "containers"
    old = [item for item in found if item["age_seconds"] > _OLD_SECONDS]
    boots: dict[str, set[str]] = {}
    for item in found:
        boots.setdefault(str(item["host"]), set()).add(str(item["boot"]))
    if not running and found:
        yield warning(
            part,
            f"{len(found)} are left although nothing runs: {_names(found)}",
            "airlock up, or airlock purge",
        )
    elif ended := [item for item in old if item["state"] != "running"]:
        yield warning(
            part, f"{len(ended)} have ended and are not removed: {_names(ended)}", "airlock down, airlock up"
        )
    elif any(len(of_host) > 1 for of_host in boots.values()) and old:
        yield warning(
            part, f"some are of an earlier start of their host: {_names(old)}", "airlock down, airlock up"
        )
    else:
        yield ok(part, f"{len(found)} of this install")


def _names(items: list[Facts]) -> str:
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(str(item["name"]) for item in items[:3]) + more


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
