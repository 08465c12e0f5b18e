"""Cuts what an agent prints into lines, as a terminal would show them. Pure and bounded."""

_END, _RETURN = b"\n", b"\r"
_BYTES_PER_CHARACTER = 4


class StderrLines:
    """Takes bytes in any portions; gives lines without their ends, unreadable bytes replaced.

    A carriage return begins a line anew, as progress bars use it: what stood before it is not given. Of a
    line that is too long the first `limit` characters are given, and of an empty one nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Take what arrived, give the lines that it ended."""
        *ended, rest = data.split(_END)
        lines = []
        for part in ended:
            self._append(part)
            lines.append(self.rest())
        self._append(rest)
        return [line for line in lines if line]

    def rest(self) -> str:
        """Give what has no end yet, and begin anew."""
        kept, self._kept = bytes(self._kept), bytearray()
        text = kept.rstrip(_RETURN).decode("utf-8", "replace")
        return text if len(text) <= self._limit else f"{text[: self._limit - 1]}…"

    def _append(self, part: bytes) -> None:
        self._kept += part
        # A return at the very end may belong to the line's end.
        overwritten = self._kept.rstrip(_RETURN).rfind(_RETURN) + 1
        del self._kept[:overwritten]
        del self._kept[_BYTES_PER_CHARACTER * self._limit :]
