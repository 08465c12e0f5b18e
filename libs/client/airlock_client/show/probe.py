"""A probe for people: every try by its group, then what is open, why it matters, how to mend it."""

from rich.console import Console
from rich.text import Text

from ..local.probe import Probed, Tried
from .gate import heading
from .text import one_line, safe

_STYLES = {"refused": "green", "absent": "dim", "held": "green", "open": "bold red", "unclear": "bold yellow"}
_SAW = 300


def show_probe(console: Console, probed: Probed) -> None:
    """Print all of it; the line `probe: n/n` is not among it."""
    width = min(48, max((len(one.name) for one in probed.tried), default=0))
    for group, tried in _by_group(probed.tried).items():
        held = sum(one.holds for one in tried)
        heading(console, f"{group}: {held}/{len(tried)}")
        for one in tried:
            line = Text(f"{one_line(one.verdict, 8):<8}", style=_STYLES.get(one.verdict, "bold red"))
            line.append(f"  {one_line(one.name, width):<{width}}", style="default not bold not dim")
            line.append(f"  {one_line(one.saw, _SAW)}", style="dim not bold")
            line.truncate(max(console.width, width + 40), overflow="ellipsis")
            console.print(line, soft_wrap=True)
    console.print()
    if probed.open:
        show_open(console, probed)
    where = f"on host {one_line(probed.host)} of pool {probed.pool}, {one_line(probed.kernel)}"
    console.print(safe(f"{one_line(probed.agent)} {where}", style="dim"))


def show_open(console: Console, probed: Probed) -> None:
    """Print what does not hold; a group's advice once."""
    for group, tried in _by_group(probed.open).items():
        console.print(safe(f"{one_line(group)} is open", style="bold red"))
        for one in tried:
            console.print(safe(f"  {one_line(one.name)}: {one_line(one.saw, _SAW)}"), soft_wrap=True)
        for word, text in (("why it matters", tried[0].why), ("how to mend it", tried[0].mend)):
            console.print(safe(f"  {word}: {one_line(text, 1000)}", style="bold"), soft_wrap=True)
        console.print()


def _by_group(tried: tuple[Tried, ...]) -> dict[str, list[Tried]]:
    groups: dict[str, list[Tried]] = {}
    for one in tried:
        groups.setdefault(one.group, []).append(one)
    return groups
