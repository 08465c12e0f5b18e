"""What a setup.py may require: it is a program, and is read without being run."""

from __future__ import annotations

import ast

from packaging.requirements import InvalidRequirement, Requirement


def declared(text: str) -> list[str]:
    """List the names of all texts in it that are requirements (PEP 508); comments and prose are none.

    Raises ValueError for what is no Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, RecursionError) as error:
        raise ValueError("no Python") from error
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                found.append(Requirement(node.value).name)
            except InvalidRequirement:
                continue
    return found
