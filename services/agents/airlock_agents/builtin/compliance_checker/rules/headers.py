"""The rules about security headers, cookies, origins and transport of web servers and applications."""

from __future__ import annotations

from .rule import Kind, Rule

_SERVERS: tuple[Kind, ...] = ("web server configuration", "web application")

HEADERS = (
    Rule(
        "headers.hsts-missing",
        "MEDIUM",
        "Strict-Transport-Security is sent",
        "A first request over plain HTTP can be taken over and kept there.",
        "Send Strict-Transport-Security: max-age=31536000; includeSubDomains.",
        _SERVERS,
    ),
    Rule(
        "headers.hsts-weak",
        "LOW",
        "Strict-Transport-Security lasts",
        "A short time leaves returning visitors unprotected.",
        "Raise max-age to a year.",
        _SERVERS,
        options={"min_days": 180},
    ),
    Rule(
        "headers.content-type-options-missing",
        "MEDIUM",
        "X-Content-Type-Options is sent",
        "Browsers guess types, and run an upload as a script.",
        "Send X-Content-Type-Options: nosniff.",
        _SERVERS,
    ),
    Rule(
        "headers.frame-options-missing",
        "MEDIUM",
        "Framing is restricted",
        "A page inside somebody else's frame gets clicks that were meant for another.",
        "Send Content-Security-Policy: frame-ancestors 'self' (or X-Frame-Options: SAMEORIGIN).",
        _SERVERS,
    ),
    Rule(
        "headers.csp-missing",
        "MEDIUM",
        "Content-Security-Policy is sent",
        "It is what is left when a script was injected all the same.",
        "Send a Content-Security-Policy, to begin with default-src 'self'.",
        _SERVERS,
    ),
    Rule(
        "headers.csp-unsafe",
        "MEDIUM",
        "Content-Security-Policy does not allow any script",
        "With 'unsafe-inline', 'unsafe-eval' or * for scripts the policy stops no injected script.",
        "Use nonces or hashes instead.",
        _SERVERS,
    ),
    Rule(
        "headers.referrer-policy-missing",
        "LOW",
        "Referrer-Policy is sent",
        "Addresses with tokens in them are told to other sites.",
        "Send Referrer-Policy: strict-origin-when-cross-origin.",
        _SERVERS,
    ),
    Rule(
        "headers.cookie-insecure",
        "MEDIUM",
        "Cookies are Secure and HttpOnly",
        "Without Secure a cookie travels in the clear; without HttpOnly a script can read it.",
        "Set Secure and HttpOnly on it.",
        _SERVERS,
    ),
    Rule(
        "headers.cookie-same-site",
        "LOW",
        "Cookies are not sent along from everywhere",
        "With SameSite=None other sites can act with the visitor's session.",
        "Set SameSite to Lax or Strict.",
        _SERVERS,
    ),
    Rule(
        "headers.cors-any",
        "MEDIUM",
        "Not every origin may read answers",
        "Any site that a visitor opens can read what the server tells that visitor.",
        "List the origins that need it.",
        _SERVERS,
    ),
    Rule(
        "headers.plain-http",
        "MEDIUM",
        "Nothing is served over plain HTTP",
        "What travels in the clear can be read and changed on the way.",
        "Redirect port 80 to HTTPS, or end TLS in front of it and record an exception that says where.",
        ("web server configuration",),
    ),
    Rule(
        "headers.tls-old",
        "HIGH",
        "Only current TLS versions are spoken",
        "SSL 3, TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996).",
        "Allow TLS 1.2 and 1.3 only.",
        ("web server configuration",),
    ),
    Rule(
        "headers.version-shown",
        "LOW",
        "The server does not tell its version",
        "It tells which known flaws to try.",
        "Switch it off (server_tokens off, ServerTokens Prod).",
        ("web server configuration",),
    ),
    Rule(
        "headers.hosts-any",
        "LOW",
        "Only known host names are answered",
        "A forged Host header ends up in links, mails and caches.",
        "List the host names of the installation.",
        ("web application",),
    ),
)
