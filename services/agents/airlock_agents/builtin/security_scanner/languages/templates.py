"""How templates let values into HTML without escaping them."""

from __future__ import annotations

from .patterns import pattern

TABLE = (
    pattern("template-unescaped", r"\{\{[^{}\n]{1,200}\|\s*safe\b[^{}\n]{0,80}\}\}", unless=r"tojson|json_script|csrf", file_lacks=r"\{%\s*liquid\b"),
    pattern("template-unescaped", r"\{\{[^{}\n]{1,200}\|\s*raw\b[^{}\n]{0,80}\}\}", unless=r"json_encode|csrf"),
    pattern("template-unescaped", r"\{!![^\n]{1,200}?!!\}", unless=r"csrf_field|method_field|@json|json_encode|->links\("),
    pattern("template-unescaped", r"\{\{\{(?!\{)[^{}\n]{1,200}\}\}\}", unless=r"\{\{\{\s*(?:body|yield|content|_sections)"),
    pattern("template-unescaped", r"<%==\s*(?!\s*yield)[^%\n]{1,200}%>"),
    pattern("template-unescaped", r"<%=\s*raw\b[^%\n]{1,200}%>", unless=r"\.to_json"),
    pattern("template-unescaped", r"<%=[^%\n]{1,200}\.html_safe\b", unless=r"\.to_json|sanitize|\bt\("),
    pattern("template-unescaped", r"<%-\s*(?!include\b|await\s+include|partial\b|body\b|JSON\.stringify|contentFor|yield|-%>|if\b|else\b|end\b|for\b|\}|\w+\.each)[\w.\[\]'\"]{1,120}\s*-?%>", file_lacks=r"<%-?\s*(?:end|do)\b|\bform_for\b"),
    pattern("template-unescaped", r"\bv-html\s*=\s*[\"'](?!\s*[\"'])", unless=r"(?i)sanitiz|purify|\$t\("),
    pattern("template-unescaped", r"\[innerHTML\]\s*=\s*[\"']", unless=r"(?i)sanitiz|translate"),
    pattern("template-unescaped", r"\{@html\s+[^}\n]{1,200}\}", unless=r"(?i)sanitiz|purify"),
    pattern("template-unescaped", r"\b(?:th:utext|ng-bind-html-unsafe)\s*=\s*[\"']"),
    pattern("template-autoescape-off", r"\{%-?\s*autoescape\s+(?:off|false)\b"),
    pattern("template-autoescape-off", r"<#noautoesc>|<#no_esc>|\{\{\{\{raw\}\}\}\}|@autoescape\(false\)"),
)  # fmt: skip
