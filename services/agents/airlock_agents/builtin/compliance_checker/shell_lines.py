"""What is wrong with a piece of shell, wherever it stands: in a Dockerfile, a workflow, a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Every gap is bounded: the scripts are somebody else's, and a pattern that backtracks is a way to stop us.
_FETCH = re.compile(r"\b(?:curl|wget)\b(?![.-]\w)")
_WINDOW = 800  # characters that a command which fetches may have, and again what it is piped into
# What is neither the end of a command nor a pipe; nothing of it is ever given back.
_GAP = r"(?:[^|;&#>\"'\\\n]++|\"[^\"]{0,400}+\"|'[^']{0,400}+'|\\[\s\S]|>&?|(?<!\s)#){0,100}+"
_FOLDER = r"(?:/(?:[^\s/|;&]{1,40}+/){1,6}+)?+"
_RUNNER = r"(?:(?:ba|da|z|k|a)?sh|python[\d.]{0,6}|perl|ruby|node(?:js)?)(?![\w./-])"
# An option's value; an interpreter is none, as `-c` has a value with one of these commands only.
_VALUE = rf"\s+(?!-|{_FOLDER}{_RUNNER})\S{{1,100}}+"
# Commands that run the one behind them, settings for it, and where a group begins; never given back.
_PREFIX = (
    rf"(?:{_FOLDER}(?:sudo|doas|env)(?:\s+(?:-[ugCDhpRTU]{_VALUE}|-\S{{0,60}}+)){{0,6}}+\s+"
    rf"|{_FOLDER}(?:exec|command|nohup|time|nice|ionice|stdbuf|setsid|timeout|busybox)"
    rf"(?:\s+(?:-[acefiknos]{_VALUE}|-\S{{0,60}}+)){{0,6}}+(?:\s+\d[\d.]{{0,9}}+[smhd]?)?+\s+"
    r"|[A-Za-z_]\w{0,60}+=(?:\"[^\"]{0,200}\"|'[^']{0,200}'|[^\s|;&\"']{0,200}+)\s+"
    r"|[({]\s*(?:cd\s+[^\s|;&()]{1,200}+\s*(?:&&|;)\s*){0,3}+){0,8}+"
)
_TAKEN = re.compile(_GAP)
_PIPED = re.compile(
    rf"(?:\|&?{_GAP}){{0,3}}\|&?\s*{_PREFIX}{_FOLDER}(?P<runner>{_RUNNER})"
    r"(?P<rest>(?:\\[\s\S]|[^|;&)`\n\\]){0,200}+)"
)
_SUBSTITUTED = re.compile(
    r"(?:\b(?:ba|da|z|k|a)?sh(?:\s+-[a-z]{1,10}){0,3}|\bsource|(?:^|\s)\.|\beval"
    r"|\b(?:python[\d.]{0,6}|perl|ruby|node)\s+-[ec])"
    r"\s+(?:<\s+)?[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b",
    re.MULTILINE,
)
_REST = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s\"'#]+|#\S*|[\"']")
_REDIRECTED = re.compile(r"\d{0,2}[<>]{1,3}")
_STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
# By what runs it: options that give it another program, and those that take the next word.
_OWN_PROGRAM = {
    "sh": re.compile(r"-[a-zA-Z]*c"),
    "python": re.compile(r"-[bBdEhiIOPqRsSuvVx]*[cmhV]"),
    "perl": re.compile(r"-(?![MmI])[a-zA-Z0-9]*[eE]"),
    "ruby": re.compile(r"-(?![rIE])[a-zA-Z0-9]*e"),
    "node": re.compile(r"-[pe]{1,2}$|--(?:eval|print|test)\b"),
}
_WITH_VALUE = {
    "sh": re.compile(r"[-+][a-zA-Z]*[oO]$|--(?:rc|init-)file$"),
    "python": re.compile(r"-[WX]$"),
    "perl": re.compile(r"-I$"),
    "ruby": re.compile(r"-[rIE]$"),
    "node": re.compile(r"-r$|--(?:require|import)$"),
}
_MODE = re.compile(r"\bchmod\s+(?:-[a-zA-Z-]{1,20}\s+){0,3}[\"']?([0-7]{3,5}|[ugoarwxXst+=,-]{2,40})[\"']?\s")
# A bare +w is bounded by the umask.
_FOR_OTHERS = re.compile(r"[ug]*[oa][ugoa]*(?:[+=-][rwxXst]*)*?[+=][rxXst]*w")
_COMMAND = r"(?:^|&&|\|\||[;|(\n]|\bthen\b|\bdo\b)\s{0,40}"
_SUDO = re.compile(_COMMAND + r"sudo\s")
_APT = re.compile(r"\bapt(?:-get)?\s+(?:-\S{1,80}\s+){0,8}install\b([^;&|]{0,2000})")
_SHIFTED = "--no-install-recommends"
_NO_RECOMMENDS = re.compile(r"APT::Install-Recommends\W{0,4}(?:0|false|no)", re.IGNORECASE)


def piped_to_shell(script: str) -> Iterator[int]:
    """Say where something that was fetched is run unseen."""
    places = {found.start() for found in _SUBSTITUTED.finditer(script)}
    end, looked_at = 0, -1
    for fetch in _FETCH.finditer(script):
        if fetch.start() < end:
            continue  # an argument of the command before it
        taken = _TAKEN.match(script, fetch.end(), fetch.end() + _WINDOW)
        pipe = taken.end() if taken is not None else fetch.end()
        if pipe == looked_at:
            continue  # a word of the same command
        looked_at = pipe
        piped = _PIPED.match(script, pipe, pipe + _WINDOW)
        if piped is not None and _runs_what_it_reads(piped["runner"], piped["rest"]):
            end = piped.end()
            places.add(fetch.start())
    yield from sorted(places)


def _runs_what_it_reads(runner: str, rest: str) -> bool:
    """Tell whether an interpreter is given no program but what it reads."""
    kind = next((one for one in _OWN_PROGRAM if runner.startswith(one)), "sh")
    if rest[:1] in "\"'":
        return True  # the end of a text that the command stands in
    words = iter(word.strip("\"'") for word in _REST.findall(rest))
    for word in words:
        if word[:1] in "#]})":  # nothing is left of a single quote
            return True  # such an end, too, or a comment
        if word in _STDIN or (kind == "sh" and re.fullmatch(r"-[a-z]*s|--", word)):
            return True
        if _OWN_PROGRAM[kind].match(word):
            return False
        if _WITH_VALUE[kind].match(word):
            next(words, None)
        elif (redirected := _REDIRECTED.match(word)) is not None:
            if redirected.end() == len(word):
                next(words, None)
        elif word[0] not in "-+${\\" or (word[0] == "$" and "/" in word):
            return False  # a program's file, that reads what was fetched
    return True


def world_writable(script: str) -> Iterator[int]:
    """Say where something is made writable by everybody."""
    for found in _MODE.finditer(script + "\n"):
        mode = found[1]
        if mode.isdigit():
            sticky = int(mode[:-3] or "0", 8) & 1  # as of /tmp: each removes only what is his own
            open_to_all = int(mode[-1]) & 2 and not sticky
        else:
            open_to_all = any(_FOR_OTHERS.match(clause) for clause in mode.split(","))
        if open_to_all:
            yield found.start()


def with_sudo(script: str) -> Iterator[int]:
    """Say where a command is run by sudo."""
    for found in _SUDO.finditer(script):
        yield found.end() - 1


def with_recommends(script: str) -> Iterator[int]:
    """Say where apt installs what was not asked for."""
    if _NO_RECOMMENDS.search(script):
        return
    for found in _APT.finditer(script):
        if _SHIFTED not in found[0]:
            yield found.start()
