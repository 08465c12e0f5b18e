"""What an install left on an engine: by label, removed when told so. Never another install's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import docker

from ..images.builder import LABEL_CONTENT, LABEL_IMAGES
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
    """List an install's containers and networks and, if asked, Airlock's images: in the order of removal."""
    label = {"label": f"{LABEL_INSTALL}={install}"}
    found = [
        Leftover(kind="container", id=item["Id"], name=(item.get("Names") or ["?"])[0].lstrip("/"))
        for item in client.containers(all=True, filters=label)
    ]
    found += [
        Leftover(kind="network", id=item["Id"], name=item["Name"]) for item in client.networks(filters=label)
    ]
    if images:
        found += _list_images(client)
    return found


def _list_images(client: docker.APIClient) -> list[Leftover]:
    """List what Airlock built. What somebody built upon it inherits the labels, and is theirs."""
    listed = client.images(filters={"label": f"{LABEL_IMAGES}=1"})
    tags = {image["Id"]: [t for t in image.get("RepoTags") or [] if t != _NO_TAG] for image in listed}
    own = {
        image["Id"]: [tag for tag in tags[image["Id"]] if is_airlocks(tag.rpartition(":")[0])]
        for image in listed
    }
    contents = {_content(image) for image in listed if own[image["Id"]]}
    found: list[Leftover] = []
    # Agents stand on the base: the youngest go first.
    for image in sorted(listed, key=lambda image: -int(image["Created"])):
        id_ = image["Id"]
        names = own[id_] if tags[id_] or _content(image) in contents else ["untagged"]
        found += [Leftover(kind="image", id=id_, name=name) for name in names]
    return found


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
