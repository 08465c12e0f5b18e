"""How flaws are written in Go."""

from __future__ import annotations

from .patterns import TELLING, pattern

_INPUT = r"\b(?:r|req|request)\.(?:FormValue|PostFormValue|URL\.Query\(\)\.Get|Header\.Get|PathValue)\s*\(|\bc\.(?:Query|Param|PostForm)\s*\(|\bmux\.Vars\("
_NOT_FOR_SECURITY = r"(?i)etag|checksum|cache|fingerprint"

TABLE = (
    pattern(
        "go-shell-command",
        r"\bexec\.Command(?:Context)?\s*\(\s*(?:\w+\s*,\s*)?\"(?:/bin/)?(?:ba|z)?sh\"\s*,\s*\"-l?c\"\s*,\s*(?:fmt\.Sprintf\s*\(|[a-zA-Z_]|[\"`][^\"`\n]{0,200}[\"`]\s*\+)",
    ),
    pattern("go-tls-off", r"\bInsecureSkipVerify\s*[:=]\s*true\b"),
    pattern("go-tls-off", r"\bssh\.InsecureIgnoreHostKey\s*\(", view="bare"),
    pattern("go-weak-tls", r"\bMinVersion\s*[:=]\s*tls\.Version(?:SSL30|TLS10|TLS11)\b"),
    pattern("go-weak-hash", r"\b(?:md5|sha1)\.(?:New|Sum)\s*\(", view="bare", unless=_NOT_FOR_SECURITY),
    pattern(
        "go-weak-random",
        r"\b(?:rand|mathrand|mrand)\.(?:Int|Intn|Int31|Int31n|Int63|Int63n|Uint32|Read|Perm|Float64|N|IntN)\s*\(",
        view="bare",
        near=TELLING,
        file_has=r"\"math/rand(?:/v2)?\"",
    ),
    # A generator is often one line of a function whose name says what it is for.
    pattern(
        "go-weak-random",
        r"\bfunc\s+(?:\([^)]{0,60}\)\s*)?\w{0,60}(?i:token|password|secret|session|nonce|otp|apikey)\w{0,60}\s*\([^{]{0,120}\{[^}]{0,400}?\b(?P<at>rand|mathrand)\.(?:Int|Intn|Int31n|Int63|Read)\s*\(",
        view="bare",
        file_has=r"\"math/rand(?:/v2)?\"",
    ),
    pattern("go-html-sink", r"\btemplate\.(?:HTML|JS|URL|HTMLAttr|CSS)\s*\(\s*(?![\"`])[a-zA-Z_]", view="bare"),
    pattern("go-reflected-xss", rf"\bfmt\.Fprint(?:f|ln)?\s*\(\s*w\b[^;\n]{{0,200}}?(?:{_INPUT})", unless=r"EscapeString|QueryEscape"),
    pattern("go-reflected-xss", rf"\bw\.Write\s*\(\s*\[\]byte\s*\([^;\n]{{0,200}}?(?:{_INPUT})", unless=r"EscapeString|QueryEscape"),
    pattern(
        "go-path-traversal",
        rf"\b(?:os\.(?:Open|OpenFile|ReadFile|Create|Remove|RemoveAll)|ioutil\.ReadFile|http\.ServeFile)\s*\([^;\n]{{0,160}}?(?:{_INPUT})",
        unless=r"filepath\.Base\s*\(",
    ),
    pattern("go-open-redirect", rf"\bhttp\.Redirect\s*\(\s*w\s*,\s*\w+\s*,\s*(?:{_INPUT})|\bc\.Redirect\s*\([^,\n]{{1,60}},\s*(?:{_INPUT})"),
)  # fmt: skip
