"""A workspace of real size: 50 MB of text in many languages, with more than 20,000 flaws of all types.

It is made the same, byte for byte, by every run. What it says between the flaws (real_size.yaml) is dull and
clean, so the agents that look at it can be held to the very numbers that were planted.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

_FLAWED_EVERY = 5
_WORDS = "assam ceylon darjeeling earlgrey genmaicha keemun lapsang matcha oolong sencha".split()
_SERVICES = 120
# What is pinned has as many known flaws as this, by the advisories that are built in.
_PINNED = "flask==3.1.1\njinja2==2.10\npyyaml==5.3\nrequests==2.31.0\n"
_PINNED_FLAWS = 8
_DOCKERFILE = """FROM python:3.12.4-slim
WORKDIR /srv
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
RUN chmod -R 777 /srv
COPY src src
CMD ["python", "-m", "src"]
"""


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language: where its files stand and how many there are, and what they are made of."""

    folder: str
    suffix: str
    files: int
    plain: str
    flaws: Sequence[Mapping[str, str]] = ()  # each under its type
    head: str | None = None
    tail: str | None = None
    parts: int = 60  # of a file
    mendable: bool = False


@dataclass(slots=True)
class Tree:
    """What was made: where, how many files and bytes, and how many flaws of each type.

    `quality` is for the reviewer; all other types are the scanner's.
    """

    root: Path
    files: int = 0
    size: int = 0
    planted: Counter[str] = field(default_factory=Counter)
    dockerfiles: int = 0
    mendable: int = 0  # of what the scanner tells, by patcher

    @property
    def for_scanner(self) -> Counter[str]:
        """Answer what the scanner should count, by its types."""
        return Counter({kind: count for kind, count in self.planted.items() if kind != "quality"})

    def write(self, path: str, text: str) -> None:
        """Add a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        raw = text.encode()
        file.write_bytes(raw)
        self.files += 1
        self.size += len(raw)


def make(root: Path, *, tenths: int = 10) -> Tree:
    """Write the tree below an empty folder, or as many tenths of it as are asked for."""
    tree = Tree(root)
    tongues = [Tongue(**one) for one in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())]
    number = 0
    for tongue in tongues:
        for file in range(tongue.files * tenths // 10):
            number += tongue.parts
            before = tree.planted.total()
            text = "\n".join(_parts(tongue, number, tree.planted))
            tree.mendable += (tree.planted.total() - before) * tongue.mendable
            tree.write(f"{tongue.folder}/part{file % 20}/m{file}{tongue.suffix}", text)
    for service in range(_SERVICES * tenths // 10):
        tree.write(f"services/s{service}/requirements.txt", _PINNED)
        tree.write(f"services/s{service}/Dockerfile", _DOCKERFILE)
        tree.planted["dependencies"] += _PINNED_FLAWS
        tree.planted["code"] += 1  # the Dockerfile's chmod
        tree.dockerfiles += 1
        tree.mendable += _PINNED_FLAWS
    return tree


def _parts(tongue: Tongue, start: int, planted: Counter[str]) -> Iterator[str]:
    if tongue.head is not None:
        yield tongue.head
    for number in range(start, start + tongue.parts):
        yield _spelled(tongue.plain, number)
        if tongue.flaws and number % _FLAWED_EVERY == 0:
            ((kind, text),) = tongue.flaws[number // _FLAWED_EVERY % len(tongue.flaws)].items()
            planted[kind] += 1
            yield _spelled(text, number)
    if tongue.tail is not None:
        yield tongue.tail


def _spelled(text: str, number: int) -> str:
    if "@v@" in text:
        text = text.replace("@v@", _value(number))
    return text.replace("@n@", str(number)).replace("@w@", _WORDS[number % len(_WORDS)])


def _value(number: int) -> str:
    """Answer what a generator of passwords might have made; the same for a number, always."""
    return base64.b64encode(hashlib.sha256(str(number).encode()).digest(), altchars=b"xQ").decode()[:22]
