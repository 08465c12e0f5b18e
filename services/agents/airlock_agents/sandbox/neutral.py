"""Makes an agent's text safe for a terminal and a log line: what would be obeyed becomes visible instead."""

from typing import Any

_KEPT = {"\n", "\t"}
_OBEYED = [
    *range(0x00, 0x20),
    *range(0x7F, 0xA0),
    0x061C,
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
]
"""C0 and C1 controls (an escape sequence begins with one), line separators, invisible and bidi marks."""
_VISIBLE = {code: f"\\u{code:04x}" for code in _OBEYED if chr(code) not in _KEPT}


def neutral(text: str, limit: int) -> str:
    """Make control characters visible and cut to that many characters."""
    shown = text[:limit].encode("utf-8", "backslashreplace").decode("utf-8").translate(_VISIBLE)
    return shown[:limit]


def neutral_value(value: Any, limit: int) -> Any:
    """The same for every string in a JSON value, keys too. Its depth is bounded by who parsed it."""
    if isinstance(value, str):
        return neutral(value, limit)
    if isinstance(value, dict):
        return {neutral(key, limit): neutral_value(child, limit) for key, child in value.items()}
    if isinstance(value, list):
        return [neutral_value(child, limit) for child in value]
    return value


class Tail:
    """The last bytes of a stream, and how many there were."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take what arrived."""
        self.total += len(data)
        self._kept += data[-self._limit :]
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    @property
    def kept(self) -> bytes:
        """The last bytes."""
        return bytes(self._kept[-self._limit :])

    def text(self) -> str:
        """What was kept, for people; says how much came before it."""
        kept = self.kept
        missing = self.total - len(kept)
        note = f"[{missing} bytes before this]\n" if missing else ""
        return (note + neutral(kept.decode("utf-8", "replace"), self._limit))[: self._limit]
