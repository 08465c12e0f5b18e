"""For the tests of agents: run an action as a host would, and make inputs and outputs from schemas."""

from airlock_sdk.testing.factories import example, examples
from airlock_sdk.testing.harness import (
    Given,
    Made,
    Outcome,
    given_workspace,
    read_outcome,
    request_bytes,
    run_action,
    run_program,
    run_stdio,
)
from airlock_sdk.testing.keywords import UnsupportedSchema
from airlock_sdk.testing.matching import mismatch

__all__ = [
    "Given",
    "Made",
    "Outcome",
    "UnsupportedSchema",
    "example",
    "examples",
    "given_workspace",
    "mismatch",
    "read_outcome",
    "request_bytes",
    "run_action",
    "run_program",
    "run_stdio",
]
