"""How flaws are written in PHP."""

from __future__ import annotations

from .lexer import INTERPOLATED
from .patterns import TELLING, pattern

_INPUT = (
    r"\$_(?:GET|POST|REQUEST|COOKIE|SERVER\s*\[\s*[\"'](?:REQUEST_URI|PHP_SELF|QUERY_STRING|HTTP_\w+)[\"'])\b"
)
_ESCAPED = r"(?i)htmlspecialchars|htmlentities|\besc_\w+\s*\(|strip_tags|\bintval\b|\(int\)|urlencode|json_encode|absint|number_format|filter_input|sanitize_|isset\s*\([^)]{0,80}\)\s*\?\s*[\"']"
_BUILT = rf"(?:[\"`]{INTERPOLATED}|[\"'][ \n]*[\"']\s*\.\s*[$\w]|\$\w)"

TABLE = (
    pattern("php-reflected-xss", rf"(?:\b(?:echo|print|printf)\b|<\?=)[^;?]{{0,300}}?{_INPUT}", unless=_ESCAPED),
    pattern("php-eval", r"(?<![\w>$:])eval\s*\(\s*(?!\"[ ]*\"|'[ ]*')", view="bare", unless=r"function\s+eval\b"),
    pattern("php-eval", r"(?<![\w>$:])(?:create_function|assert)\s*\(\s*(?:[\"']|\$_)", view="bare"),
    pattern("php-eval", r"\bpreg_replace\s*\(\s*[\"']([/#~@])[^\"'\n]{0,200}\1[a-df-z]*e[a-z]*[\"']"),
    pattern("php-eval", rf"(?<![\w>$:])extract\s*\(\s*{_INPUT}"),
    pattern("php-eval", rf"\bcall_user_func(?:_array)?\s*\(\s*{_INPUT}|{_INPUT}\s*\[[^\]\n]{{1,60}}\]\s*\("),
    pattern(
        "php-shell-command",
        rf"(?<![\w>$:])(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec)\s*\(\s*{_BUILT}",
        view="bare",
        unless=r"escapeshell(?:arg|cmd)|curl_|->exec|function\s+(?:system|exec)",
    ),
    pattern("php-shell-command", rf"`{INTERPOLATED}", view="bare", unless=r"escapeshell"),
    pattern("php-file-inclusion", rf"\b(?:include|require)(?:_once)?\b[\s(]{{0,20}}[^;]{{0,160}}?{_INPUT}", unless=r"\bbasename\b|in_array"),
    pattern("php-unsafe-objects", r"(?<![\w>$:])unserialize\s*\(\s*(?!\"[ ]*\"|'[ ]*')", view="bare", unless=r"allowed_classes|function\s+unserialize"),
    pattern("php-tls-off", r"\bCURLOPT_SSL_VERIFY(?:PEER|HOST)\b\s*(?:,|=>)\s*(?:false|FALSE|0)\b"),
    pattern("php-tls-off", r"[\"']verify_peer(?:_name)?[\"']\s*=>\s*(?:false|FALSE|0)\b"),
    pattern("php-tls-off", r"[\"']verify[\"']\s*=>\s*(?:false|FALSE)\b"),
    pattern("php-weak-hash", r"(?<![\w>$:])(?:md5|sha1|crc32)\s*\([^;\n)]{0,120}?(?i:passw|pwd|secret)"),
    pattern("php-weak-hash", r"\$\w{0,60}(?i:passw|pwd|token|secret)\w{0,60}\s*=\s*(?:md5|sha1|crc32)\s*\("),
    pattern("php-weak-random", r"(?<![\w>$:])(?:rand|mt_rand|uniqid|lcg_value|str_shuffle)\s*\(", view="bare", near=TELLING),
    pattern("php-open-redirect", rf"\bheader\s*\(\s*[\"']Location:\s*(?:[\"']\s*\.\s*|\{{?){_INPUT}"),
    pattern(
        "php-path-traversal",
        rf"(?<![\w>$:])(?:file_get_contents|readfile|fopen|file|unlink|rename|copy|move_uploaded_file|file_put_contents|opendir|scandir)\s*\([^;]{{0,160}}?{_INPUT}",
        unless=r"\bbasename\b|\brealpath\b",
    ),
)  # fmt: skip
