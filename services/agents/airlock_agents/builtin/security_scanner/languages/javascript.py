"""How flaws are written in JavaScript and TypeScript."""

from __future__ import annotations

from .lexer import INTERPOLATED
from .patterns import TELLING, pattern

_LITERAL = r"(?:\"[ \n]*\"|'[ \n]*'|`[ \n]*`)"  # a string without values, in the bare view
_REQUEST = r"\b(?:req|request|ctx|context)\.(?:query|params|body|cookies|headers|request\.(?:query|body))\b"
_BUILT = rf"(?:`{INTERPOLATED}|{_LITERAL}\s*\+|[\w.$]{{1,80}}\s*\+\s*[`\"'\w])"  # a string put together
_SANITIZED = r"(?i)purify|sanitiz|escape\w*\s*\(|encodeURI|\bescape\b|\bt\(|i18n|trustedHTML"
_TAGGED_HTML = r"\b(?:html|svg|css)`"

TABLE = (
    pattern("js-eval", rf"(?<![\w.$])eval\s*\(\s*(?!{_LITERAL}\s*\)|\))", view="bare", unless=r"function\s+eval\b"),
    pattern("js-eval", rf"(?:\bnew\s+|(?<![\w.$]))Function\s*\(\s*(?!{_LITERAL}\s*\)|\))(?=[\"'`\w])", view="bare"),
    pattern("js-eval", rf"\bset(?:Timeout|Interval)\s*\(\s*(?:`{INTERPOLATED}|{_LITERAL}\s*[+,])", view="bare"),
    pattern("js-eval", r"\bvm\.(?:runIn(?:New|This)?Context|Script)\s*\(\s*(?![\"'`])[\w$]", view="bare", confidence="LOW"),
    pattern(
        "js-html-sink",
        rf"\.(?:innerHTML|outerHTML)\s*\+?=(?!=)\s*(?!{_LITERAL}\s*(?:;|,|\)|\}}|\n|$))(?=[^\s])",
        view="bare",
        unless=rf"{_SANITIZED}|{_TAGGED_HTML}",
    ),
    pattern(
        "js-html-sink",
        rf"\.insertAdjacentHTML\s*\(\s*[^,()]{{1,60}},\s*(?!{_LITERAL}\s*\))",
        view="bare",
        unless=_SANITIZED,
    ),
    pattern("js-html-sink", rf"\bdocument\.write(?:ln)?\s*\(\s*(?!{_LITERAL}\s*\))", view="bare", unless=_SANITIZED),
    pattern(
        "js-html-sink",
        r"\bdangerouslySetInnerHTML\s*[=:]\s*\{{1,2}\s*(?:__html\s*:\s*)?(?![\"'][ ]*[\"'])[\w$`]",
        view="bare",
        unless=_SANITIZED,
    ),
    pattern("js-html-sink", r"\bbypassSecurityTrust(?:Html|Script|Url|ResourceUrl|Style)\s*\(\s*(?![\"'`])", view="bare"),
    pattern(
        "js-html-sink",
        rf"\$\([^()\n]{{1,80}}\)\.(?:html|append|prepend|after|before)\s*\(\s*{_BUILT}",
        view="bare",
        unless=_SANITIZED,
    ),
    pattern(
        "js-reflected-xss",
        rf"\bres(?:ponse)?(?:\.status\(\d+\))?\.(?:send|write|end)\s*\(\s*[^;\n]{{0,200}}?<[a-zA-Z/][^;\n]{{0,300}}?{_REQUEST}",
        unless=_SANITIZED,
    ),
    pattern(
        "js-shell-command",
        rf"(?<![\w$])(?:(?:child_process|cp|childProcess|shell|shelljs)\.)?exec(?:Sync)?\s*\(\s*{_BUILT}",
        view="bare",
        file_has=r"child_process|shelljs|execa|\bzx\b",
    ),
    pattern(
        "js-shell-command",
        rf"(?<![\w$.])spawn(?:Sync)?\s*\(\s*(?:[\"'](?:ba)?sh[\"']\s*,\s*\[\s*[\"']-c[\"']\s*,\s*(?![\"'])|{_BUILT}[^;]{{0,200}}shell\s*:\s*true)",
    ),
    pattern("js-tls-off", r"\brejectUnauthorized[\"']?\s*:\s*false\b"),
    pattern("js-tls-off", r"\bNODE_TLS_REJECT_UNAUTHORIZED[\"']?\]?\s*[=:]\s*[\"']?0"),
    pattern("js-tls-off", r"\bstrictSSL[\"']?\s*:\s*false\b"),
    pattern("js-weak-random", r"\bMath\.random\s*\(\s*\)", view="bare", near=TELLING),
    # A generator is often one line of a function whose name says what it is for.
    pattern("js-weak-random", r"\b(?:function\s+|const\s+|let\s+)?\w{0,60}(?i:token|password|secret|sessionid|nonce|otp|apikey)\w{0,60}\s*(?:=\s*(?:async\s*)?)?\([^(){}]{0,100}\)\s*(?:=>\s*)?\{[^}]{0,300}?\b(?P<at>Math)\.random\(", view="bare"),
    pattern("js-weak-hash", r"\bcreateHash\s*\(\s*[\"'`](?:md5|sha1|md4)[\"'`]", unless=r"(?i)etag|cache|checksum"),
    pattern("js-weak-hash", r"\bCryptoJS\.(?:MD5|SHA1)\s*\(", unless=r"(?i)etag|cache|checksum"),
    pattern("js-weak-cipher", r"\bcreate(?:Cipher|Decipher)\s*\(", view="bare"),
    pattern("js-weak-cipher", r"(?i)\bcreate(?:de)?cipheriv\s*\(\s*[\"'`](?:des|rc4|rc2|bf|[\w-]{1,20}-ecb)\b"),
    pattern("js-weak-cipher", r"\bCryptoJS\.(?:DES|RC4|TripleDES)\b|\bCryptoJS\.mode\.ECB\b"),
    pattern("js-jwt-unverified", r"\balgorithms?[\"']?\s*:\s*\[?[^\]\n]{0,60}[\"'`]none[\"'`]"),
    pattern("js-jwt-unverified", r"\bjwt\.verify\s*\([^;\n]{1,100},\s*(?:null|undefined|[\"']{2}|false)\s*[,)]"),
    pattern("js-jwt-unverified", r"\bignoreExpiration[\"']?\s*:\s*true\b", confidence="LOW"),
    pattern("js-open-redirect", rf"\bres(?:ponse)?\.redirect\s*\(\s*(?:\d{{3}}\s*,\s*)?{_REQUEST}"),
    pattern("js-open-redirect", r"\b(?:window\.)?location(?:\.href)?\s*=\s*[^;\n]{0,40}\b(?:searchParams|URLSearchParams\([^)]{0,60}\))\.get\("),
    pattern(
        "js-path-traversal",
        rf"\b(?:sendFile|download|readFile(?:Sync)?|createReadStream|unlink(?:Sync)?|writeFile(?:Sync)?|readdir(?:Sync)?)\s*\([^;\n]{{0,160}}{_REQUEST}",
        unless=r"\bbasename\s*\(|\broot\s*:",
    ),
    pattern("js-ssrf", rf"(?<![\w$])(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|needle|https?\.(?:get|request))\s*\(\s*(?:`\$\{{\s*)?{_REQUEST}"),
    pattern("js-nosql-injection", rf"[\"']?\$where[\"']?\s*:\s*(?:`{INTERPOLATED}|[\w.$]|{_LITERAL}\s*\+)", view="bare"),
    pattern("js-unsafe-objects", r"\b(?:serialize|nodeSerialize)\.unserialize\s*\(|\bunserialize\s*\(", view="bare", file_has=r"node-serialize|serialize-to-js"),
)  # fmt: skip
