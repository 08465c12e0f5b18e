"""Security headers, cookies and origins: in servers' configurations and in applications."""

from __future__ import annotations

import textwrap

import pytest
from airlock_agents.builtin.compliance_checker.facts import Breach, HeaderSent, Said, Serves, TextFile
from airlock_agents.builtin.compliance_checker.headers import nginx, pages, servers
from airlock_agents.builtin.compliance_checker.headers.judgement import judge
from airlock_agents.builtin.compliance_checker.headers.python_settings import check_python


def file(text: str, path: str = "f") -> TextFile:
    return TextFile(path, tuple(textwrap.dedent(text).splitlines()))


def rules(said: list[Said]) -> dict[str, int]:
    return {one.rule.partition(".")[2]: one.line for one in said if isinstance(one, Breach)}


def sent(said: list[Said]) -> set[str]:
    return {one.name for one in said if isinstance(one, HeaderSent)}


def in_nginx(text: str) -> list[Said]:
    return list(nginx.check_nginx(file(text), min_days=180))


def test_nginx_is_read_by_blocks() -> None:
    said = in_nginx(
        """\
        # add_header X-Frame-Options DENY;
        server {
            listen 443 ssl;
            ssl_protocols TLSv1.1 TLSv1.3;
            add_header Strict-Transport-Security "max-age=60; includeSubDomains" always;
            add_header Content-Security-Policy "default-src 'self';
                frame-ancestors 'none'; script-src 'unsafe-eval'";
            add_header Set-Cookie "a=b; Secure";
            location / { root /srv; }
        }
        """
    )
    assert rules(said) == {"tls-old": 4, "hsts-weak": 5, "csp-unsafe": 6, "cookie-insecure": 8}
    assert sent(said) == {"strict-transport-security", "content-security-policy", "x-frame-options"}
    assert [one for one in said if isinstance(one, Serves)] == [Serves(2, application=False)]


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("listen 80; location / { proxy_pass http://a; }", True),
        ("listen 80; return 301 https://$host$request_uri;", False),
        ("listen 80; location / { root /a; } location /b { return 301 https://x; }", False),
        ("listen 443 ssl; root /a;", False),
        ("listen 8443; ssl_certificate a; root /a;", False),
        ("listen 127.0.0.1:80; root /a;", False),
        ("listen 80; return 204;", False),
    ],
)
def test_plain_http_is_told_where_something_is_served_so(server: str, told: bool) -> None:
    assert ("plain-http" in rules(in_nginx(f"server {{ {server} }}"))) is told


def test_apache_and_caddy() -> None:
    apache = list(
        servers.check_apache(
            file(
                """\
                <VirtualHost *:443>
                SSLProtocol all -SSLv3 -TLSv1
                Header always set X-Frame-Options "DENY"
                Header set Access-Control-Allow-Origin "*"
                ServerTokens Full
                </VirtualHost>
                """
            ),
            min_days=180,
        )
    )
    assert rules(apache) == {"tls-old": 2, "cors-any": 4, "version-shown": 5}
    assert sent(apache) == {"x-frame-options"}
    modern = list(servers.check_apache(file("SSLProtocol -all +TLSv1.2 +TLSv1.3\n"), min_days=180))
    assert rules(modern) == {}
    caddy = list(
        servers.check_caddy(
            file(
                "example.com {\n  header {\n    X-Frame-Options DENY\n    -Server\n  }\n"
                '  header Referrer-Policy "same-origin"\n}\n'
            ),
            min_days=180,
        )
    )
    assert sent(caddy) == {"x-frame-options", "referrer-policy"}
    assert Serves(1, application=False) in caddy


def in_python(text: str) -> list[Said]:
    return list(check_python(file(text), min_days=180))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("SESSION_COOKIE_SECURE = False", "cookie-insecure"),
        ("app.config['SESSION_COOKIE_HTTPONLY'] = False", "cookie-insecure"),
        ("app.config.update(SESSION_COOKIE_SECURE=False)", "cookie-insecure"),
        ("SESSION_COOKIE_SAMESITE = 'None'", "cookie-same-site"),
        ("CORS_ALLOW_ALL_ORIGINS = True", "cors-any"),
        ("ALLOWED_HOSTS = ['*']", "hosts-any"),
        ("SECURE_HSTS_SECONDS = 3600", "hsts-weak"),
        ("app.add_middleware(CORSMiddleware, allow_origins=['*'])", "cors-any"),
        ("CORS(app)", "cors-any"),
        ("r.set_cookie('session', value)", "cookie-insecure"),
        ("r.set_cookie('s', v, secure=True, httponly=True, samesite='None')", "cookie-same-site"),
        ("r.headers['Access-Control-Allow-Origin'] = '*'", "cors-any"),
        ("r.headers['Content-Security-Policy'] = 'script-src *'", "csp-unsafe"),
        ("SESSION_COOKIE_SECURE = True", None),
        ("ALLOWED_HOSTS = ['shop.example.com']", None),
        ("r.set_cookie('s', v, secure=True, httponly=True)", None),
        ("r.set_cookie('s', '', max_age=0)", None),
        ("jar.set_cookie(cookie)", None),
        ("self.set_cookie(handler, token)", None),
        ("r.set_cookie('s', v, **options)", None),
        ("CORS(app, origins=['https://a'])", None),
        ("r.headers['Access-Control-Allow-Origin'] = origin", None),
    ],
)
def test_a_python_setting_breaks_the_rule_that_it_breaks(line: str, rule: str | None) -> None:
    assert set(rules(in_python(line))) == ({rule} if rule else set())


def test_credentials_make_an_open_origin_worse() -> None:
    (one,) = in_python("CORS(app, supports_credentials=True)")
    assert isinstance(one, Breach)
    assert one.severity == "HIGH"


def test_what_a_framework_sends_is_taken_as_sent() -> None:
    assert len(sent(in_python("Talisman(app)"))) == 5
    assert "content-security-policy" not in sent(in_python("Talisman(app, content_security_policy=None)"))
    django = in_python(
        "MIDDLEWARE = ['django.middleware.security.SecurityMiddleware']\nINSTALLED_APPS = []\n"
    )
    assert sent(django) == {"x-content-type-options", "referrer-policy"}
    assert Serves(2, application=True) in django


def test_javascript_and_pages() -> None:
    said = list(
        pages.check_javascript(
            file(
                """\
                const app = express()
                app.use(helmet({
                  contentSecurityPolicy: false }))
                app.use(cors())
                app.use(session({
                  cookie: { secure: false } }))
                res.cookie('a', b)
                res.cookie('a', b, { secure: true, httpOnly: true })
                res.setHeader('X-Frame-Options', 'DENY')
                // res.cookie('a', c)
                """
            ),
            min_days=180,
        )
    )
    assert {one.line: one.rule for one in said if isinstance(one, Breach)} == {
        4: "headers.cors-any",
        6: "headers.cookie-insecure",
        7: "headers.cookie-insecure",
    }
    assert "content-security-policy" not in sent(said)
    assert "strict-transport-security" in sent(said)
    policy = "script-src 'unsafe-inline'; frame-ancestors 'none'"
    meta = f'<meta http-equiv="Content-Security-Policy"\n content="{policy}">'
    page = list(pages.check_html(file(meta)))
    assert (rules(page), sent(page)) == ({"csp-unsafe": 1}, {"content-security-policy"})


def test_what_nobody_sends_is_missed_once_at_the_server_in_front() -> None:
    serves = [("app.py", Serves(3, application=True)), ("deploy/nginx.conf", Serves(7, application=False))]
    missing = list(judge(serves, frozenset({"x-frame-options", "content-security-policy"})))
    assert {one.rule for one in missing} == {
        "headers.hsts-missing",
        "headers.content-type-options-missing",
        "headers.referrer-policy-missing",
    }
    assert {(one.file, one.line) for one in missing} == {("deploy/nginx.conf", 7)}
    assert list(judge([], frozenset())) == []
