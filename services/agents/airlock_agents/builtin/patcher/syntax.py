"""Python as this interpreter reads it, without a word to anybody about what is odd in it."""

from __future__ import annotations

import ast
import warnings


def tree_of(source: str | bytes) -> ast.Module | None:
    """Read a module's syntax tree; None for what is no Python 3, or has more in it than can be read."""
    try:
        with warnings.catch_warnings():
            # An unknown escape in somebody's string is no news, and no error where warnings are.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
