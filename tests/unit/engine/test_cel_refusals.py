"""An expression that cannot be evaluated with the values at hand fails in words, and never with a trace."""

from typing import Any

import pytest
from airlock_contracts import failures
from airlock_contracts.failures import Failure
from airlock_orchestration.engine.inputs import render_preview
from airlock_orchestration.engine.templates import Template, TemplateFailed


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def rendered(template: str, context: Any) -> Any:
    return Template(template).render({"context": context, "nodes": {}})


@pytest.mark.parametrize(
    ("template", "context", "reason"),
    [
        ("{{ size(context.v) }}", {"v": "a\x00b"}, "a string holds U+0000"),
        ("{{ size(context.v) }}", {"v": "a\ud800"}, "construction from null"),
        ("{{ nodes.a.output.x + 1 }}", {}, 'Key not found in map : "a"'),
        ("{{ [context.v] }}", {"v": nested(63)}, "the result is nested deeper than 64 levels"),
        ("{{ context.v.x }}", {"v": None}, "the key 'x' of null"),
        ("{{ context.v[0] }}", {"v": "text"}, "[0] of a string"),
    ],
)
def test_a_value_that_cel_cannot_take_or_give_is_told(template: str, context: Any, reason: str) -> None:
    with pytest.raises(TemplateFailed) as failed:
        rendered(template, context)
    assert reason in failed.value.reason


def test_a_result_of_64_levels_is_given() -> None:
    assert rendered("{{ [context.v] }}", {"v": nested(62)}) == nested(63)


def test_a_preview_that_is_no_text_fails_its_node_with_its_place() -> None:
    found = render_preview(Template("{{ context.v }}"), {"context": {"v": "a\ud800"}, "nodes": {}})
    assert isinstance(found, Failure)
    assert found.code == failures.TEMPLATE_FAILED
    assert found.details == {"place": "preview"}
    assert "surrogates not allowed" in found.message
