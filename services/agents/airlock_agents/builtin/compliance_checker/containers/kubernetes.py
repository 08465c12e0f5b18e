"""The rules about Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings.severities import Severity
from .. import image_names
from ..facts import Breach
from ..secret_names import holds_secret
from ..yaml_nodes import Node
from .compose import capability, host_folder, is_socket

_TEMPLATES = (("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec"))
_WORKLOADS = frozenset(
    "Deployment StatefulSet DaemonSet ReplicaSet ReplicationController Job CronJob Pod".split()
)
_NAMESPACES = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "shared memory"}
_LISTS = ("containers", "initContainers", "ephemeralContainers")


def is_manifest(document: Node) -> bool:
    """Tell whether a document is a Kubernetes object."""
    version, kind = document.get("apiVersion"), document.get("kind")
    return bool(version and version.text and kind and kind.text)


def check_manifest(document: Node) -> Iterator[Breach]:
    """Hold a Kubernetes object, or a list of them, to the rules for pods; other objects have none."""
    kind = (document.get("kind") or document).text
    if kind == "List":
        for one in (document.get("items") or Node(1, [])).each():
            yield from check_manifest_once(one)
    else:
        yield from check_manifest_once(document)


def check_manifest_once(document: Node) -> Iterator[Breach]:
    """Hold one object to the rules."""
    kind = (document.get("kind") or document).text
    if kind not in _WORKLOADS:
        return
    pod = document.get("spec") if kind == "Pod" else _template(document)
    if pod is None or not isinstance(pod.value, dict):
        return
    for key, what in _NAMESPACES.items():
        if (shared := pod.get(key)) is not None and shared.true:
            yield Breach("containers.host-namespace", shared.line, f"The pod shares the host's {what}.")
    for volume in (pod.get("volumes") or Node(1, [])).each():
        yield from _volume(volume)
    for name in _LISTS:
        for one in (pod.get(name) or Node(1, [])).each():
            yield from _container(one, pod)


def _template(document: Node) -> Node | None:
    return next((found for path in _TEMPLATES if (found := document.get(*path)) is not None), None)


def _volume(volume: Node) -> Iterator[Breach]:
    path = volume.get("hostPath", "path")
    if path is None:
        return
    if is_socket(path.text):
        yield Breach("containers.engine-socket", path.line, "The pod has the engine's socket.")
    else:
        severity: Severity | None = None if host_folder(path.text) else "LOW"
        said = f"The pod sees {path.text} of the host."
        yield Breach("containers.host-path", path.line, said, severity)


def _container(one: Node, pod: Node) -> Iterator[Breach]:
    name = (one.get("name") or one).text or "a container"
    if (image := one.get("image")) is not None and (why := image_names.moves(image.text)):
        yield Breach("containers.image-latest", image.line, f"The image {image.text} of {name} {why}.")
    own, shared = one.get("securityContext") or Node(one.line, {}), pod.get("securityContext")
    if (privileged := own.get("privileged")) is not None and privileged.true:
        yield Breach("containers.privileged", privileged.line, f"The container {name} is privileged.")
    yield from _user(name, one, own, shared or Node(one.line, {}))
    for added in (own.get("capabilities", "add") or Node(1, [])).texts():
        yield from capability(added, f"the container {name}")
    escalation = own.get("allowPrivilegeEscalation")
    if escalation is None or escalation.true:
        line = escalation.line if escalation is not None else one.line
        said = f"The container {name} may gain privileges."
        yield Breach("containers.privilege-escalation", line, said, "MEDIUM" if escalation else None)
    if one.get("resources", "limits", "memory") is None:
        yield Breach("containers.limits-missing", one.line, f"The container {name} has no limit of memory.")
    for setting in (one.get("env") or Node(1, [])).each():
        key, value = setting.get("name"), setting.get("value")
        if key is not None and value is not None and holds_secret(key.text, value.text):
            said = f"{key.text} has its value in the file."
            yield Breach("containers.plain-password", value.line, said, secret=True)


def _user(name: str, one: Node, own: Node, shared: Node) -> Iterator[Breach]:
    user = own.get("runAsUser") or shared.get("runAsUser")
    nonroot = own.get("runAsNonRoot") or shared.get("runAsNonRoot")
    if user is not None and user.text == "0":
        yield Breach("containers.runs-as-root", user.line, f"The container {name} runs as root.")
    elif user is None and not (nonroot is not None and nonroot.true):
        said = f"Nothing keeps the container {name} from running as root."
        yield Breach("containers.runs-as-root", one.line, said, "MEDIUM", "MEDIUM")
