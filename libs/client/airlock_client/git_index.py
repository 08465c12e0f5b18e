"""What a git index names, understood as data.

Git is not run for it: a repository's own configuration may name programs (core.fsmonitor, hooks, a partial
clone's transport), and the environment may point elsewhere (GIT_DIR, GIT_INDEX_FILE). Nothing of that is
obeyed. Source: gitformat-index(5), versions 2 to 4, SHA-1 and SHA-256, split and sparse ones.
"""

import os
import re
import stat
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MAX_NAME_BYTES = 4096
"""No system opens a longer path."""
HASH_BYTES = (20, 32)
"""SHA-1 and SHA-256: which of both only a repository's configuration says, but the other does not fit."""
_HEADER = struct.Struct(">4sII")
_SIZES = struct.Struct(">4sI")
_STAT_BYTES = 40  # ten words: times, device, inode, mode, owner, group, size
_MODE_AT = 24  # where the mode is among them
_EXTENDED = 0x4000  # a flag: two more bytes of flags follow
_LINK_TO_COMMIT = 0o160000  # the mode of a submodule
_MAX_SHIFT = 28  # of a number that says how much of the name before stays: names are shorter
_NEVER_TRACKED = re.compile(rb"(?:\A|/)(?:\.{0,2}|\.git)(?:/|\Z)")


@dataclass(frozen=True, slots=True)
class Tracked:
    """What an index names, relative to its work tree."""

    files: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()
    """Submodules: each has an index of its own."""
    folders: frozenset[str] = frozenset()
    """Of a sparse index: folders that are tracked whole, without their files' names."""
    _ordered: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Sorted, since the folders above all names would take far more room than the names.
        object.__setattr__(self, "_ordered", tuple(sorted((*self.files, *self.repositories, *self.folders))))

    def holds(self, path: str) -> bool:
        """Whether a path is, or is in, a folder that is tracked whole."""
        return any(not folder or f"{path}/".startswith(f"{folder}/") for folder in self.folders)

    def has_below(self, prefix: str) -> bool:
        """Whether anything is in a folder, or is it; `prefix` is its path with a slash at the end."""
        at = bisect_left(self._ordered, prefix)
        if at < len(self._ordered) and self._ordered[at].startswith(prefix):
            return True
        path = prefix.removesuffix("/")
        return path in self.repositories or path in self.folders


EVERYTHING = Tracked(folders=frozenset({""}))
"""The whole tree, whatever its files are called."""


class Broken(Exception):
    """The index breaks its format: the message says where."""


def understand(
    raw: bytes, shared: Callable[[str], bytes | None], hash_bytes: int, spell: Callable[[int], None]
) -> Tracked:
    """What an index names; `shared` gives the one beneath a split one, `spell` hears of each name's bytes.

    What was replaced or removed since a split is named all the same: that takes too much, and never too
    little. Raises Broken, and what `spell` raises where there are too many.
    """
    entries, base = _parse(raw, hash_bytes, spell)
    if base is None:
        return _sorted_out(entries)
    below = shared(base)
    if below is None:
        raise Broken(f"sharedindex.{base} is not there")
    return _sorted_out(entries | _parse(below, hash_bytes, spell)[0])


def _parse(raw: bytes, hash_bytes: int, spell: Callable[[int], None]) -> tuple[dict[bytes, int], str | None]:
    """Names with their modes, and the index that this one builds upon, if it does. Raises Broken."""
    end = len(raw) - hash_bytes  # the last is a checksum, of zeros where index.skipHash is set
    if end < _HEADER.size:
        raise Broken("it is too short")
    mark, version, count = _HEADER.unpack_from(raw)
    if mark != b"DIRC" or version not in (2, 3, 4):
        raise Broken("its version is not known")
    entries: dict[bytes, int] = {}
    at, name = _HEADER.size, b""
    for _ in range(count):
        start, at = at, at + _STAT_BYTES + hash_bytes + 2
        if at > end:
            raise Broken("it ends within an entry")
        (mode,) = struct.unpack_from(">I", raw, start + _MODE_AT)
        (flags,) = struct.unpack_from(">H", raw, at - 2)
        at += 2 if flags & _EXTENDED and version > 2 else 0
        kept = b""
        if version == 4:
            dropped, at = _number(raw, at, end)
            if dropped > len(name):
                raise Broken("a name drops more than there is")
            kept = name[: len(name) - dropped]
        stop = raw.find(b"\0", at, end)
        if stop < 0:
            raise Broken("a name does not end")
        name, at = kept + raw[at:stop], stop + 1
        if len(name) > MAX_NAME_BYTES:
            raise Broken("a name is longer than a path may be")
        spell(len(name))  # in version 4 a few bytes may spell a long name again and again
        if version < 4:
            at = start + (stop - start + 8) // 8 * 8
        if stat.S_IFMT(mode) not in (stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR, _LINK_TO_COMMIT):
            raise Broken("a mode is not known")
        entries[name] = mode
    base = None
    for mark, body in _extensions(raw, at, end):
        if mark == b"link":
            said = body[:hash_bytes]
            base = said.hex() if any(said) else None
        elif mark[:1].islower() and mark != b"sdir":
            raise Broken(f"the extension {mark!r} is not known")
    if base is None and b"" in entries:
        raise Broken("a name is empty")
    entries.pop(b"", None)  # of a split index: the name stands in the one below
    return entries, base


def _number(raw: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, as in a pack's offsets, and where it ends."""
    value = 0
    for index, byte in enumerate(raw[at : min(end, at + _MAX_SHIFT // 7)]):
        value = (value << 7) + (byte & 0x7F)
        if not byte & 0x80:
            return value, at + index + 1
        value += 1
    raise Broken("a number does not end")


def _extensions(raw: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    while at < end:
        if at + _SIZES.size > end:
            raise Broken("it ends within an extension")
        mark, size = _SIZES.unpack_from(raw, at)
        at += _SIZES.size
        if not mark.isalpha() or at + size > end:
            raise Broken("it ends within an extension")
        yield mark, raw[at : at + size]
        at += size


def _sorted_out(entries: dict[bytes, int]) -> Tracked:
    paths: dict[int, set[str]] = {stat.S_IFREG: set(), _LINK_TO_COMMIT: set(), stat.S_IFDIR: set()}
    for raw, mode in entries.items():
        path = raw.removesuffix(b"/")
        if _NEVER_TRACKED.search(path):
            raise Broken("it names what git never tracks")
        kind = stat.S_IFMT(mode)
        paths[stat.S_IFREG if kind == stat.S_IFLNK else kind].add(os.fsdecode(path))
    return Tracked(*(frozenset(found) for found in paths.values()))
