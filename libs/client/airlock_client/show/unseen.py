"""What agents that look at code did not look at: by reason, with the names that say most."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from rich.console import Console
from rich.text import Text

from .findings import Check
from .text import one_line, safe

_NAMED = 3
_MEDIA = frozenset(
    """.avi .bmp .eot .flac .gif .icns .ico .jpeg .jpg .mov .mp3 .mp4 .ogg .otf .pdf .png .tif .tiff .ttf .wav
    .webm .webp .woff .woff2""".split()
)
"""What nobody expects to be read: a Makefile that is called binary stands before all of them."""


def show_unseen(console: Console, said: Check, limit: int, *, whole: str) -> None:
    """Print what one node did not look at, a line for each reason; `whole` says who has all."""
    if not said.unseen_total:
        return
    console.print()
    reasons: dict[str, list[str]] = {}
    for one in said.unseen:
        reasons.setdefault(one.reason, []).append(one.file)
    # The rarest first: what a hostile repository hides is seldom one of dozens of its kind.
    shown = sorted(reasons.items(), key=lambda item: (all(map(_is_media, item[1])), len(item[1])))[:limit]
    for reason, files in shown:
        line = Text("UNSEEN    ", style="yellow")
        line.append(_names(files), style="default")
        line.append(f"  {one_line(reason, 300)}", style="dim")
        console.print(line, soft_wrap=True)
    left = said.unseen_total - sum(len(files) for _, files in shown)
    if left > 0:
        console.print(safe(f"and {left:,} more unseen: {whole}", style="dim"))


def _names(files: Sequence[str]) -> str:
    first = sorted(files, key=_is_media)[:_NAMED]
    more = len(files) - len(first)
    return ", ".join(one_line(file, 120) for file in first) + (f" and {more:,} more" if more else "")


def _is_media(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in _MEDIA
