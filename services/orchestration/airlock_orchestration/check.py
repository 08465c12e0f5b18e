"""`python -m airlock_orchestration.check`: a manifest, an input, an output, judged as the service would.

No database, no bus, no settings: what is needed to try an agent before anything runs. Answers one JSON
document on stdout: `{"manifest": {...} or null, "findings": [...], "failure": {...} or null}`; the manifest
is there when it could be registered, as registration reads it.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airlock_contracts import failures, strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.failures import Failure
from airlock_contracts.manifest import Manifest
from airlock_contracts.messages import MAX_INPUT_BYTES
from airlock_contracts.problems import Finding
from pydantic import ValidationError

from .engine.schemas import Validator, resolve_artifacts
from .errors import AgentInvalid, InvalidDocument
from .operations.documents import DocumentFormat, read_document
from .operations.manifests import judged_manifest
from .operations.outputs import (
    MAX_TOLD,
    BrokenContract,
    artifacts_named,
    check_output,
    mismatch,
    unknown_artifacts,
)

_MAX_MANIFEST_BYTES = 1024 * 1024
"""What a registration's body may have."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge what is given; answers 0 also where it is judged wrong, 1 where it cannot be read."""
    asked = _parser().parse_args(arguments)
    try:
        with asked.manifest.open("rb") as file:
            raw = file.read(_MAX_MANIFEST_BYTES + 1)
        given = asked.input.read_bytes() if asked.input else None
        output = asked.output.read_bytes() if asked.output else None
    except OSError as error:
        sys.stderr.write(f"{asked.manifest}: {error}\n")
        return 1
    manifest, findings = read_manifest(raw)
    failure: Failure | None = None
    if manifest is not None and asked.action:
        if asked.action not in manifest.actions:
            sys.stderr.write(f"{asked.manifest}: {manifest.name} has no action {asked.action}\n")
            return 1
        try:
            _check_values(manifest, asked.action, given, output, asked.made)
        except BrokenContract as broken:
            failure = broken.failure
    answer: dict[str, Any] = {
        "manifest": manifest.model_dump(mode="json") if manifest else None,
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "failure": failure.model_dump(mode="json") if failure else None,
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def read_manifest(raw: bytes) -> tuple[Manifest | None, Sequence[Finding]]:
    """Read a manifest as registration does; None where it could not be registered, and every reason."""
    if len(raw) > _MAX_MANIFEST_BYTES:
        message = f"larger than {_MAX_MANIFEST_BYTES // 1024} KiB"
        return None, [Finding(place="document", code="document.too_large", message=message)]
    try:
        return judged_manifest(read_document(raw, DocumentFormat.YAML)), ()
    except (AgentInvalid, InvalidDocument) as refused:
        return None, refused.errors


def _check_values(
    manifest: Manifest, name: str, given: bytes | None, output: bytes | None, made: Sequence[str]
) -> None:
    """Check an input and an output of an action. Raises BrokenContract."""
    action = manifest.actions[name]
    if given is not None:
        check_input(Validator(resolve_artifacts(action.input_schema)), given)
    if output is not None:
        validator = Validator(resolve_artifacts(action.output_schema))
        value = check_output(manifest.limits, validator, output)
        known = {ref.sha256 for _, ref in find_artifacts(strict_json.parse(given or b"null"))}
        if unknown := {ref.sha256 for ref in artifacts_named(value)} - known - set(made):
            raise unknown_artifacts(unknown)


def check_input(validator: Validator, body: bytes) -> None:
    """Check an input as at dispatch. Raises BrokenContract."""
    if len(body) > MAX_INPUT_BYTES:
        raise _broken_input(
            failures.INPUT_TOO_LARGE, f"{len(body)} bytes of input; at most {MAX_INPUT_BYTES}"
        )
    try:
        value = strict_json.parse(body)
    except strict_json.InvalidJson as error:
        raise _broken_input(
            failures.INPUT_SCHEMA_MISMATCH, f"the input is not strict JSON: {error}"
        ) from error
    if problems := validator.problems(value, MAX_TOLD):
        raise _broken_input(failures.INPUT_SCHEMA_MISMATCH, *mismatch("input", problems))
    try:
        list(find_artifacts(value))
    except ValidationError as error:
        message = f"an artifact reference in the input is malformed: {error}"
        raise _broken_input(failures.INPUT_SCHEMA_MISMATCH, message) from error


def _broken_input(code: str, message: str, details: Mapping[str, Any] | None = None) -> BrokenContract:
    broken = BrokenContract(code, message, details)
    broken.failure = broken.failure.model_copy(update={"retryable": False})
    return broken


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airlock_orchestration.check", description=__doc__)
    parser.add_argument("manifest", type=Path, help="agent.yaml")
    parser.add_argument("--action")
    parser.add_argument("--input", type=Path, help="a file with the input")
    parser.add_argument("--output", type=Path, help="a file with what the agent answered")
    parser.add_argument("--made", action="append", default=[], metavar="SHA256", help="an artifact it put")
    return parser


if __name__ == "__main__":
    sys.exit(main())
