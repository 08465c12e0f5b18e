"""Draws a DAG as SVG: boxes in layers from left to right, edges around them, a legend.

Pure: the same graph gives the same bytes. The picture stands alone: its colours come with it, for light and
dark; it loads and runs nothing; each box says in words what its colour says. All text from outside is escaped
here, and what XML cannot hold is replaced.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from .layout import Layout, lay_out

_CHARACTER = 7.5  # of the monospaced font at 12.5 px
_NARROWEST, _WIDEST = 15, 34  # characters of a box's lines; longer ones are cut in the middle
_LINE, _BOX_PADDING, _GLYPH = 16, 10, 20
_ROW_GAP, _COLUMN_GAP = 20, 64
_MARGIN, _HEAD, _FOOT = 24, 66, 40
_LEGEND_ROW = 26
_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Look:
    """How a status looks: its mark, and its colour in the light and in the dark."""

    mark: str
    light: str
    dark: str


LOOKS: Mapping[str, Look] = {
    "SUCCESS": Look("✓", "#1a7f37", "#3fb950"),
    "RUNNING": Look("▶", "#0969da", "#58a6ff"),
    "QUEUED": Look("…", "#0550ae", "#79c0ff"),
    "BACKING_OFF": Look("↻", "#9a6700", "#d29922"),
    "WAITING_APPROVAL": Look("?", "#9a6700", "#e3b341"),
    "FAILED": Look("✕", "#cf222e", "#ff7b72"),
    "CANCELLED": Look("■", "#8250df", "#bc8cff"),
    "SKIPPED": Look("-", "#6e7781", "#8b949e"),
    "PENDING": Look("○", "#6e7781", "#8b949e"),
}
_PLAIN = Look("", "#57606a", "#8b949e")


@dataclass(frozen=True, slots=True)
class Box:
    """One node of the picture."""

    name: str
    lines: tuple[str, ...]
    """What stands below the name."""
    status: str = ""
    """One of LOOKS, or empty where there is none."""
    gated: bool = False
    told: str = ""
    """All of it in words, for who does not see the picture, and for a pointer that rests."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph to be drawn."""

    title: str
    subtitle: str
    boxes: Sequence[Box]
    edges: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By box: those that it depends on."""


def draw(drawing: Drawing) -> str:
    """The picture, as an SVG document."""
    layout = lay_out({box.name: drawing.edges.get(box.name, ()) for box in drawing.boxes})
    return "\n".join(_Picture(drawing, layout).document()) + "\n"


class _Picture:
    """The measures of one picture, and its parts."""

    def __init__(self, drawing: Drawing, layout: Layout) -> None:
        self._drawing = drawing
        self._layout = layout
        lines = [line for box in drawing.boxes for line in (box.name, *box.lines)]
        longest = max(map(len, lines), default=0)
        self._characters = min(_WIDEST, max(_NARROWEST, longest))
        self._box_width = round(self._characters * _CHARACTER) + _GLYPH + 2 * _BOX_PADDING
        most = max((len(box.lines) for box in drawing.boxes), default=0)
        self._box_height = _LINE * (1 + most) + 2 * _BOX_PADDING - 4
        self._row = self._box_height + _ROW_GAP
        self._column = self._box_width + _COLUMN_GAP
        columns = max(1, layout.layers)
        least = round(max(len(drawing.title) * 9.1, len(drawing.subtitle) * 7.6))
        self._width = 2 * _MARGIN + max(least, columns * self._column - _COLUMN_GAP)
        self._counts = _counts(drawing.boxes)
        self._entries = self._legend()
        self._foot_top = round(_HEAD + layout.height * self._row + self._box_height + _MARGIN)
        rows = self._entries[-1].row if self._entries else 0
        self._height = self._foot_top + _FOOT + rows * _LEGEND_ROW

    def document(self) -> Iterator[str]:
        about = self._drawing
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width}" height="{self._height}" '
            f'viewBox="0 0 {self._width} {self._height}" role="img" aria-labelledby="title desc">'
        )
        yield f'<title id="title">{_text(about.title)}</title>'
        yield f'<desc id="desc">{_text(self._words())}</desc>'
        yield f"<style>{_STYLE}</style>"
        yield '<rect class="ground" width="100%" height="100%"/>'
        yield f'<text class="title" x="{_MARGIN}" y="28">{_text(about.title)}</text>'
        yield f'<text class="sub" x="{_MARGIN}" y="46">{_text(about.subtitle)}</text>'
        if (edges := self._layout.edges) and not self._layout.bends:
            yield f'<text class="sub" x="{_MARGIN}" y="60">{edges} edges, too many to draw</text>'
        yield '<g class="edges">'
        for (start, to), bends in self._layout.bends.items():
            yield self._edge(start, to, bends)
        yield "</g>"
        for box in about.boxes:
            yield from self._box(box)
        yield from self._foot()
        yield "</svg>"

    def _words(self) -> str:
        count, layers = len(self._drawing.boxes), self._layout.layers
        states = ", ".join(f"{number} {status}" for status, number in self._counts.items())
        nodes = f"{count} node{'s' * (count != 1)} in {layers} layer{'s' * (layers != 1)}"
        return f"{nodes}{': ' * bool(states)}{states}. {self._drawing.subtitle}"

    def _corner(self, name: str) -> tuple[float, float]:
        """The top left corner of a box."""
        x = _MARGIN + self._layout.layer[name] * self._column
        return x, _HEAD + self._layout.place[name] * self._row

    def _edge(self, start: str, to: str, bends: tuple[float, ...]) -> str:
        """A line that moves up or down only between the layers, where no box stands."""
        half = self._box_height / 2
        x, top = self._corner(start)
        x, y = x + self._box_width, top + half
        parts = [f"M{_n(x)} {_n(y)}"]
        end_x, end_top = self._corner(to)
        for place in bends:
            x, y = self._curve(parts, x, y, _HEAD + place * self._row + half)
            x += self._box_width
            parts.append(f"H{_n(x)}")
        end_y = end_top + half
        tip = end_x - 7
        bow = (_COLUMN_GAP - 7) / 2
        parts.append(f"C{_n(x + bow)} {_n(y)} {_n(tip - bow)} {_n(end_y)} {_n(tip)} {_n(end_y)}")
        arrow = f"M{_n(tip)} {_n(end_y - 4)}L{_n(end_x - 1)} {_n(end_y)}L{_n(tip)} {_n(end_y + 4)}Z"
        return f'<path class="edge" d="{"".join(parts)}"/><path class="tip" d="{arrow}"/>'

    def _curve(self, parts: list[str], x: float, y: float, to_y: float) -> tuple[float, float]:
        to_x, bow = x + _COLUMN_GAP, _COLUMN_GAP / 2
        parts.append(f"C{_n(x + bow)} {_n(y)} {_n(x + bow)} {_n(to_y)} {_n(to_x)} {_n(to_y)}")
        return to_x, to_y

    def _box(self, box: Box) -> Iterator[str]:
        x, y = self._corner(box.name)
        look = LOOKS.get(box.status, _PLAIN)
        yield f'<g class="node {_class(box.status)}" id={quoteattr("node-" + box.name)}>'
        yield f"<title>{_text(box.told or box.name)}</title>"
        yield (
            f'<rect class="box" x="{_n(x)}" y="{_n(y)}" width="{self._box_width}" '
            f'height="{self._box_height}" rx="6"/>'
        )
        yield f'<rect class="bar" x="{_n(x)}" y="{_n(y)}" width="5" height="{self._box_height}" rx="2"/>'
        if box.gated:
            mid = y + self._box_height / 2
            yield f'<path class="gate" d="M{_n(x - 9)} {_n(mid)}l9 -9l9 9l-9 9z"/>'
        left, baseline = x + _BOX_PADDING + 6, y + _BOX_PADDING + 10
        if look.mark:
            yield f'<text class="mark" x="{_n(left)}" y="{_n(baseline)}">{look.mark}</text>'
        left += _GLYPH - 4
        yield f'<text class="name" x="{_n(left)}" y="{_n(baseline)}">{_text(self._cut(box.name))}</text>'
        for number, line in enumerate(box.lines, 1):
            at = _n(baseline + number * _LINE)
            yield f'<text class="line" x="{_n(left)}" y="{at}">{_text(self._cut(line))}</text>'
        yield "</g>"

    def _cut(self, text: str) -> str:
        if len(text) <= self._characters:
            return text
        head = (self._characters - 1) * 2 // 3
        return f"{text[:head]}…{text[head - self._characters + 1 :]}"

    def _legend(self) -> list["_Entry"]:
        """What the marks mean, in rows as wide as the picture."""
        said = [(status, f"{status} {number}") for status, number in self._counts.items()]
        if any(box.gated for box in self._drawing.boxes):
            said.append(("", "asks a person"))
        entries: list[_Entry] = []
        x, row = 0, 0
        for status, text in said:
            width = round(len(text) * _CHARACTER) + 44
            if x and x + width > self._width - 2 * _MARGIN:
                x, row = 0, row + 1
            entries.append(_Entry(status, text, x, row))
            x += width
        return entries

    def _foot(self) -> Iterator[str]:
        yield '<g class="legend">'
        for entry in self._entries:
            x, y = _MARGIN + entry.x, self._foot_top + 16 + entry.row * _LEGEND_ROW
            mark = f'<path class="gate" d="M{x} {y - 4}l7 -7l7 7l-7 7z"/>'
            if entry.status:
                mark = f'<text class="mark" x="{x}" y="{y}">{LOOKS[entry.status].mark}</text>'
            text = f'<text class="line" x="{x + 20}" y="{y}">{entry.text}</text>'
            yield f'<g class="node {_class(entry.status)}">{mark}{text}</g>'
        yield "</g>"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One mark of the legend; without a status the gate's."""

    status: str
    text: str
    x: int
    row: int


def _counts(boxes: Sequence[Box]) -> dict[str, int]:
    """How many boxes have each status that there is, in the order of LOOKS."""
    counted = Counter(box.status for box in boxes)
    return {status: counted[status] for status in LOOKS if counted[status]}


_SHAPES = """
svg{--ground:#ffffff;--box:#f6f8fa;--ink:#1f2328;--soft:#57606a;--edge:#8c959f;--own:#57606a}
text{font:12.5px ui-monospace,SFMono-Regular,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:var(--ink)}
.ground{fill:var(--ground)}
.title{font-size:15px;font-weight:600}
.sub,.line{fill:var(--soft)}
.box{fill:var(--box);stroke:var(--own);stroke-width:1.2}
.pending .box,.skipped .box{stroke-dasharray:4 3}
.bar{fill:var(--own)}
.name{font-weight:600}
.mark{fill:var(--own);font-weight:700}
.gate{fill:var(--ground);stroke:var(--own);stroke-width:1.6}
.edge{fill:none;stroke:var(--edge);stroke-width:1.4}
.tip{fill:var(--edge)}
"""
_DARK = "svg{--ground:#0d1117;--box:#161b22;--ink:#e6edf3;--soft:#9198a1;--edge:#6e7681;--own:#8b949e}"


def _class(status: str) -> str:
    return status.lower().replace("_", "-") or "plain"


def _style() -> str:
    light = "".join(f".{_class(status)}{{--own:{look.light}}}" for status, look in LOOKS.items())
    dark = "".join(f".{_class(status)}{{--own:{look.dark}}}" for status, look in LOOKS.items())
    return f"{_SHAPES}{light}\n@media (prefers-color-scheme:dark){{{_DARK}{dark}}}\n"


_STYLE = _style()


def _n(value: float) -> str:
    """A number as short as it can be said to a tenth of a pixel."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return escape(_ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text))
