"""One list of the comments that silence tools, whichever agent reads the file."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.findings.silencing import ANY_BUT_LAYOUT, Silencing


@pytest.mark.parametrize(
    "lines",
    [
        ["run(x)  # nosec"],
        ["run(x)  # noqa"],
        ["run(x)  # noqa: E501, S602"],
        ["run(x); // nosemgrep"],
        ["run(x) //nolint:gosec"],
        ["run(x);  // NOLINT"],
        ["// NOLINTNEXTLINE", "run(x);"],
        ["run(x)  # pylint: disable=all"],
        ["run(x)  # ruff: ignore"],
        ["run(x); // eslint-disable-line"],
        ["// eslint-disable-next-line no-eval", "run(x)"],
        ["// @ts-expect-error", "run(x)"],
        ["# shellcheck disable=SC2086", "run x"],
        ["# hadolint ignore=DL3002", "USER run"],
        ["# checkov:skip=CKV_1", "run: x"],
        ["run: x  # zizmor: ignore"],
        ["@SuppressWarnings", "run(x);"],
        ["/* eslint-disable */", "", "", "run(x)"],
        ["run(x)", "# ruff: noqa"],
        ["", "# pylint: skip-file", "", "run(x)"],
    ],
)
def test_a_wish_to_look_away_is_seen(lines: list[str]) -> None:
    where = next(number for number, line in enumerate(lines, start=1) if "run" in line)
    assert Silencing(lines).covers(where)


@pytest.mark.parametrize(
    "lines",
    [
        ["run(x)  # noqa: E501"],
        ["run(x)  # nosecret here"],
        ["say('nothing');  // eslint-disable-line", "run(x)"],
        ["run(x)", "# nosec"],
        ["run(x)", "/* eslint-disable */"],
        ["run(x)"],
    ],
)
def test_other_words_are_no_wish(lines: list[str]) -> None:
    where = next(number for number, line in enumerate(lines, start=1) if "run" in line)
    assert not Silencing(lines).covers(where)


def test_which_codes_count_is_the_agent_s_to_say() -> None:
    lines = ["run(x)  # noqa: C901", "run(x)  # noqa: E501, W291", "run(x)  # noqa: S602"]
    assert [Silencing(lines).covers(line) for line in (1, 2, 3)] == [False, False, True]
    assert [Silencing(lines, ANY_BUT_LAYOUT).covers(line) for line in (1, 2, 3)] == [True, False, True]
