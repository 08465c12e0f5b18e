"""What one step may bring into one statement, and what its nodes share."""

import pytest
from airlock_contracts.statuses import NodeStatus
from airlock_orchestration.engine.effects import KeepInput
from airlock_orchestration.engine.inputs import MAX_INPUT_BYTES, MAX_STEP_BYTES
from airlock_orchestration.engine.signals import AttemptSucceeded
from airlock_orchestration.engine.state import Values
from airlock_orchestration.engine.step import needs, step
from engine_runs import RUN, START, STARTED, new, node, started

FULL = "x" * (MAX_INPUT_BYTES - len('{"text":""}'))
FIT = MAX_STEP_BYTES // MAX_INPUT_BYTES
"""So many nodes of a full input each are all that one step may bring, to the byte."""


@pytest.mark.parametrize("preview", [None, "p" * 100])
def test_inputs_that_are_too_large_together_fail_their_nodes_and_leave_the_others(
    preview: str | None,
) -> None:
    asking = [node("gate", approval={"preview": "{{ context.preview }}"})] if preview else []
    wide = [node(f"n{i}", inputs={"text": "{{ context.text }}"}) for i in range(FIT + 2)]
    values = Values(context={"text": FULL, "preview": preview})
    made = step(new(*asking, *wide), STARTED, START, values)
    written = [effect.node for effect in made.effects if isinstance(effect, KeepInput)]
    failed = [n for n in made.run.nodes.values() if n.status is NodeStatus.FAILED]
    assert (len(written), len(failed)) == ((FIT, 3) if preview else (FIT, 2))
    assert {n.failure.code for n in failed if n.failure} == {"input.too_large"}


def test_a_report_that_comes_again_does_not_stand_for_the_output_that_is_kept() -> None:
    child = node("join", ["a", "b"], inputs={"text": "{{ nodes.a.output.text }}{{ nodes.b.output.text }}"})
    run = started(node("a"), node("b"), child)

    def report(id_: str) -> AttemptSucceeded:
        value = {"text": id_}
        return AttemptSucceeded(RUN, id_, 1, "t" * 16, "host", output=b'{"text":"x"}', value=value)

    run = step(run, report("a"), START).run
    assert needs(run, [report("a"), report("b")]) == {"nodes.a"}
    assert needs(run, [report("b")]) == {"nodes.a"}


def test_nodes_of_one_action_share_its_compiled_schemas() -> None:
    run = new(node("a"), node("b"))
    a, b = run.plan.nodes.values()
    assert a.input_validator is b.input_validator
    assert a.output_validator is b.output_validator
