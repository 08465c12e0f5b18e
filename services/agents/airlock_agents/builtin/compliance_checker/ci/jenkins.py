"""A few rules about Jenkinsfiles: they are programs, and are read by lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import image_names, shell_lines
from ..facts import Breach, TextFile
from ..line_numbers import lines_of
from ..secret_names import holds_secret, names_secret

_NAME = re.compile(r"(?s)(?:.*/)?Jenkinsfile(?:[.-][\w.-]+)?|(?:.*/)?[\w.-]+\.[Jj]enkinsfile")
_IMAGE = re.compile(r"\bimage\s*(?:\(\s*)?['\"]([^'\"\s]{1,200})['\"]")
_SETTING = re.compile(r"\b([A-Za-z_]\w{0,100})\s*[=:]\s*(['\"])([^'\"\n]{1,300})\2")
_PRINTED = re.compile(r"\becho\s[^\n|>]{0,200}\$\{?(?:env\.)?([A-Z_]\w{0,100})")


def is_jenkinsfile(path: str) -> bool:
    """Tell whether Jenkins reads this file, by its name."""
    return _NAME.fullmatch(path) is not None


def check_jenkinsfile(file: TextFile) -> Iterator[Breach]:
    """Hold a Jenkinsfile to its rules."""
    text = file.text
    for line in lines_of(text, shell_lines.piped_to_shell(text), first=1):
        yield Breach("ci.pipe-to-shell", line, "What is fetched is run at once.")
    for number, line_text in enumerate(file.lines, start=1):
        if line_text.lstrip().startswith(("//", "*", "/*")):
            continue
        for image in _IMAGE.finditer(line_text):
            if why := image_names.moves(image[1]):
                yield Breach("ci.image-latest", number, f"The image {image[1]} {why}.")
        for setting in _SETTING.finditer(line_text):
            if holds_secret(setting[1], setting[3]):
                said = f"{setting[1]} has its value in the file."
                yield Breach("ci.secret-in-variables", number, said, confidence="MEDIUM", secret=True)
        for printed in _PRINTED.finditer(line_text):
            if names_secret(printed[1]):
                said = f"{printed[1]} is printed to the log."
                yield Breach("ci.secret-printed", number, said, confidence="MEDIUM")
