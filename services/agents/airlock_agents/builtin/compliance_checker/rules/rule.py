"""One rule: what it is called, why it is one, how bad a violation is, and what it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...findings.severities import Severity

Scope = Literal["licences", "files", "secrets", "headers", "containers", "ci"]

SCOPES: tuple[Scope, ...] = ("licences", "files", "secrets", "headers", "containers", "ci")

Kind = Literal[
    "workspace",
    "text",
    "licence text",
    "manifest",
    "dependency",
    "source",
    "Dockerfile",
    "Compose file",
    "Kubernetes manifest",
    "web server configuration",
    "web application",
    "GitHub workflow",
    "GitLab pipeline",
    "Jenkinsfile",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that a workspace can break. `options` are those that a policy may set, with their defaults."""

    id: str  # <scope>.<what is wrong>
    severity: Severity
    title: str
    why: str
    remedy: str
    looks_at: tuple[Kind, ...]
    also_in: Scope | None = None  # a second scope that it belongs to
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """Answer the scope that the id starts with."""
        return next(one for one in SCOPES if self.id.startswith(f"{one}."))

    def belongs_to(self, scopes: frozenset[Scope]) -> bool:
        """Tell whether any of these scopes asks for this rule."""
        return self.scope in scopes or self.also_in in scopes
