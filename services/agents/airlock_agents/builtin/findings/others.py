"""Whose code it is: the folders in which people keep what others wrote, by the names that tools give them."""

from __future__ import annotations

OTHERS_FOLDERS = frozenset(
    {
        "node_modules",
        "bower_components",
        "site-packages",
        "dist-packages",
        "__pycache__",
        "venv",
        ".venv",
        ".tox",
        ".nox",
        "vendor",
        "vendored",
        "_vendor",
        "third_party",
        "third-party",
        "thirdparty",
        "extern",
        "externals",
    }
)


def others_folder(path: str) -> str | None:
    """Answer the outermost folder of others' code in which a file lies, if it lies in one."""
    parts = path.split("/")
    for count, part in enumerate(parts[:-1], start=1):
        if part in OTHERS_FOLDERS:
            return "/".join(parts[:count])
    return None


def is_others(path: str) -> bool:
    """Tell whether a file lies in a folder of others' code."""
    return others_folder(path) is not None
