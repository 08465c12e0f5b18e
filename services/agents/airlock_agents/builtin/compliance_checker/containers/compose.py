"""The rules about Compose files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...findings.severities import Severity
from .. import image_names
from ..facts import Breach
from ..secret_names import holds_secret
from ..yaml_nodes import Node

_NAME = re.compile(r"(?i)(docker-)?compose([.-][\w.-]*)?\.ya?ml")
_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_HOST_FOLDERS = re.compile(
    r"/(?:etc|root|home|var|usr|boot|dev|proc|sys|lib)?/?$|/(?:etc|root|proc|sys|boot|dev)(?:/|$)"
)
_DANGEROUS = frozenset(
    {"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH", "SYS_RAWIO"}
)
_NAMESPACES = {"network_mode": "network", "pid": "processes", "ipc": "shared memory", "userns_mode": "users"}


def is_compose(path: str, document: Node) -> bool:
    """Tell whether a document is a Compose file: by its name, or because its services have images."""
    services = document.get("services")
    if services is None or not isinstance(services.value, dict):
        return False
    if _NAME.fullmatch(path.rpartition("/")[2]):
        return True
    return any(one.get("image") or one.get("build") for _, one in services.items()) and not document.get(
        "kind"
    )


def named_compose(path: str) -> bool:
    """Tell whether a file calls itself a Compose file."""
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


def check_compose(document: Node) -> Iterator[Breach]:
    """Hold a Compose file to its rules."""
    for name, service in (document.get("services") or document).items():
        if isinstance(service.value, dict):
            yield from _service(name, service)


def _service(name: str, service: Node) -> Iterator[Breach]:
    image = service.get("image")  # beside build it is the name that what is built here gets
    if image is not None and not service.get("build") and (why := image_names.moves(image.text)):
        yield Breach("containers.image-latest", image.line, f"The image {image.text} of {name} {why}.")
    if (privileged := service.get("privileged")) is not None and privileged.true:
        yield Breach("containers.privileged", privileged.line, f"The service {name} is privileged.")
    if (user := service.get("user")) is not None and user.text.partition(":")[0] in ("root", "0"):
        yield Breach("containers.runs-as-root", user.line, f"The service {name} runs as root.")
    for key, what in _NAMESPACES.items():
        if (mode := service.get(key)) is not None and mode.text == "host":
            said = f"The service {name} shares the host's {what}."
            yield Breach("containers.host-namespace", mode.line, said)
    for one in (service.get("cap_add") or Node(1, [])).texts():
        yield from capability(one, f"the service {name}")
    yield from _mounts(name, service)
    yield from _environment(service.get("environment"))
    if not (service.get("deploy", "resources", "limits") or service.get("mem_limit")):
        line = service.line - 1 if service.line > 1 else 1
        yield Breach("containers.limits-missing", line, f"The service {name} has no limit of memory.")


def capability(one: Node, whose: str) -> Iterator[Breach]:
    """Judge a capability that is added."""
    bare = one.text.upper().removeprefix("CAP_")
    if bare == "NET_BIND_SERVICE":
        return
    severity: Severity | None = "HIGH" if bare in _DANGEROUS else None
    yield Breach("containers.capability-added", one.line, f"{bare} is added to {whose}.", severity)


def host_folder(path: str) -> bool:
    """Tell whether a path of the host is one that matters to it."""
    return _HOST_FOLDERS.match(path) is not None


def is_socket(path: str) -> bool:
    """Tell whether a path is an engine's socket."""
    return path.endswith(_SOCKETS)


def _mounts(name: str, service: Node) -> Iterator[Breach]:
    for volume in (service.get("volumes") or Node(1, [])).each():
        long = volume.get("source")
        source = volume.text.partition(":")[0] if long is None else long.text
        line = volume.line if long is None else long.line
        if is_socket(source):
            yield Breach("containers.engine-socket", line, f"The service {name} has the engine's socket.")
        elif source.startswith("/") and host_folder(source):
            said = f"The service {name} sees {source} of the host."
            reads = volume.text.endswith(":ro") or (volume.get("read_only") or volume).true
            yield Breach("containers.host-path", line, said, "LOW" if reads else None)


def _environment(settings: Node | None) -> Iterator[Breach]:
    if settings is None:
        return
    pairs = [(name, node.text, settings.keys.get(name, node.line)) for name, node in settings.items()]
    for one in settings.each():
        name, _, value = one.text.partition("=")
        pairs.append((name, value, one.line))
    for name, value, line in pairs:
        if holds_secret(name, value):
            yield Breach("containers.plain-password", line, f"{name} has its value in the file.", secret=True)
