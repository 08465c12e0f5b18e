"""Which files name dependencies, and who reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath

from . import lock_files, manifests
from .dependency import Dependency

MAX_DEPENDENCIES = 20_000  # of one file

Reader = Callable[[str], Iterator[Dependency | None]]

_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (
            r"(?:.*[._-])?(?:requirements|constraints)(?:[._-].*)?\.(?:txt|in|lock)|requirements\.lock",
            manifests.requirements,
        ),
        (r"(?:poetry|uv|pdm)\.lock|pylock(?:\.\w+)?\.toml", lock_files.python_toml),
        (r"Pipfile\.lock", lock_files.pipfile),
        (r"pyproject\.toml", manifests.pyproject),
        (r"package-lock\.json|npm-shrinkwrap\.json", lock_files.npm),
        (r"yarn\.lock", lock_files.yarn),
        (r"pnpm-lock\.yaml", lock_files.pnpm),
        (r"package\.json", manifests.package_json),
        (r"go\.mod", manifests.go_mod),
        (r"go\.sum", lock_files.go_sum),
        (r"Gemfile\.lock|gems\.locked", lock_files.gemfile),
        (r"composer\.lock", lock_files.composer),
        (r"Cargo\.lock", lock_files.cargo),
        (r"pom\.xml|.*\.pom", manifests.pom),
        (r"build\.gradle(?:\.kts)?", manifests.gradle),
        (r"gradle\.lockfile", lock_files.gradle),
        (r"packages\.lock\.json", lock_files.nuget),
        (r".*\.(?:cs|fs|vb)proj|Directory\.Packages\.props", manifests.dotnet),
    )
)

# An address without TLS where packages come from; whoever sits in between can put others there.
_INSECURE = re.compile(
    r"(?:--index-url|--extra-index-url|--find-links|-i|-f)[ =]+http://|--trusted-host\b|\bgit\+http://|\bgit://"
    r"|@\s*http://|\"(?:resolved|url|dist)\"\s*:\s*\"http://|\bresolved\s+\"http://|\bremote:\s+http://|<url>\s*http://"
    r"|tarball:\s*http://|\burl\s*=\s*\"http://|\burl\s*\(?\s*[\"']http://|allowInsecureProtocol\s*=\s*true"
)
_LOCAL = re.compile(
    r"http://(?:localhost|127\.|\[::1\])|http://(?:maven\.apache\.org/(?:xsd|POM)|www\.w3\.org|www\.apache\.org/licenses)"
)
# Parts of a manifest that name pages for people, not sources of packages.
_PAGES = re.compile(r"(?i)homepage|license|bugs|repository\"|documentation|<scm>|author")


def reader_of(path: str) -> Reader | None:
    """Answer who reads a file, by its name."""
    name = PurePath(path).name
    return next((reader for pattern, reader in _READERS if pattern.fullmatch(name)), None)


def read_dependencies(path: str, text: str) -> tuple[list[Dependency], list[int]]:
    """Answer the pinned dependencies of a file, and the lines where they come over unprotected connections.

    Raises ValueError and the like for what is not what its name says.
    """
    reader = reader_of(path)
    assert reader is not None
    found: dict[tuple[str, str, str], Dependency] = {}
    for one in reader(text):
        if one is not None:
            found.setdefault((one.ecosystem, one.name, one.version), one)
        if len(found) >= MAX_DEPENDENCIES:
            break
    insecure = (
        [] if PurePath(path).name == "pom.xml" and "<repositor" not in text else list(_insecure(path, text))
    )
    return list(found.values()), insecure


def _insecure(path: str, text: str) -> Iterator[int]:
    above = ""
    project = PurePath(path).name in ("package.json", "pom.xml")
    for number, line in enumerate(text.split("\n"), start=1):
        short = line[:2_000]
        if (
            _INSECURE.search(short)
            and not _LOCAL.search(short)
            and not short.lstrip().startswith(("#", "//", "<!--"))
        ):
            if not (project and (_PAGES.search(short) or _PAGES.search(above) or "<repository" not in text)):
                yield number
        above = short
