"""What is made for examples is known as such, and what could be real is not taken for it."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.findings import examples

MADE = "w4gon-Plum-77-kite"


@pytest.mark.parametrize(
    "host",
    [
        "example",
        "example.com",
        "db.example.org",
        "broker.test",
        "a.invalid",
        "x.localhost",
        "netrcexample.org",
        "example-shop.io",
        "host",
        "hostname",
        "your-server",
    ],
)
def test_a_host_that_nobody_has_is_an_example(host: str) -> None:
    assert examples.is_example_host(host)


@pytest.mark.parametrize(
    "host",
    ["lindenhof.dev", "test.lindenhof.dev", "db", "myexamples.lindenhof.dev", "localhost.lindenhof.dev", ""],
)
def test_other_hosts_may_be_real(host: str) -> None:
    assert not examples.is_example_host(host)


@pytest.mark.parametrize(
    ("line", "value", "example"),
    [
        ("url = 'amqp://guest:guest@broker.lindenhof.dev:1234//'", "guest", True),
        ("url = 'mysql://scott:tiger@db.lindenhof.dev/foo'", "tiger", True),
        ("url = 'mssql://scott:tiger^5HHH@mssql2022:1433/test'", "tiger^5HHH", True),
        ("url = 'mysql://scott:tiger-92-Harbour@db.lindenhof.dev'", "tiger-92-Harbour", False),
        ("url = 'mysql://shop:tulip7@localhost/foo'", "tulip7", True),
        ("url = 'redis://:tulip7orbit@127.0.0.1:6379'", "tulip7orbit", True),
        ("url = 'https://jo%40email.com:a%20secret@www.example.com'", "a%20secret", True),
        ("url = 'mysql://shop:tiger@db.lindenhof.dev/foo'", "tiger", False),
        ("a = 'db://u:tulip7@localhost'; b = 'db://u:tulip7@db.lindenhof.dev'", "tulip7", False),
        ("url = 'mysql://shop:tulip7@localhost.lindenhof.dev/foo'", "tulip7", False),
        (f"url = 'postgresql://shop:{MADE}@db.example.com/shop'", MADE, False),
        ("password = 'tulip7' # localhost, example.com", "tulip7", False),
    ],
)
def test_a_login_that_opens_nothing_is_an_example_and_a_made_password_is_loud_beside_any_name(
    line: str, value: str, example: bool
) -> None:
    assert examples.is_example_login(line, value) is example


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "example-password",
        "my-example",
        "ghp_" + "x" * 36,
        "AKIA" + "0" * 16,
    ],
)
def test_what_manuals_print_and_what_is_filled_in_is_an_example(value: str) -> None:
    assert examples.is_example_value(value)


@pytest.mark.parametrize(
    "value",
    ["AKIA" + "Q7RZ2LWXN5TBVC4K", "kV7-tulip-example-92", "tulip", "example7Zq8rT2wXn5LbVc7KdPf3Hj", ""],
)
def test_what_could_open_something_is_none(value: str) -> None:
    assert not examples.is_example_value(value)


@pytest.mark.parametrize("value", [MADE, "Zq8rT2wXn5LbVc", "3f786850e387550fdab8", "Welcome-Lindenhof-1"])
def test_long_and_mixed_is_made(value: str) -> None:
    assert examples.looks_made(value)


@pytest.mark.parametrize("value", ["a%20secret", "hunter2", "correct horse battery staple", "tulip7orbit92"])
def test_short_or_plain_may_have_been_thought_up(value: str) -> None:
    assert not examples.looks_made(value)


def test_a_key_s_header_without_a_key_is_told_from_one_with() -> None:
    header = "-----BEGIN RSA PRIVATE KEY-----"
    encrypted = [header, "Proc-Type: 4,ENCRYPTED", "DEK-Info: DES-CBC,1", "", "bm90IGEga2V5LCBub3QgYSBrZXk"]
    assert examples.is_bare_header([f'if text.startswith("{header}"):', "    return load(text)"], 1)
    assert not examples.is_bare_header([header, "bm90IGEga2V5LCBub3QgYSBrZXk="], 1)
    assert not examples.is_bare_header(encrypted, 1)
    assert not examples.is_bare_header([f'key = "{header}\\nbm90IGEga2V5LCBub3QgYSBrZXk="'], 1)


KEY = "bm90IGEga2V5LCBub3QgYSBrZXksIG5vdCBhIGtleQ=="


@pytest.mark.parametrize("width", [4, 10, 20, 23, 64])
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ('    "', '\\n" +'), ("# ", ""), (" * ", ""), ("'", "\\r\\n'"), ("", "\\")],
)
def test_a_key_wrapped_at_any_width_is_one(width: int, before: str, after: str) -> None:
    header = "-----BEGIN PRIVATE KEY-----"
    wrapped = [KEY[start : start + width] for start in range(0, len(KEY), width)]
    assert not examples.is_bare_header([f"{before}{one}{after}" for one in (header, *wrapped)], 1)
    assert not examples.is_bare_header([f'key = "{header}\\n' + "\\n".join(wrapped) + '"'], 1)


@pytest.mark.parametrize(
    "below",
    [
        ["...", "-----END PRIVATE KEY-----"],
        ["<the key>", "-----END PRIVATE KEY-----"],
        ['    raise ValueError("No private key")', "return", "pass", "continue", "break"],
        ["MIIEpAIBAAKCAQEA...", "-----END PRIVATE KEY-----"],
        ["", "The line above", "opens a file that holds a key."],
    ],
)
def test_code_and_text_below_a_header_are_no_key(below: list[str]) -> None:
    assert examples.is_bare_header(["-----BEGIN PRIVATE KEY-----", *below], 1)
