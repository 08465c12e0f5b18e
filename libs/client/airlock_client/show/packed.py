"""What a workspace lacks of the folder that it was made of, in lines for people."""

from collections.abc import Iterator, Mapping

from ..working_tree import MAX_COUNTED
from ..workspaces import PackedFolder
from .text import one_line

_LINKS = 10
_NAMED = 5


def left_out(packed: PackedFolder) -> Iterator[str]:
    """Yield a line for each sort of thing that is not in it, how many, and how to have it in all the same."""
    if not packed.files:
        yield "there is no file in that workspace, or git would ignore them all"
    for name in packed.skipped[:_LINKS]:
        yield f"left out {one_line(name)}: a link or the like"
    if len(packed.skipped) > _LINKS:
        yield f"and {len(packed.skipped) - _LINKS} more"
    if packed.ignored:
        yield (
            f"left out {_files(sum(packed.ignored.values()))} that .gitignore names and git does not track: "
            f"{_named(packed.ignored)}; --with-ignored takes them in"
        )
    if packed.ignored and packed.strangers:
        names = ", ".join(one_line(name) for name in packed.strangers[:_NAMED])
        yield f"did not ask what git tracks by a record above that somebody else owns: {names}"
    if packed.records:
        names = ", ".join(one_line(name) for name in packed.records[:_NAMED])
        more = len(packed.records) - _NAMED
        yield f"left out records of version control: {names}{f' and {more} more' if more > 0 else ''}"


def _files(count: int) -> str:
    if count > MAX_COUNTED:
        return f"more than {MAX_COUNTED:,} files"
    return f"{count:,} files" if count != 1 else "1 file"


def _named(ignored: Mapping[str, int]) -> str:
    """The largest of them by name."""
    largest = sorted(ignored.items(), key=lambda item: (-item[1], item[0]))
    said = [
        f"{one_line(name)} ({count:,})" if name.endswith("/") else one_line(name) for name, count in largest
    ]
    more = len(said) - _NAMED
    return ", ".join(said[:_NAMED]) + (f" and {more} more" if more > 0 else "")
