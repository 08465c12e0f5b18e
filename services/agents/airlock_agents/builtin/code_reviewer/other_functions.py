"""Functions of languages other than Python, measured by lizard from their tokens."""

from __future__ import annotations

import contextlib
import io
from pathlib import PurePath

from lizard import FileAnalyzer, get_extensions

from .functions import MAX_NAME, Measured
from .languages import Language
from .python_code import Unparsable

# How code asks lizard to look away: spelled otherwise, it asks nothing.
_FORGIVEN = (("lizard forgive", "lizard-forgive"), ("GENERATED CODE", "GENERATED-CODE"))
_SAME = {".mts": ".ts", ".cts": ".ts", ".zsh": ".sh"}  # suffixes that lizard does not know


def measure_tokens(path: str, text: str, language: Language) -> list[Measured]:
    """Measure every function of a file, if lizard knows its language (by the path's suffix).

    Raises Unparsable.
    """
    if not language.measured:
        return []
    suffix = PurePath(path).suffix.lower()
    for asked, harmless in _FORGIVEN:
        text = text.replace(asked, harmless)
    name = "module" + (_SAME.get(suffix, suffix) or ".js")  # without a suffix: a script of node
    said = io.StringIO()
    with contextlib.redirect_stderr(said):  # where lizard says that it gave up
        found = FileAnalyzer(get_extensions([])).analyze_source_code(name, text).function_list
    if said.getvalue():
        raise Unparsable("nested too deeply for its functions to be measured")
    return [
        Measured(
            " ".join(str(one.name).split())[:MAX_NAME],
            max(1, one.start_line),
            max(1, one.start_line, one.end_line),
            max(1, int(one.cyclomatic_complexity)),
            len(one.full_parameters),
            None,
        )
        for one in found
    ]
