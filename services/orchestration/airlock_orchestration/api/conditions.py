"""Conditional requests: ETags on what is immutable or versioned. Source: RFC 9110, 8.8.3 and 13.1."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from ..operations.preconditions import Precondition
from .answers import Answers, described

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_MAX = 2000  # characters of one header
NOT_MODIFIED: Answers = {304: described("It is still what If-None-Match names.", ETag="Its tag.")}

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=_MAX, description="ETags of the version that this change builds on."),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", max_length=_MAX, description="ETags of what the caller has already."),
]
IfAbsent = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=_MAX,
        description="`*`: only if there is none of this name; ETags: only if it is at none of them.",
    ),
]


def read_precondition(if_match: IfMatch = None, if_none_match: IfAbsent = None) -> Precondition:
    """What the headers ask to hold before a change."""
    is_any = if_match is not None and if_match.strip() == "*"
    is_none = if_none_match is not None and if_none_match.strip() == "*"
    return Precondition(
        tags=None if if_match is None or is_any else tags_of(if_match, strong=True),
        must_be_there=is_any,
        must_be_absent=is_none,
        other_than=frozenset() if if_none_match is None or is_none else tags_of(if_none_match),
    )


BuildsOn = Annotated[Precondition, Depends(read_precondition)]


def tags_of(header: str, *, strong: bool = False) -> frozenset[str]:
    """The tags that a header names, without their quotes; what is no tag names nothing.

    If-Match compares strongly: a weak tag is nobody's. Source: RFC 9110, 8.8.3.2 and 13.1.1.
    """
    return frozenset(tag for weak, tag in _TAG.findall(header) if not (strong and weak))


def quoted(tag: str) -> str:
    """A tag as the header `ETag` has it."""
    return f'"{tag}"'


def not_modified(if_none_match: str | None, tag: str) -> Response | None:
    """The answer to who has it already; None for everyone else."""
    if if_none_match is None or (if_none_match.strip() != "*" and tag not in tags_of(if_none_match)):
        return None
    return Response(status_code=304, headers={"ETag": quoted(tag)})
