"""How flaws are written in shell scripts, Dockerfiles and makefiles."""

from __future__ import annotations

from .patterns import pattern

_FETCH = r"\b(?:curl|wget)\b[^|;&\n]{0,300}"

TABLE = (
    pattern("sh-pipe-to-shell", rf"{_FETCH}\|\s*(?:sudo\s+(?:-\w+\s+)*)?(?:env\s+)?(?:\S*/)?(?:ba|z|da|k)?sh\b"),
    pattern("sh-pipe-to-shell", rf"{_FETCH}\|\s*(?:sudo\s+)?(?:python[\d.]*|perl|ruby|node|php)\b(?!\s+-(?:c|m|e)\b)"),
    pattern("sh-pipe-to-shell", rf"\b(?:ba|z)?sh\s+(?:-c\s+[\"']?\$\(|<\(\s*){_FETCH}"),
    pattern("sh-pipe-to-shell", rf"\b(?:eval|source|\.)\s+[\"']?(?:\$\(|<\(|`)\s*{_FETCH}"),
    # What a tool of the system prints is made to be evaluated; what comes from an argument is not.
    pattern("sh-eval", r"(?<![\w-])eval\s+[\"']?[^;\n]{0,80}?\$(?:\{?(?:[1-9@*]|[A-Za-z_]\w*)\}?)", unless=r"\$\((?:ssh-agent|brew|pyenv|rbenv|direnv|dircolors|docker-machine)"),
    pattern("sh-world-writable", r"\bchmod\s+(?:-\w+\s+){0,3}(?:0?[0-7]?777|0?666|a\+rwx|ugo\+rwx|o\+w|a\+w)\b"),
    pattern("sh-tls-off", r"\bcurl\b[^|;&\n]{0,200}?\s(?:-[a-zA-Z]{0,6}k[a-zA-Z]{0,6}|--insecure|--proxy-insecure)(?=\s|$)"),
    pattern("sh-tls-off", r"\bwget\b[^|;&\n]{0,200}?--no-check-certificate\b"),
    pattern("sh-tls-off", r"\bgit\b[^|;&\n]{0,100}?http\.sslVerify[= ]+[\"']?false|\bGIT_SSL_NO_VERIFY=(?:1|true)|\bnpm\s+config\s+set\s+strict-ssl\s+false"),
    pattern("sh-tls-off", r"\bStrictHostKeyChecking[= ]\s*no\b", confidence="MEDIUM"),
    pattern("sh-tls-off", r"\b(?:pip3?|uv)\b[^|;&\n]{0,100}?--trusted-host\b", confidence="MEDIUM"),
)  # fmt: skip
