"""A manifest, judged: the one reading that registration and whoever tries an agent before it share."""

from airlock_contracts.manifest import Manifest

from ..engine.manifests import check_manifest
from ..errors import AgentInvalid, counted
from .documents import Document
from .findings import validate, with_lines


def judged_manifest(document: Document) -> Manifest:
    """Read a manifest strictly and check it whole. Raises AgentInvalid with every problem and its place."""
    manifest = validate(document, Manifest, AgentInvalid)
    if findings := check_manifest(manifest):
        findings = with_lines(document, findings)
        raise AgentInvalid(counted(findings), errors=findings)
    return manifest
