"""Keep secrets out of everything we write: by the name of the field, and by value."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
MIN_SECRET = 8
"""Shorter values are not searched for: they would mask ordinary words."""

_SECRET_NAME = re.compile(
    r"(?i)(^|[_.-])(password|passwd|secret|token|api_?key|authorization|cookie|credentials?|private_key|seed)s?$"
)
_URL_PASSWORD = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)[^/\s@:]{0,200}:[^/\s@]{1,400}@")
_values: list[str] = []
"""Longest first: what is left of a longer one, its beginning gone, would be shown."""


def register_secret(value: str) -> None:
    """Never write this value again: wherever it stands in a log line, it becomes `***`."""
    if len(value) >= MIN_SECRET:
        _values[:] = sorted({*_values, value}, key=len, reverse=True)


def forget_secrets() -> None:
    """Forget all registered values (for tests, and for a process that loaded new ones)."""
    _values.clear()


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def mask(name: str, value: Any) -> Any:
    """The value, or what may be shown of it. Looks into mappings and lists."""
    if is_secret_name(name) and isinstance(value, str | bytes):
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {key: mask(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask(name, inner) for inner in value]
    return value


def mask_text(text: str) -> str:
    """The text without registered secrets and without passwords in addresses."""
    for secret in _values:
        if secret in text:
            text = text.replace(secret, MASK)
    if "://" in text:
        text = _URL_PASSWORD.sub(r"\g<scheme>***@", text)
    return text
