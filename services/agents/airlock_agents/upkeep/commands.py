"""What an operator does with a machine's engine, each a subcommand of `python -m airlock_agents`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..images.agent_sources import AgentSource, agent_source, builtin_agents
from ..images.build_log import say_on_stderr
from ..images.builder import ImageBuilder, list_images
from ..images.packages import BuildProblem
from ..sandbox.engine import Engine, EngineProblem, connect, find_engine
from . import diagnosis, purge

Subparsers = Any
"""argparse has no public name for what `add_subparsers` returns."""
_BUILD_SECONDS = 900.0


def add_engine(subparsers: Subparsers) -> None:
    """`engine`: is there a Docker Engine, and if not, what to do."""
    parser = subparsers.add_parser("engine", help="find the Docker Engine, or say what is wrong with it")
    parser.set_defaults(run=_engine)


def add_diagnose(subparsers: Subparsers) -> None:
    """`diagnose`: facts about the engine, its images, an install's containers, and what it enforces."""
    parser = subparsers.add_parser("diagnose", help="print facts about the Docker Engine as JSON")
    parser.add_argument("--install", metavar="ID", help="whose containers to list")
    parser.set_defaults(run=_diagnose)


def add_images(subparsers: Subparsers) -> None:
    """`images build`, `list`, `prune` and `names`."""
    images = subparsers.add_parser("images", help="build or list the agents' images")
    verbs = images.add_subparsers(required=True, metavar="VERB")
    build = verbs.add_parser(
        "build", help="build the base and the agents' images, where their content changed"
    )
    build.add_argument(
        "names", nargs="*", metavar="NAME", help="an agent's name, or a folder with agent.yaml"
    )
    build.add_argument("--base", metavar="IMAGE", help="else AIRLOCK_BASE_IMAGE")
    build.add_argument("--quiet", action="store_true")
    build.add_argument("--json", action="store_true", help="with the names that no other build takes over")
    build.set_defaults(run=_build)
    listing = verbs.add_parser("list", help="list the images that were built here")
    listing.set_defaults(run=_list)
    prune = verbs.add_parser(
        "prune", help="list earlier builds that have lost their names; --yes removes them"
    )
    prune.add_argument("--yes", action="store_true")
    prune.set_defaults(run=_prune)
    names = verbs.add_parser("names", help="as JSON, by which names this checkout's own builds are here")
    names.set_defaults(run=_names)


def add_purge(subparsers: Subparsers) -> None:
    """`purge`: what an install left on the engine, listed, and removed with --yes."""
    parser = subparsers.add_parser("purge", help="list what an install left on the engine; --yes removes it")
    parser.add_argument("--install", required=True, metavar="ID")
    parser.add_argument("--images", action="store_true", help="its own agents' images too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.set_defaults(run=_purge)


def _find(chosen: argparse.Namespace) -> Engine:
    return find_engine(chosen.environ, Path.home())


def _engine(chosen: argparse.Namespace) -> int:
    try:
        engine = _find(chosen)
    except EngineProblem as problem:
        return _fail(problem)
    _print(f"ok {engine.address.host} {engine.version}")
    return 0


def _diagnose(chosen: argparse.Namespace) -> int:
    try:
        base = chosen.environ.get("AIRLOCK_BASE_IMAGE") or None
        facts = diagnosis.diagnose(_find(chosen), chosen.install, base)
    except EngineProblem as problem:
        facts = {"problem": str(problem)}
    _print(json.dumps(facts))
    return 0


def _build(chosen: argparse.Namespace) -> int:
    try:
        agents = _chosen_agents(chosen.names)
        base = chosen.base or chosen.environ.get("AIRLOCK_BASE_IMAGE") or None
        client = connect(_find(chosen), timeout=_BUILD_SECONDS)
        try:
            say = (lambda line: None) if chosen.quiet else say_on_stderr
            built = ImageBuilder(client, base=base, say=say).build(agents)
        finally:
            client.close()
    except (EngineProblem, BuildProblem) as problem:
        return _fail(problem)
    if chosen.json:
        _print(json.dumps([{"tag": one.tag, "pinned": one.pinned, "id": one.image_id} for one in built]))
    else:
        for one in built:
            _print(f"{one.tag} {one.image_id}")
    return 0


def _chosen_agents(names: list[str]) -> list[AgentSource]:
    known = {agent.name: agent for agent in builtin_agents()}
    if not names:
        return list(known.values())
    folders = {name: Path(name) for name in names if (Path(name) / "agent.yaml").is_file()}
    unknown = [name for name in names if name not in known and name not in folders]
    if unknown:
        raise BuildProblem(f"no such agent: {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    return [known[name] if name in known else agent_source(folders[name].resolve()) for name in names]


def _list(chosen: argparse.Namespace) -> int:
    try:
        client = connect(_find(chosen))
    except EngineProblem as problem:
        return _fail(problem)
    try:
        for tag, image_id, size in list_images(client):
            _print(f"{tag} {image_id} {size / 1e6:.0f} MB")
    finally:
        client.close()
    return 0


def _prune(chosen: argparse.Namespace) -> int:
    try:
        client = connect(_find(chosen))
    except EngineProblem as problem:
        return _fail(problem)
    try:
        found = purge.list_unnamed(client)
        if chosen.yes:
            found = purge.remove(client, found)
    finally:
        client.close()
    for item in found:
        _print(item.line())
    return 1 if any(item.problem for item in found) else 0


def _names(chosen: argparse.Namespace) -> int:
    try:
        names = diagnosis.current_names(_find(chosen), chosen.environ.get("AIRLOCK_BASE_IMAGE") or None)
    except (EngineProblem, BuildProblem) as problem:
        return _fail(problem)
    _print(json.dumps(names))
    return 0


def _purge(chosen: argparse.Namespace) -> int:
    try:
        client = connect(_find(chosen))
    except EngineProblem as problem:
        return _fail(problem)
    try:
        found = purge.list_leftovers(client, chosen.install, images=chosen.images)
        if chosen.yes:
            found = purge.remove(client, found)
    finally:
        client.close()
    if chosen.json:
        _print(json.dumps([item.as_dict() for item in found]))
    else:
        for item in found:
            _print(item.line())
    return 1 if any(item.problem for item in found) else 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _fail(problem: EngineProblem | BuildProblem) -> int:
    sys.stderr.write(f"{problem}\n")
    return problem.kind.exit_code if isinstance(problem, EngineProblem) else 1
