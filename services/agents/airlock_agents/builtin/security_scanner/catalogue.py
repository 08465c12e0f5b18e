"""Every rule of the scanner: to which scan types it belongs, which weakness it shows, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..findings.severities import Severity

SCAN_TYPES = ("secrets", "injection", "xss", "dependencies", "code")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of our own; `weakness` is its number in the Common Weakness Enumeration."""

    types: tuple[str, ...]
    weakness: int
    severity: Severity
    confidence: str
    message: str


_EVAL = "Text is run as code; whoever decides what stands in it decides what the program does."
_SHELL = "A shell command is put together with values; a value with shell characters runs other commands."
_SQL = "An SQL statement is put together with values; bind them as parameters instead."
_SQL_NAMES = "An SQL statement is put together with names of tables or columns; see where they come from."
_HTML = "A value goes into HTML without being escaped; markup in it is run by the browser."
_REFLECTED = (
    "What a request says goes into the answer without being escaped; scripts in it run for its victim."
)
_PATH = "A path comes from a request; '..' or an absolute path in it reaches other files."
_REDIRECT = "The address of a redirect comes from a request; it can lead to any other site."
_SSRF = "The address of an outgoing request comes from an incoming one; it can reach inner services."
_OBJECTS = "Data is turned into objects by a format that can run code; use one that holds only data."
_TLS = "Certificates are not verified; whoever sits in between reads and changes what is sent."
_OLD_TLS = "A version of TLS that is broken or withdrawn may be used."
_HASH = "A digest that can be forged is used; take SHA-256, or a password hash for passwords."
_CIPHER = "A cipher or mode that does not protect what it encrypts is used."
_RANDOM = "A value that must not be guessed comes from a generator that can be predicted."
_XML = "An XML parser resolves entities; a document can read files or reach inner services."
_JWT = "A token is taken without its signature being verified."
_TEMPLATE = "A template's text comes from outside; what stands in it is run by the template engine."

OWN: dict[str, Rule] = {
    # Python, by its syntax tree
    "py-command-injection": Rule(("injection",), 78, "HIGH", "MEDIUM", _SHELL),
    "py-ecb-mode": Rule(("code",), 327, "MEDIUM", "HIGH", _CIPHER),
    "py-jwt-unverified": Rule(("code",), 347, "HIGH", "HIGH", _JWT),
    "py-open-redirect": Rule(("injection",), 601, "MEDIUM", "MEDIUM", _REDIRECT),
    "py-path-traversal": Rule(("injection",), 22, "HIGH", "MEDIUM", _PATH),
    "py-reflected-xss": Rule(("xss",), 79, "HIGH", "MEDIUM", _REFLECTED),
    "py-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "py-sql-names": Rule(("injection",), 89, "LOW", "LOW", _SQL_NAMES),
    "py-ssrf": Rule(("injection",), 918, "MEDIUM", "MEDIUM", _SSRF),
    "py-template-injection": Rule(("injection", "xss"), 1336, "HIGH", "MEDIUM", _TEMPLATE),
    "py-unsafe-objects": Rule(("code",), 502, "HIGH", "MEDIUM", _OBJECTS),
    "py-weak-tls": Rule(("code",), 327, "MEDIUM", "HIGH", _OLD_TLS),
    "py-xml-entities": Rule(("code",), 611, "MEDIUM", "HIGH", _XML),
    # JavaScript and TypeScript
    "js-eval": Rule(("injection",), 95, "HIGH", "MEDIUM", _EVAL),
    "js-html-sink": Rule(("xss",), 79, "MEDIUM", "MEDIUM", _HTML),
    "js-jwt-unverified": Rule(("code",), 347, "HIGH", "MEDIUM", _JWT),
    "js-nosql-injection": Rule(("injection",), 943, "MEDIUM", "MEDIUM", _EVAL),
    "js-open-redirect": Rule(("injection",), 601, "MEDIUM", "MEDIUM", _REDIRECT),
    "js-path-traversal": Rule(("injection",), 22, "HIGH", "MEDIUM", _PATH),
    "js-reflected-xss": Rule(("xss",), 79, "HIGH", "MEDIUM", _REFLECTED),
    "js-shell-command": Rule(("injection",), 78, "HIGH", "MEDIUM", _SHELL),
    "js-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "js-ssrf": Rule(("injection",), 918, "MEDIUM", "MEDIUM", _SSRF),
    "js-tls-off": Rule(("code",), 295, "HIGH", "HIGH", _TLS),
    "js-unsafe-objects": Rule(("code",), 502, "HIGH", "MEDIUM", _OBJECTS),
    "js-weak-cipher": Rule(("code",), 327, "MEDIUM", "HIGH", _CIPHER),
    "js-weak-hash": Rule(("code",), 328, "MEDIUM", "LOW", _HASH),
    "js-weak-random": Rule(("code",), 338, "MEDIUM", "MEDIUM", _RANDOM),
    # PHP
    "php-eval": Rule(("injection",), 95, "HIGH", "MEDIUM", _EVAL),
    "php-file-inclusion": Rule(("injection",), 98, "HIGH", "HIGH", _PATH),
    "php-open-redirect": Rule(("injection",), 601, "MEDIUM", "HIGH", _REDIRECT),
    "php-path-traversal": Rule(("injection",), 22, "HIGH", "MEDIUM", _PATH),
    "php-reflected-xss": Rule(("xss",), 79, "HIGH", "HIGH", _REFLECTED),
    "php-shell-command": Rule(("injection",), 78, "HIGH", "MEDIUM", _SHELL),
    "php-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "php-tls-off": Rule(("code",), 295, "HIGH", "HIGH", _TLS),
    "php-unsafe-objects": Rule(("code",), 502, "HIGH", "MEDIUM", _OBJECTS),
    "php-weak-hash": Rule(("code",), 328, "MEDIUM", "MEDIUM", _HASH),
    "php-weak-random": Rule(("code",), 338, "MEDIUM", "MEDIUM", _RANDOM),
    # Java, Kotlin, Scala, Groovy
    "jvm-eval": Rule(("injection",), 95, "HIGH", "LOW", _EVAL),
    "jvm-open-redirect": Rule(("injection",), 601, "MEDIUM", "MEDIUM", _REDIRECT),
    "jvm-path-traversal": Rule(("injection",), 22, "HIGH", "MEDIUM", _PATH),
    "jvm-reflected-xss": Rule(("xss",), 79, "HIGH", "MEDIUM", _REFLECTED),
    "jvm-shell-command": Rule(("injection",), 78, "HIGH", "MEDIUM", _SHELL),
    "jvm-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "jvm-tls-off": Rule(("code",), 295, "HIGH", "HIGH", _TLS),
    "jvm-unsafe-objects": Rule(("code",), 502, "MEDIUM", "MEDIUM", _OBJECTS),
    "jvm-weak-cipher": Rule(("code",), 327, "MEDIUM", "HIGH", _CIPHER),
    "jvm-weak-hash": Rule(("code",), 328, "MEDIUM", "LOW", _HASH),
    "jvm-weak-random": Rule(("code",), 338, "MEDIUM", "MEDIUM", _RANDOM),
    "jvm-xml-entities": Rule(("code",), 611, "MEDIUM", "MEDIUM", _XML),
    # C#
    "cs-html-sink": Rule(("xss",), 79, "MEDIUM", "MEDIUM", _HTML),
    "cs-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "cs-tls-off": Rule(("code",), 295, "HIGH", "HIGH", _TLS),
    "cs-unsafe-objects": Rule(("code",), 502, "HIGH", "MEDIUM", _OBJECTS),
    "cs-weak-hash": Rule(("code",), 328, "MEDIUM", "LOW", _HASH),
    # Go
    "go-html-sink": Rule(("xss",), 79, "MEDIUM", "MEDIUM", _HTML),
    "go-open-redirect": Rule(("injection",), 601, "MEDIUM", "MEDIUM", _REDIRECT),
    "go-path-traversal": Rule(("injection",), 22, "HIGH", "MEDIUM", _PATH),
    "go-reflected-xss": Rule(("xss",), 79, "HIGH", "MEDIUM", _REFLECTED),
    "go-shell-command": Rule(("injection",), 78, "HIGH", "MEDIUM", _SHELL),
    "go-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "go-tls-off": Rule(("code",), 295, "HIGH", "HIGH", _TLS),
    "go-weak-hash": Rule(("code",), 328, "MEDIUM", "LOW", _HASH),
    "go-weak-random": Rule(("code",), 338, "MEDIUM", "MEDIUM", _RANDOM),
    "go-weak-tls": Rule(("code",), 327, "MEDIUM", "HIGH", _OLD_TLS),
    # Ruby
    "ruby-eval": Rule(("injection",), 95, "HIGH", "MEDIUM", _EVAL),
    "ruby-html-sink": Rule(("xss",), 79, "MEDIUM", "LOW", _HTML),
    "ruby-open-redirect": Rule(("injection",), 601, "MEDIUM", "HIGH", _REDIRECT),
    "ruby-path-traversal": Rule(("injection",), 22, "HIGH", "MEDIUM", _PATH),
    "ruby-shell-command": Rule(("injection",), 78, "HIGH", "MEDIUM", _SHELL),
    "ruby-sql-injection": Rule(("injection",), 89, "HIGH", "MEDIUM", _SQL),
    "ruby-tls-off": Rule(("code",), 295, "HIGH", "HIGH", _TLS),
    "ruby-unsafe-objects": Rule(("code",), 502, "HIGH", "MEDIUM", _OBJECTS),
    "ruby-weak-hash": Rule(("code",), 328, "MEDIUM", "MEDIUM", _HASH),
    # Shell scripts, Dockerfiles, makefiles
    "sh-eval": Rule(("injection",), 95, "MEDIUM", "MEDIUM", _EVAL),
    "sh-pipe-to-shell": Rule(
        ("code",), 494, "HIGH", "HIGH", "What a server answers is run as it comes; check its digest first."
    ),
    "sh-tls-off": Rule(("code",), 295, "MEDIUM", "HIGH", _TLS),
    "sh-world-writable": Rule(
        ("code",), 732, "MEDIUM", "HIGH", "A file or folder becomes writable for everybody on the machine."
    ),
    # Templates
    "template-autoescape-off": Rule(
        ("xss",),
        79,
        "HIGH",
        "HIGH",
        "Escaping is switched off here; markup in any value is run by the browser.",
    ),
    "template-unescaped": Rule(("xss",), 79, "MEDIUM", "MEDIUM", _HTML),
    # Where dependencies come from
    "dependency-insecure-source": Rule(
        ("dependencies",),
        494,
        "MEDIUM",
        "HIGH",
        "A dependency comes over an unprotected connection; whoever sits in between can replace it.",
    ),
}

# bandit's rules by the scan type they belong to; those not listed are of the type code.
_OF_BANDIT = {
    "injection": "B102 B307 B601 B602 B604 B605 B608 B609 B610 B611 B202 B310".split(),
    "xss": "B308 B701 B702 B703 B704".split(),
    "secrets": "B105 B106 B107".split(),
}
BANDIT_TYPES = {rule: (kind,) for kind, rules in _OF_BANDIT.items() for rule in rules}
_BANDIT_WEAKNESSES = {
    78: "B601 B602 B604 B605 B609",
    22: "B202 B310",
    79: "B308 B701 B702 B703 B704",
    89: "B608 B610 B611",
    95: "B102 B307",
    259: "B105 B106 B107",
    295: "B323 B501 B507",
    319: "B312 B321 B401 B402",
    326: "B505",
    327: "B304 B305 B413 B502 B503 B504",
    328: "B303 B324",
    330: "B311",
    377: "B108 B306",
    400: "B113",
    489: "B201",
    502: "B301 B302 B403 B506 B614",
    605: "B104",
    611: "B313 B314 B315 B316 B317 B318 B319",
    732: "B103",
}
_WEAKNESS = {rule: number for number, rules in _BANDIT_WEAKNESSES.items() for rule in rules.split()}
_SECRET, _KNOWN_FLAW = 798, 1395  # hard-coded credentials; a third-party component with a known flaw


def types_of(rule: str, tool: str) -> tuple[str, ...]:
    """Answer the scan types that a tool's rule belongs to, the telling one first."""
    match tool:
        case "detect-secrets":
            return ("secrets",)
        case "osv":
            return ("dependencies",)
        case "bandit":
            return BANDIT_TYPES.get(rule, ("code",))
        case _:
            return OWN[rule].types if rule in OWN else BANDIT_TYPES.get(rule, ("code",))


def weakness_of(rule: str, tool: str) -> int | None:
    """Answer the number of the weakness (CWE) that a rule shows, where it is known."""
    if tool in ("detect-secrets", "osv"):
        return _SECRET if tool == "detect-secrets" else _KNOWN_FLAW
    return OWN[rule].weakness if rule in OWN else _WEAKNESS.get(rule)


def wanted(asked: Iterable[str], rule: str, tool: str) -> bool:
    """Tell whether a rule is among the scan types asked for."""
    asked = set(asked)
    return "all" in asked or not asked.isdisjoint(types_of(rule, tool))
