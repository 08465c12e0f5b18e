"""Every relative link in the documents leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[3]
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md")]
    for folder in ("docs", "examples", "infra", "libs", "services", "load-tests", "observability"):
        found += (ROOT / folder).rglob("*.md")
    return sorted(path for path in found if "site" not in path.parts)


def links(text: str) -> Iterator[str]:
    """Targets of links, not those inside code."""
    for found in _LINK.finditer(_CODE.sub("", text)):
        yield found[1]


def anchors(text: str) -> set[str]:
    """The anchors that headings give, as GitHub spells them."""
    made = set()
    for heading in _HEADING.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        made.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return made


def broken(document: Path, text: str) -> Iterator[str]:
    for target in links(text):
        if re.match(r"^(https?:|mailto:)", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / unquote(name)).resolve() if name else document
        if not path.is_relative_to(ROOT):
            yield f"{target}: leaves the repository"
        elif not path.exists():
            yield f"{target}: is not there"
        elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8")):
            yield f"{target}: has no such heading"


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    assert list(broken(document, document.read_text(encoding="utf-8"))) == []


def test_a_broken_link_is_found() -> None:
    text = "[a](nowhere.md) [b](README.md#no-such-heading) [c](https://example.com) `[d](code.md)`"
    assert list(broken(ROOT / "CHANGELOG.md", text)) == [
        "nowhere.md: is not there",
        "README.md#no-such-heading: has no such heading",
    ]


def test_every_document_is_reached_from_the_readme() -> None:
    start = ROOT / "README.md"
    reached, ahead = {start}, [start]
    while ahead:
        document = ahead.pop()
        for target in links(document.read_text(encoding="utf-8")):
            path = (document.parent / unquote(target.partition("#")[0])).resolve()
            pages = path.glob("*.md") if path.is_dir() else [path]  # a folder's link shows what is in it
            for page in pages:
                if page.suffix == ".md" and page.exists() and page not in reached:
                    reached.add(page)
                    ahead.append(page)
    lost = [path for path in (ROOT / "docs").rglob("*.md") if path not in reached]
    assert lost == []
