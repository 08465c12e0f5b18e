"""Which rule is mended how, what that changes, and why the others are for a person."""

from __future__ import annotations

from . import fixes

FIXES: dict[str, fixes.Fix] = {
    "B113": fixes.request_timeout,
    "B201": fixes.flask_debug,
    "B202": fixes.extract_filter,
    "B306": fixes.named_temporary_file,
    "B311": fixes.system_random,
    "B314": fixes.defused_parser,
    "B317": fixes.defused_parser,
    "B318": fixes.defused_parser,
    "B323": fixes.verified_context,
    "B501": fixes.verify_certificates,
    "B506": fixes.yaml_load,
    "B507": fixes.reject_unknown_hosts,
    "B602": fixes.plain_command,
    "B701": fixes.select_autoescape,
}

# What those who run the code will notice. Shown with every proposal that uses the rule.
NOTES: dict[str, str] = {
    "B113": "A request that takes longer than 30 seconds now fails with a timeout.",
    "B201": "The debugger and the reloader of the web server are off.",
    "B202": "Archives that leave their folder are refused; needs Python 3.12, or a patched older one.",
    "B306": "The temporary file now exists, empty and private, when its name is known.",
    "B311": "Values that must not be guessed come from the system's generator, which cannot be seeded.",
    "B314": "XML with entity declarations is refused.",
    "B317": "XML with entity declarations is refused.",
    "B318": "XML with entity declarations is refused.",
    "B323": "TLS certificates are verified: a server with a certificate of its own making is refused.",
    "B501": "TLS certificates are verified: a server with a certificate of its own making is refused.",
    "B506": "YAML that builds Python objects is refused.",
    "B507": "A host whose key is not in known_hosts is refused.",
    "B602": "The command runs without a shell; if it is missing: FileNotFoundError, not exit code 127.",
    "B701": "Values in .html and .xml templates are escaped; markup passed as a value is shown as text.",
}

# The same for the fixes of single lines, in line_rules.py.
LINE_NOTES: dict[str, str] = {
    "headers.cookie-insecure": "The cookie is sent over HTTPS only, or is hidden from scripts.",
    "headers.tls-old": "Clients that speak only TLS 1.1 or older are refused.",
    "headers.version-shown": "The server's answers do not tell its version.",
}

# The reasons given for rules that no tool should mend. A rule in neither table gets OTHER.
FOR_A_PERSON: dict[str, str] = {
    "B103": "who needs the file decides its permissions",
    "B104": "which address to listen on is a decision about the network",
    "B105": "a secret must be changed where it is valid, and kept elsewhere",
    "B106": "a secret must be changed where it is valid, and kept elsewhere",
    "B107": "a secret must be changed where it is valid, and kept elsewhere",
    "B108": "other parts may rely on this path",
    "B301": "the stored format would change",
    "B307": "what the expressions may contain is for a person to say",
    "B310": "which addresses may be opened is for a person to say",
    "B321": "another protocol needs another server",
    "B324": "stored digests would change; whether this one is for security is for a person to say",
    "B601": "what the command may contain is for a person to say",
    "B605": "what the command may contain is for a person to say",
    "B608": "the query must be written anew with bound parameters",
}
_CODE = "the code must be written anew by a person"
_HEADERS = "which answers a header fits is for a person to say"

# The same for whole families, by how their rules start; the first that fits.
FAMILIES: dict[str, str] = {
    "ci.action-unpinned": "name the commit to pin it to: configuration, kind action",
    "ci.image-latest": "name the version: configuration, kind value",
    "ci.permissions-": "what the jobs need is for a person to say",
    "ci.": "what the pipeline must do is for a person to say",
    "containers.runs-as-root": "name the user it shall run as: configuration, kind user",
    "containers.image-": "name the tag or digest: configuration, kind image",
    "containers.": "what the container needs is for a person to say",
    "files.private-key": "a secret must be changed where it is valid, and kept elsewhere",
    "files.environment-file": "a secret must be changed where it is valid, and kept elsewhere",
    "files.": "which files there are, and what stands in them, is for a person to say",
    "headers.": _HEADERS,
    "licences.": "licences are for a person to choose and to judge",
    "secrets.": "a secret must be changed where it is valid, and kept elsewhere",
    **dict.fromkeys(("cs-", "go-", "js-", "jvm-", "php-", "py-", "ruby-", "sh-", "sql-"), _CODE),
}
SECRET = "a secret must be changed where it is valid, and kept elsewhere"
OTHER = "no fix is known for this rule"


# What stands for the rule of a finding that is not to be mended, whatever its rule is.
IN_TESTS, SUPPRESSED, OTHER_KIND = "in-tests", "suppressed", "other-kind"
LEFT_ALONE: dict[str, str] = {
    IN_TESTS: "it is test code, which is mended only when asked for (include_tests)",
    SUPPRESSED: "the code asks tools to look away here: what it silences is for a person to judge",
    OTHER_KIND: "it is about quality or performance, which is mended only when asked for (kinds)",
}


def why_not(rule: str, tool: str) -> str:
    """Answer why findings of a rule without a fix are left to a person."""
    if rule in LEFT_ALONE:
        return LEFT_ALONE[rule]
    if tool == "detect-secrets":
        return SECRET
    if tool == "osv":
        return "it names no version without the flaw"
    family = next((reason for start, reason in FAMILIES.items() if rule.startswith(start)), OTHER)
    return FOR_A_PERSON.get(rule, family)
