"""How flaws are written in Java, Kotlin, Scala and Groovy; and in C#, their neighbour."""

from __future__ import annotations

from .lexer import INTERPOLATED
from .patterns import TELLING, pattern

_INPUT = r"\b(?:request|req|httpRequest|httpServletRequest)\.get(?:Parameter|Header|QueryString|RequestURI|PathInfo|Cookies)\("
_NOT_FOR_SECURITY = r"(?i)etag|checksum|cache|fingerprint"

TABLE = (
    pattern(
        "jvm-shell-command",
        rf"\b(?:Runtime\.getRuntime\(\)|runtime|rt)\.exec\s*\(\s*(?:\"[ ]*\"\s*\+|\"{INTERPOLATED}|\w+\s*\+|String\.format)",
        view="bare",
    ),
    pattern(
        "jvm-shell-command",
        r"\bnew\s+ProcessBuilder\s*\(\s*(?:Arrays\.asList\()?\s*\"(?:/bin/)?(?:ba)?sh\"\s*,\s*\"-c\"\s*,\s*(?:[a-z]|\"[^\"\n]{0,200}\"\s*\+)",
    ),
    pattern("jvm-unsafe-objects", r"\bnew\s+ObjectInputStream\s*\(", view="bare", unless=r"(?i)valid|filter|safe"),
    pattern("jvm-unsafe-objects", r"\bnew\s+XMLDecoder\s*\(", view="bare"),
    pattern("jvm-unsafe-objects", r"\benableDefaultTyping\s*\(", view="bare"),
    pattern("jvm-unsafe-objects", r"\bnew\s+Yaml\s*\(\s*\)|\bnew\s+Yaml\s*\(\s*new\s+Constructor\b", view="bare", file_has=r"org\.yaml\.snakeyaml"),
    pattern(
        "jvm-xml-entities",
        r"\b(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory)\.new(?:Instance|Factory)\s*\(|\bnew\s+SAXReader\s*\(|\bXMLReaderFactory\.createXMLReader\s*\(",
        view="bare",
        file_lacks=r"disallow-doctype-decl|FEATURE_SECURE_PROCESSING|external-general-entities|SUPPORT_DTD|ACCESS_EXTERNAL_DTD",
    ),
    pattern("jvm-weak-hash", r"\bMessageDigest\.getInstance\s*\(\s*\"(?:MD2|MD4|MD5|SHA-?1)\"", unless=_NOT_FOR_SECURITY),
    pattern("jvm-weak-hash", r"\bDigestUtils\.(?:md5|sha1)(?:Hex)?\s*\(", near=r"(?i)passw|token|secret"),
    pattern("jvm-weak-cipher", r"\bCipher\.getInstance\s*\(\s*\"(?:DES|DESede|RC4|RC2|Blowfish|ARCFOUR|AES\"|AES/ECB)"),
    pattern("jvm-tls-off", r"\bALLOW_ALL_HOSTNAME_VERIFIER\b|\bNoopHostnameVerifier\b|\bAllowAllHostnameVerifier\b", unless=r"^\s*import\b"),
    pattern("jvm-tls-off", r"\bcheckServerTrusted\s*\([^)]{0,160}\)\s*(?:throws\s+[\w., ]{1,80})?\s*\{\s*(?:return\s*;)?\s*\}"),
    pattern("jvm-tls-off", r"\bsetHostnameVerifier\s*\(\s*\([^)]{0,60}\)\s*->\s*true"),
    pattern("jvm-tls-off", r"\bboolean\s+verify\s*\(\s*String[^)]{0,80}SSLSession[^)]{0,40}\)\s*\{\s*return\s+true\s*;"),
    pattern("jvm-weak-random", r"\bnew\s+(?:java\.util\.)?Random\s*\(|\bMath\.random\s*\(", view="bare", near=TELLING, unless=r"SecureRandom"),
    pattern("jvm-reflected-xss", rf"\b(?:getWriter\(\)|out|writer)\.(?:print(?:ln)?|write|append)\s*\([^;]{{0,200}}?{_INPUT}", unless=r"(?i)escape|encode"),
    pattern("jvm-reflected-xss", rf"<%=\s*{_INPUT}", unless=r"(?i)escape|encode"),
    pattern(
        "jvm-path-traversal",
        rf"\b(?:new\s+(?:File|FileInputStream|FileReader|FileOutputStream)|Paths\.get|Path\.of)\s*\([^;]{{0,160}}?{_INPUT}",
        unless=r"(?i)getName\(\)|normalize|canonical",
    ),
    pattern("jvm-open-redirect", rf"\bsendRedirect\s*\([^;]{{0,60}}?{_INPUT}|\"redirect:\"\s*\+\s*[a-z]\w*\s*;"),
    pattern("jvm-eval", r"\b(?:scriptEngine|engine|nashorn)\.eval\s*\(\s*(?!\"[ ]*\"\s*\))", view="bare", file_has=r"javax\.script|ScriptEngine"),
    pattern("jvm-eval", r"\bparseExpression\s*\(\s*(?!\"[ ]*\"\s*\))[\w\"]", view="bare", file_has=r"SpelExpressionParser"),
)  # fmt: skip

CSHARP = (
    pattern("cs-html-sink", r"\bHtml\.Raw\s*\(\s*(?!\"[ ]*\"\s*\))", view="bare", unless=r"(?i)sanitiz|Json\.Serialize"),
    pattern("cs-unsafe-objects", r"\bnew\s+(?:BinaryFormatter|LosFormatter|NetDataContractSerializer|SoapFormatter|ObjectStateFormatter)\s*\(", view="bare"),
    pattern("cs-unsafe-objects", r"\bTypeNameHandling\.(?:All|Auto|Objects|Arrays)\b", view="bare"),
    pattern("cs-tls-off", r"\bServerCertificate(?:Custom)?ValidationCallback\s*\+?=\s*[^;]{0,120}?(?:=>\s*(?:true|\{\s*return\s+true)|DangerousAcceptAny|return\s+true)"),
    pattern("cs-weak-hash", r"\b(?:MD5|SHA1)(?:\.Create\s*\(|CryptoServiceProvider\b|Managed\b|\.HashData\s*\()", unless=_NOT_FOR_SECURITY),
)  # fmt: skip
