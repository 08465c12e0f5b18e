"""The rules about secrets in the tree; detect-secrets finds them."""

from __future__ import annotations

from .rule import Rule

_REMEDY = "Take it out, revoke it at its issuer, and hand it in from a secret store."

SECRETS = (
    Rule(
        "secrets.private-key",
        "CRITICAL",
        "No private key stands in a file",
        "Everybody who can read the repository can act in the name of its owner.",
        _REMEDY,
        ("text",),
    ),
    Rule(
        "secrets.provider-token",
        "CRITICAL",
        "No provider's token stands in a file",
        "Such tokens are searched for by machines and used within minutes.",
        _REMEDY,
        ("text",),
    ),
    Rule(
        "secrets.password",
        "HIGH",
        "No password stands in a file",
        "It opens what it protects to everybody who can read the repository.",
        _REMEDY,
        ("text",),
    ),
    Rule(
        "secrets.random-string",
        "MEDIUM",
        "No string that looks like a secret stands in a file",
        "Random strings beside names like key are secrets more often than not.",
        "If it is one: take it out and revoke it. If it is none: record an exception that says what it is.",
        ("text",),
    ),
)
