"""How flaws are written in Ruby."""

from __future__ import annotations

from .lexer import INTERPOLATED
from .patterns import pattern

_INPUT = r"\b(?:params|cookies|request\.(?:params|headers|referer|env))\b"

TABLE = (
    pattern("ruby-eval", rf"(?<![\w.])eval[\s(]\s*(?:[a-z@]|\"{INTERPOLATED})", view="bare", unless=r"\bdef\s+eval\b"),
    pattern("ruby-eval", rf"\.(?:instance_eval|class_eval|module_eval)[\s(]\s*(?:\"{INTERPOLATED}|{_INPUT})", view="bare", confidence="LOW"),
    pattern("ruby-eval", rf"\.(?:send|public_send|constantize)\b\s*\(?\s*{_INPUT}|{_INPUT}\s*\[[^\]\n]{{1,60}}\]\.(?:constantize|to_sym\.to_proc)"),
    pattern("ruby-shell-command", rf"(?<![\w.:])(?:Kernel\.)?(?:system|exec|spawn|popen)[\s(]\s*(?:\"{INTERPOLATED}|\"[ ]*\"\s*\+)", view="bare", unless=r"Shellwords|shellescape"),
    pattern("ruby-shell-command", rf"(?:`{INTERPOLATED}|%x\{{{INTERPOLATED})", view="bare", unless=r"Shellwords|shellescape"),
    pattern("ruby-shell-command", rf"\b(?:IO\.popen|Open3\.\w+)\s*\(\s*\"{INTERPOLATED}", view="bare", unless=r"Shellwords|shellescape"),
    pattern(
        "ruby-sql-injection",
        rf"\.(?:where|find_by_sql|exec_query|execute|select_all|order|group|having|joins|pluck|delete_all|update_all|count_by_sql|exists\?)\s*\(?\s*\"{INTERPOLATED}",
        view="bare",
        unless=r"sanitize_sql|\.quote\b|quote_(?:table|column)_name|\.to_i\b|Arel\.sql\(\s*[A-Z]",
    ),
    pattern("ruby-unsafe-objects", r"\bYAML\.(?:unsafe_)?load(?:_file)?\b[\s(](?!\s*File\.join\(\s*__dir__)", view="bare", unless=r"safe_load|permitted_classes|safe:"),
    pattern("ruby-unsafe-objects", r"\bMarshal\.(?:load|restore)\b", view="bare", unless=r"Marshal\.dump"),
    pattern("ruby-unsafe-objects", r"\bOj\.load\b", view="bare", unless=r":(?:strict|compat|null|rails)\b", confidence="LOW"),
    pattern("ruby-html-sink", r"[\w)\]\"]\.html_safe\b", view="bare", unless=r"(?:\"[^\"#]*\"|'[^']*')\.html_safe|sanitize|\bh\(|escape"),
    pattern("ruby-html-sink", rf"(?<![\w.])raw[\s(]\s*{_INPUT}", view="bare"),
    pattern("ruby-open-redirect", rf"\bredirect_to[\s(]\s*(?:url_for\()?\s*{_INPUT}", unless=r"only_path:\s*true|allow_other_host:\s*false"),
    pattern("ruby-path-traversal", rf"\b(?:send_file|File\.(?:open|read|new|delete|join)|IO\.read|render\s+file:)[\s(][^;\n]{{0,120}}?{_INPUT}", unless=r"basename|sanitize"),
    pattern("ruby-tls-off", r"\bOpenSSL::SSL::VERIFY_NONE\b|\bverify_ssl\s*(?::|=>)\s*false\b|\bssl_verify_mode:\s*:none\b"),
    pattern("ruby-weak-hash", r"\bDigest::(?:MD5|SHA1)\b", view="bare", near=r"(?i)passw|token|secret"),
)  # fmt: skip
