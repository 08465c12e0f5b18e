"""A template looks values up and spells them; it runs nothing, and says clearly what it misses."""

from __future__ import annotations

from typing import Any

import pytest
from airlock_agents.builtin.notifier.template import MAX_PLACES, filled
from airlock_sdk import Failure
from hypothesis import given
from hypothesis import strategies as st

VALUES: dict[str, Any] = {
    "scan": {"summary": {"total": 3, "by": {"HIGH": 2, "LOW": 1}}, "findings": [{"file": "b"}] * 2},
    "files": ["a", "b"],
    "many": list(range(30)),
    "ok": True,
    "none": None,
    "empty": [],
    "evil": "{ok} {#many} \x1b[2J\n{",
    "with-dash": 1.5,
    "0": "zero",
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{scan.summary.total} found", "3 found"),
        ("{scan.findings.1.file}", "b"),
        ("{#scan.findings} of {#scan}", "2 of 2"),
        ("{scan.summary.by}", "HIGH 2, LOW 1"),
        ("{files}", "a, b"),
        ("{many}", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more"),
        ("{ok} {with-dash} {0} { files }", "true 1.5 zero a, b"),
        ("{missing|nobody} {none|nothing} {scan.x|} {ok|no}", "nobody nothing  true"),
        ("{empty} {#empty}", "[] 0"),
        ("\\{ok\\} \\\\ C:\\dir", "{ok} \\ C:\\dir"),
        ("plain", "plain"),
        ("{evil}", "{ok} {#many} \\x1b[2J\\n{"),
    ],
)
def test_places_are_filled(template: str, text: str) -> None:
    assert filled(template, VALUES) == text


@pytest.mark.parametrize(
    ("template", "code", "line", "column", "said"),
    [
        ("a\nb {scan.sum}", "agent.template_failed", 2, 3, "no 'sum' in scan; there are: summary, findings"),
        ("{missing}", "agent.template_failed", 1, 1, "there is no 'missing' in the values"),
        ("{scan.findings.2.file}", "agent.template_failed", 1, 1, "scan.findings, which has 2 members"),
        ("{files.x}", "agent.template_failed", 1, 1, "no 'x' in files"),
        ("{files." + "0" * 5000 + "}", "agent.template_failed", 1, 1, "there is no '000"),
        ("{files.-1}", "agent.template_failed", 1, 1, "no '-1'"),
        ("{ok.real}", "agent.template_failed", 1, 1, "no 'real' in ok"),
        ("{evil.__class__}", "agent.template_failed", 1, 1, "no '__class__' in evil"),
        ("{scan.keys}", "agent.template_failed", 1, 1, "no 'keys' in scan"),
        ("{none}", "agent.template_failed", 1, 1, "null"),
        ("{#ok}", "agent.template_failed", 1, 1, "have a count"),
        ("  {ok", "agent.template_invalid", 1, 3, "other half"),
        ("ok}", "agent.template_invalid", 1, 3, "other half"),
        ("{}", "agent.template_invalid", 1, 1, "no path"),
        ("{files[0]}", "agent.template_invalid", 1, 1, "no path"),
        ("{1+1}", "agent.template_invalid", 1, 1, "no path"),
        ("{{ ok }}", "agent.template_invalid", 1, 1, "other half"),
        ("{ok}" * (MAX_PLACES + 1), "agent.template_invalid", 1, 801, "200 places"),
    ],
)  # fmt: skip
def test_what_cannot_be_filled_is_a_failure_with_its_place(
    template: str, code: str, line: int, column: int, said: str
) -> None:
    with pytest.raises(Failure) as caught:
        filled(template, VALUES)
    assert caught.value.code == code
    assert (caught.value.details["line"], caught.value.details["column"]) == (line, column)
    assert said in caught.value.message


@given(st.text(alphabet="{}|#\\.ab0 \n", max_size=40))
def test_any_template_is_text_or_a_failure(template: str) -> None:
    try:
        text = filled(template, {"a": {"b": 1}, "b": ["x"], "0": None})
    except Failure as failure:
        text = failure.code
    assert text.startswith("agent.template_") or len(text) <= len(template)
