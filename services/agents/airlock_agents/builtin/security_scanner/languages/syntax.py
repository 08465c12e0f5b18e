"""How languages write comments and strings: what the lexer has to know of them, and which file is which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

_DOUBLE = r'"(?:\\[\s\S]|[^"\\\n])*(?:"|(?=\n)|\Z)'
_SINGLE = r"'(?:\\[\s\S]|[^'\\\n])*(?:'|(?=\n)|\Z)"
_DOUBLE_LINES = r'"(?:\\[\s\S]|[^"\\])*(?:"|\Z)'
_SINGLE_LINES = r"'(?:\\[\s\S]|[^'\\])*(?:'|\Z)"
_BACKTICK = r"`(?:\\[\s\S]|[^`\\])*(?:`|\Z)"
_TRIPLE = r'"""[\s\S]*?(?:"""|\Z)'
_SLASHES = r"//[^\n\u2028\u2029]*"  # both end a line in JavaScript
_HASH = r"#[^\n]*"
_BLOCK = r"/\*[\s\S]*?(?:\*/|\Z)"
# A slash begins a regular expression where no value can stand before it.
_REGEX = r"(?:(?<=[(,=:\[!&|?{};\n])|(?<=return))[ \t]{0,40}/(?![*/])"
_REGEX += r"(?:\\.|\[(?:\\.|[^\]\\\n]){0,200}\]|[^/\\\n\[]){1,500}/[a-z]{0,8}"


@dataclass(frozen=True, slots=True)
class Syntax:
    """One language: its comments and strings, as alternatives of one pattern, and what a value in a string is."""

    comments: tuple[str, ...]
    strings: tuple[str, ...]
    interpolation: str | None = None  # what inside a string stands for a value
    interpolating: str = '"`'  # the first characters of strings that have it
    concatenation: str = "+"

    def pattern(self) -> re.Pattern[str]:
        """Answer the pattern that finds the next comment or string."""
        return re.compile(f"(?P<comment>{'|'.join(self.comments)})|(?P<string>{'|'.join(self.strings)})")


_DOLLAR = r"\$\{|\$[A-Za-z_]"
_JAVASCRIPT = Syntax((_SLASHES, _BLOCK), (_BACKTICK, _DOUBLE, _SINGLE, _REGEX), r"\$\{", "`")
SYNTAXES: dict[str, Syntax] = {
    "javascript": _JAVASCRIPT,
    "php": Syntax(
        (_SLASHES, r"#(?!\[)[^\n]*", _BLOCK),
        (
            r"<<<[ \t]*[\"']?(?P<here>\w+)[\"']?\n[\s\S]*?(?:\n[ \t]*(?P=here)\b|\Z)",
            _DOUBLE_LINES,
            _SINGLE_LINES,
            _BACKTICK,
        ),
        r"\{\$|\$[A-Za-z_{]",
        '"`<',
        ".",
    ),
    "java": Syntax((_SLASHES, _BLOCK), (_TRIPLE, _DOUBLE, _SINGLE)),
    "kotlin": Syntax((_SLASHES, _BLOCK), (_TRIPLE, _DOUBLE, _SINGLE), _DOLLAR, '"'),
    "csharp": Syntax(
        (_SLASHES, _BLOCK),
        (r'\$?@\$?"(?:""|[^"])*(?:"|\Z)', _TRIPLE, r"\$" + _DOUBLE, _DOUBLE, _SINGLE),
        r"(?<!\{)\{[A-Za-z_(]",
        "$",
    ),
    "go": Syntax((_SLASHES, _BLOCK), (r"`[^`]*(?:`|\Z)", _DOUBLE, _SINGLE)),
    "ruby": Syntax(
        (_HASH, r"(?m:^=begin\b)[\s\S]*?(?:\n=end\b|\Z)"),
        (
            r"<<[~-]?[\"']?(?P<here>[A-Z]\w*)[\"']?[^\n]*\n[\s\S]*?(?:\n[ \t]*(?P=here)\b|\Z)",
            _DOUBLE_LINES,
            _SINGLE_LINES,
            _BACKTICK,
            r"%x\{[^}]*(?:\}|\Z)",
        ),
        r"#\{",
        '"`<%',
    ),
    "shell": Syntax((r"(?:(?<=\s)|(?<![\s\S]))#[^\n]*",), (_SINGLE_LINES, _DOUBLE_LINES)),
    "python": Syntax(
        (_HASH,),
        (
            r"[A-Za-z]{0,2}(?:" + _TRIPLE + r"|'''[\s\S]*?(?:'''|\Z))",
            "[A-Za-z]{0,2}" + _DOUBLE,
            "[A-Za-z]{0,2}" + _SINGLE,
        ),
        r"(?<!\{)\{[A-Za-z_(]",
        "fF",
    ),
    "template": Syntax(
        (r"<!--[\s\S]*?(?:-->|\Z)", r"\{#[\s\S]*?(?:#\}|\Z)", r"\{\{!--[\s\S]*?(?:--\}\}|\Z)"), (r"(?!)",)
    ),
}

_SUFFIXES: dict[str, str] = {
    suffix: language
    for language, suffixes in {
        "javascript": "js jsx mjs cjs ts tsx mts cts es6",
        "php": "php php3 php4 php5 php7 phtml inc module",
        "java": "java jsp jspx",
        "kotlin": "kt kts scala groovy gradle",
        "csharp": "cs cshtml razor",
        "go": "go",
        "ruby": "rb rake gemspec ru",
        "shell": "sh bash zsh ksh bats",
        "template": "html htm xhtml jinja jinja2 j2 twig njk liquid erb ejs hbs handlebars mustache vue svelte tmpl tpl",
    }.items()
    for suffix in suffixes.split()
}
_NAMES = {"rakefile": "ruby", "gemfile": "ruby", "jenkinsfile": "kotlin"}
_SHELLS = re.compile(r"(dockerfile|containerfile|makefile|gnumakefile)(\..*)?|.*\.(dockerfile|mk)")
_INTERPRETERS = (
    (re.compile(r"\b(ba|z|k|da)?sh\b"), "shell"),
    (re.compile(r"\b(node|deno|bun|ts-node)\b"), "javascript"),
    (re.compile(r"\bphp"), "php"),
    (re.compile(r"\bruby"), "ruby"),
)


def languages_of(path: str, text: str) -> frozenset[str]:
    """Answer every language that a file may be: by its first line, by PHP's opening tag, and by its name.

    None of them rules out another: a comment in the text must not take a file away from the rules of its name.
    """
    first = text.split("\n", 1)[0][:200] if text.startswith("#!") else ""
    said = next((language for pattern, language in _INTERPRETERS if pattern.search(first)), None)
    php = "php" if "<?php" in text[:4096] else None
    return frozenset(one for one in (said, php, *_languages_of_name(path)) if one is not None)


def _languages_of_name(path: str) -> Iterator[str]:
    """Answer what a name says: Makefile.js is a script of Node.js, as Dockerfile.dev is none."""
    name = PurePath(path).name.lower()
    if _SHELLS.fullmatch(name):
        yield "shell"
    if name in _NAMES:
        yield _NAMES[name]
    # page.html.erb is ERB, and app.js.bak is still JavaScript.
    yield from [_SUFFIXES[one] for one in reversed(name.split(".")[1:][-3:]) if one in _SUFFIXES][:1]
