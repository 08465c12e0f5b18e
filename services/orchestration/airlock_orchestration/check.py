"""`python -m airlock_orchestration.check`: a manifest, an input, an output, judged as the service would.

No database, no bus, no settings: what is needed to try an agent before anything runs. Answers one JSON
document on stdout: `{"findings": [...], "failure": {...} or null}`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from airlock_contracts import failures, strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.manifest import Manifest
from airlock_contracts.messages import MAX_INPUT_BYTES
from pydantic import ValidationError

from .engine.manifests import check_manifest
from .engine.schemas import Validator, resolve_artifacts
from .operations.outputs import BrokenContract, artifacts_named, check_output, unknown_artifacts

_MAX_MANIFEST_BYTES = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge what is given; answers 0 also where it is judged wrong, 1 where it cannot be read."""
    asked = _parser().parse_args(arguments)
    try:
        with asked.manifest.open("rb") as file:
            manifest = Manifest.model_validate(yaml.safe_load(file.read(_MAX_MANIFEST_BYTES)))
        given = asked.input.read_bytes() if asked.input else None
        output = asked.output.read_bytes() if asked.output else None
    except (OSError, yaml.YAMLError, ValidationError) as error:
        sys.stderr.write(f"{asked.manifest}: {error}\n")
        return 1
    findings = check_manifest(manifest)
    failure: Failure | None = None
    if not findings and asked.action:
        action = manifest.actions[asked.action]
        try:
            if given is not None:
                check_input(Validator(resolve_artifacts(action.input_schema)), given)
            if output is not None:
                validator = Validator(resolve_artifacts(action.output_schema))
                value = check_output(manifest.limits, validator, output)
                known = {ref.sha256 for _, ref in find_artifacts(strict_json.parse(given or b"null"))}
                if unknown := {ref.sha256 for ref in artifacts_named(value)} - known - set(asked.made):
                    raise unknown_artifacts(unknown)
        except BrokenContract as broken:
            failure = broken.failure
    answer: dict[str, Any] = {
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "failure": failure.model_dump(mode="json") if failure else None,
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


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
    if (problem := validator.problem(value)) is not None:
        message = f"the input breaks its schema at {problem.pointer or '/'}: {problem.message}"
        raise _broken_input(failures.INPUT_SCHEMA_MISMATCH, message, pointer=problem.pointer)


def _broken_input(code: str, message: str, **details: Any) -> BrokenContract:
    broken = BrokenContract(code, message, **details)
    broken.failure = Failure(
        kind=FailureKind.CONTRACT, code=code, message=message[:4000], retryable=False, details=details
    )
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
