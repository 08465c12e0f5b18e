"""What an install left on an engine: by label, removed when told so. Never another install's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import docker

from ..images.builder import LABEL_CONTENT, LABEL_IMAGES
from ..images.folder_images import LABEL_BUILT_AS, LABEL_BUILT_FOR
from ..images.recipes import is_airlocks
from ..sandbox.policy import LABEL_INSTALL

_NO_TAG = "<none>:<none>"


@dataclass(frozen=True)
class Leftover:
    """One container, network or image."""

    kind: str
    id: str
    name: str
    removed: bool = False
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kind": self.kind,
            "id": self.id,
            "name": self.name,
            "removed": self.removed,
            "problem": self.problem,
        }

    def line(self) -> str:
        """For a person."""
        state = "removed" if self.removed else f"kept: {self.problem}" if self.problem else "found"
        return f"{self.kind} {self.name} {self.id[:19]} {state}"


def list_leftovers(client: docker.APIClient, install: str, *, images: bool = False) -> list[Leftover]:
    """List an install's containers and networks and, if asked, its agents' images: in the order of removal.

    Airlock's own images belong to no install: all share them, and others may have registered them.
    """
    label = {"label": f"{LABEL_INSTALL}={install}"}
    found = [
        Leftover(kind="container", id=item["Id"], name=(item.get("Names") or ["?"])[0].lstrip("/"))
        for item in client.containers(all=True, filters=label)
    ]
    found += [
        Leftover(kind="network", id=item["Id"], name=item["Name"]) for item in client.networks(filters=label)
    ]
    if images:
        found += _list_images(client, install)
    return found


def _list_images(client: docker.APIClient, install: str) -> list[Leftover]:
    """List what was built for an install. What somebody built upon it inherits the labels, and is theirs."""
    found: list[Leftover] = []
    listed = client.images(filters={"label": f"{LABEL_BUILT_FOR}={install}"})
    # One may stand on another: the youngest go first.
    for image in sorted(listed, key=lambda image: -int(image["Created"])):
        built_as = (image.get("Labels") or {}).get(LABEL_BUILT_AS)
        tags = [tag for tag in image.get("RepoTags") or [] if tag.rpartition(":")[0] == built_as]
        found += [Leftover(kind="image", id=image["Id"], name=tag) for tag in sorted(tags)]
    return found


def list_unnamed(client: docker.APIClient) -> list[Leftover]:
    """List Airlock's own builds that have lost their names, and that no container uses.

    No registered version is among them: each build keeps a name of its own content besides `latest`. One
    whose content a tagged image has is left alone: somebody may have built it upon that one.
    """
    listed = client.images(filters={"label": f"{LABEL_IMAGES}=1"})
    tags = {image["Id"]: [t for t in image.get("RepoTags") or [] if t != _NO_TAG] for image in listed}
    contents = {
        _content(image)
        for image in listed
        if any(is_airlocks(tag.rpartition(":")[0]) for tag in tags[image["Id"]])
    }
    used = {item["ImageID"] for item in client.containers(all=True)}
    return [
        Leftover(kind="image", id=image["Id"], name="untagged")
        for image in sorted(listed, key=lambda image: -int(image["Created"]))
        if not tags[image["Id"]]
        and image["Id"] not in used
        and _content(image) not in contents
        and LABEL_BUILT_FOR not in (image.get("Labels") or {})
    ]


def _content(image: dict[str, Any]) -> str | None:
    label: str | None = (image.get("Labels") or {}).get(LABEL_CONTENT)
    return label


def remove(client: docker.APIClient, leftovers: Sequence[Leftover]) -> list[Leftover]:
    """Remove them; what could not be removed says why. An image that a container uses stays."""
    return [_remove(client, item) for item in leftovers]


def _remove(client: docker.APIClient, item: Leftover) -> Leftover:
    try:
        match item.kind:
            case "container":
                client.remove_container(item.id, force=True, v=True)
            case "network":
                client.remove_network(item.id)
            case _:
                # By name where it has one: an id with several names is refused without force.
                client.remove_image(item.id if item.name == "untagged" else item.name)
    except docker.errors.NotFound:
        return replace(item, removed=True)
    except docker.errors.APIError as error:
        return replace(item, problem=" ".join(str(error.explanation or error).split())[:200])
    return replace(item, removed=True)
