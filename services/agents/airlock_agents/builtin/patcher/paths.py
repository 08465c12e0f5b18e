"""Which paths a diff may name: plain ones inside the workspace, spelled in the one way there is."""

from __future__ import annotations

import os
import re
import unicodedata
from urllib.parse import unquote

from airlock_sdk import WorkspaceError, tar

from .diff import can_name
from .refusal import Rule

# They steer what git does with a tree, for whoever opens it next. The last one is a short name of the first.
_RESERVED = {".git", ".gitattributes", ".gitmodules", "git~1"}
_DRIVE = re.compile(r"[A-Za-z]:")


def broken_rule(path: str) -> Rule | None:
    """Answer the rule that a path breaks, or None for one that may stand in a diff."""
    if not _inside(path):
        return "path-outside"
    if tar.check_path(os.fsencode(path)) != path or path == "." or not can_name(path):
        return "path-spelling"
    if _DRIVE.match(path):
        return "path-outside"
    # Some file systems do not tell these from the names themselves: a trailing dot or space, a stream's name.
    parts = [part.partition(":")[0].rstrip(". ").casefold() for part in path.split("/")]
    if any(part in _RESERVED for part in parts):
        return "path-reserved"
    decoded = unquote(path)
    plain = decoded.replace("\\", "/")
    if not _inside(plain) or ".git" in plain.casefold().split("/"):
        return "path-encoded"
    # Who encodes twice has no honest reason to.
    return None if unquote(decoded) == decoded else "path-encoded"


def folded(path: str) -> str:
    """Answer what a path is to a file system that tells neither cases nor compositions apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def parents(path: str) -> list[str]:
    """List the folders above a path, the outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _inside(path: str) -> bool:
    try:
        tar.check_path(os.fsencode(path))
    except (WorkspaceError, UnicodeEncodeError):
        return False
    return True
