"""Each extra brings what its process imports: nothing works only because another extra is there too."""

import sys
import tomllib
from importlib import metadata
from pathlib import Path

import house_reader
import house_rules
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
# Each extra, the rooms that it is installed for, and rooms inside them that another extra or an image serves.
ROOMS_OF = {
    "chassis": (("airlock_contracts", "airlock_chassis", "airlock_sdk"), ()),
    "orchestration": (("airlock_orchestration",), ()),
    "agents": (("airlock_agents",), ("airlock_agents.builtin",)),
    "client": (("airlock_client",), ("airlock_client.embedded",)),
    "embedded": (("airlock_client.embedded",), ()),
}


def brought_by(extra: str) -> set[str]:
    """The distributions that `airlock[extra]` installs: what it names, and what those need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    waiting = [Requirement(line) for line in [*project["dependencies"], *extras[extra]]]
    brought: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name == project["name"]:
            waiting += [Requirement(line) for inner in requirement.extras for line in extras[inner]]
        elif name not in brought and (requirement.marker is None or requirement.marker.evaluate()):
            brought.add(name)
            needs = (Requirement(line) for line in metadata.requires(name) or [])
            waiting += [
                need
                for need in needs
                if need.marker is None
                or any(need.marker.evaluate({"extra": chosen}) for chosen in ("", *requirement.extras))
            ]
    return brought


@pytest.mark.parametrize("extra", ROOMS_OF)
def test_an_extra_brings_what_its_rooms_import(extra: str) -> None:
    rooms, others = ROOMS_OF[extra]
    modules = house_reader.read_modules(ROOT, house_reader.tracked_files(ROOT))
    imported = {
        (top, module.path)
        for module in modules
        if any(house_reader.within(module.name, room) for room in rooms)
        and not any(house_reader.within(module.name, other) for other in others)
        for top in (item.target.split(".")[0] for item in module.imports)
        if top not in sys.stdlib_module_names and not top.startswith("airlock_")
    }
    brought = brought_by(extra)
    homes = metadata.packages_distributions()
    missing = [
        f"{path}: {top}"
        for top, path in sorted(imported)
        if not brought & {canonicalize_name(name) for name in homes.get(top, [])}
    ]
    assert missing == [], f"name it in the extra {extra} of pyproject.toml"


def test_every_room_is_served_by_an_extra() -> None:
    served = {room for rooms, _ in ROOMS_OF.values() for room in rooms}
    assert [room for room in house_rules.ROOMS if not any(house_reader.within(room, s) for s in served)] == []
