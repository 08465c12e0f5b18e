"""Which command of a shell means the same without one: a program and its plain words."""

from __future__ import annotations

import re

# Whatever a shell would do something with; a command without any of it means the same without a shell.
_ACTED_ON = re.compile(r"[|&;<>()$`\\\"'*?\[\]#~={}!\n\t%]")
# What a shell does by itself, of POSIX (XCU 2.14 and 1.6), bash and ksh. There is no such program, or only on
# some machines (`time`, `kill`), or it says something else (`pwd`, which knows no links).
_SHELLS_OWN = frozenset(
    ". : alias bg bind break builtin caller case cd command compgen complete compopt continue coproc declare"
    " dirs disown do done elif else enable esac eval exec exit export fc fg fi for function getopts hash help"
    " history if in jobs kill let local logout mapfile popd print pushd pwd read readarray readonly return"
    " select set shift shopt source suspend then time times trap type typeset ulimit umask unalias unset"
    " until wait whence while".split()
)
# The same of the shell of Windows, where a program may run, too.
_CMDS_OWN = frozenset(
    "assoc call chdir cls color copy del dir endlocal erase ftype goto md mklink move path pause prompt rd"
    " rem ren rename setlocal start title ver verify vol".split()
)


def words_of(command: str) -> list[str] | None:
    """Answer the words of a command that means the same without a shell, None for one that needs it."""
    if not command.isprintable() or _ACTED_ON.search(command):
        return None
    # Only at spaces: a shell takes the other blanks of Unicode for letters.
    words = [word for word in command.split(" ") if word]
    if not words or words[0] in _SHELLS_OWN or words[0].lower() in _CMDS_OWN:
        return None
    if words[0] == "echo" and words[1:] and words[1].startswith("-"):
        return None  # each shell takes other options for its own
    return words
