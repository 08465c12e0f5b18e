"""All rules, by their ids."""

from __future__ import annotations

from collections.abc import Mapping

from .ci import CI
from .containers import CONTAINERS
from .files import FILES
from .headers import HEADERS
from .licences import LICENCES
from .rule import Rule
from .secrets import SECRETS

RULES: Mapping[str, Rule] = {one.id: one for one in (*LICENCES, *FILES, *SECRETS, *HEADERS, *CONTAINERS, *CI)}
