"""A configuration file gets one other value; comments, order, quotes and layout stay byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from airlock_agents.builtin.patcher.configuration.files import changed
from airlock_agents.builtin.patcher.configuration.setting import Value, change_of
from airlock_agents.builtin.patcher.reason import Reason

YAML = """# compose
services:
  web:   # the shop
    image: "nginx:1.25"
    ports: ["80:80", 443]
    read_only: no
    user:
    environment:
      - A=1   # first
      - B=2
    script: |
      one: two
  db: {image: postgres, tty: true}
"""
TOML = """# settings
[tool.x]  # table
name = 'a'   # literal
debug = true
ports = [80, 443] # list
[[tool.y]]
level = 1
"""
JSON = """{
  "name" : "x",
  "debug": true,
    "nested": {"list": [1, {"deep": null}], "url": "http:\\/\\/a"}
}
"""
INI = """[server]
; comment
host = 0.0.0.0   ; why
debug: yes
paths = a
    b

[other]
host=x
"""
LIST = "a:\n  b: 1 # x\n  c:\n    - 2\n"
ENV = """# shop
DEBUG=1
export NAME="a b"  # who
EMPTY=
PATH_=/a:$PATH
"""


@pytest.mark.parametrize(
    ("file", "text", "path", "value", "before", "after"),
    [
        ("a.yaml", YAML, ["services", "web", "image"], "nginx:1.27", '"nginx:1.25"', '"nginx:1.27"'),
        ("a.yaml", YAML, ["services", "web", "ports", 1], 8443, "443]", "8443]"),
        ("a.yml", YAML, ["services", "web", "read_only"], True, "read_only: no", "read_only: true"),
        ("a.yml", YAML, ["services", "web", "read_only"], "off", "read_only: no", 'read_only: "off"'),
        ("a.yml", YAML, ["services", "web", "user"], "10001", "user:\n", 'user: "10001"\n'),
        ("a.yml", YAML, ["services", "web", "environment", 0], "A=2", "- A=1   #", '- "A=2"   #'),
        ("a.yml", YAML, ["services", "db", "image"], "postgres:16", "postgres,", '"postgres:16",'),
        ("a.yml", YAML, ["services", "db", "tty"], False, "tty: true", "tty: false"),
        ("a.toml", TOML, ["tool", "x", "name"], "b", "'a'   #", "'b'   #"),
        ("a.toml", TOML, ["tool", "x", "debug"], False, "debug = true", "debug = false"),
        ("a.toml", TOML, ["tool", "x", "ports", 1], 8443, "443] #", "8443] #"),
        ("a.toml", TOML, ["tool", "y", 0, "level"], 2.5, "level = 1", "level = 2.5"),
        ("a.json", JSON, ["name"], 'a"\u00e4', '"name" : "x"', '"name" : "a\\"\u00e4"'),
        ("a.json", JSON, ["debug"], False, "true", "false"),
        ("a.json", JSON, ["nested", "list", 1, "deep"], 3, "null", "3"),
        ("a.ini", INI, ["server", "host"], "127.0.0.1", "0.0.0.0   ;", "127.0.0.1   ;"),
        ("a.cfg", INI, ["server", "debug"], False, "debug: yes", "debug: false"),
        ("a.cfg", INI, ["other", "host"], "y", "host=x", "host=y"),
        (".env", ENV, ["DEBUG"], 0, "DEBUG=1", "DEBUG=0"),
        ("shop.env", ENV, ["NAME"], "c", '"a b"', '"c"'),
        (".env.local", ENV, ["EMPTY"], "a b", "EMPTY=", 'EMPTY="a b"'),
    ],
)
def test_one_value_changes(
    file: str, text: str, path: list[Any], value: Any, before: str, after: str
) -> None:
    for end in ("\n", "\r\n"):
        source = text.replace("\n", end)
        assert source.count(before.replace("\n", end)) == 1
        wanted = source.replace(before.replace("\n", end), after.replace("\n", end))
        assert changed(file, source, Value(tuple(path), value)) == wanted


@pytest.mark.parametrize(
    ("file", "text", "path", "after"),
    [
        ("a.yaml", YAML, ["services", "web", "init"], YAML.replace("shop\n", "shop\n    init: true\n")),
        ("a.yaml", f"{LIST}# end\n", ["a", "init"], f"{LIST}  init: true\n# end\n"),
        ("a.yaml", "- a: 1\n- b: 2", [1, "init"], "- a: 1\n- b: 2\n  init: true"),
        ("a.toml", TOML, ["tool", "x", "init"], TOML.replace("# list\n", "# list\ninit = true\n")),
        ("a.yaml", "a: 1\n", ["init"], "a: 1\ninit: true\n"),
        ("a.toml", "a = 1\n", ["init"], "a = 1\ninit = true\n"),
        ("a.json", '{\n  "a": 1\n}\n', ["init"], '{\n  "a": 1,\n  "init": true\n}\n'),
        ("a.json", '{"a": 1}', ["init"], '{"a": 1,"init": true}'),
        ("a.json", JSON, ["nested", "init"], JSON.replace('/a"}', '/a","init": true}')),
        ("a.ini", INI, ["other", "init"], INI + "init = true\n"),
        (".env", ENV, ["init"], ENV + "init=true\n"),
        (".env", "A=1", ["init"], "A=1\ninit=true\n"),
    ],
)  # fmt: skip
def test_a_name_is_added_only_when_asked_for(file: str, text: str, path: list[Any], after: str) -> None:
    assert isinstance(changed(file, text, Value(tuple(path), True)), Reason)
    assert changed(file, text, Value(tuple(path), True, add=True)) == after


@pytest.mark.parametrize(("file", "text"), [("a.json", "[1]"), ("a.json", "{}"), ("a.yaml", "{a: 1}\n")])
def test_a_name_is_added_only_to_what_has_a_layout_for_it(file: str, text: str) -> None:
    result = changed(file, text, Value(("init",), True, add=True))
    assert isinstance(result, Reason)
    assert "nothing can be added to the top" in result.text


@pytest.mark.parametrize("name", ["a=b", "a: b", "[x]"])
def test_a_name_that_would_be_read_as_another_one_is_not_added(name: str) -> None:
    result = changed("a.ini", INI, Value(("other", name), 1, add=True))
    assert isinstance(result, Reason)


@pytest.mark.parametrize(
    ("file", "text", "path", "value", "said"),
    [
        ("a.yaml", YAML, ["services", "nginx", "image"], "x", "there is no services > nginx > image"),
        ("a.yaml", YAML, ["services", "web", "ports", 2], "x", "there is no"),
        ("a.yaml", YAML, ["services", "web"], "x", "a list or an object"),
        ("a.yaml", YAML, ["services", "web", "script"], "x", "block of text"),
        ("a.yaml", YAML, ["services", "web", "ports", 1], 443, "already"),
        ("a.yaml", "a: &x 1\nb: *x\n", ["a"], 2, "what stands around"),
        ("a.yaml", "a: &x {c: 1}\nb: *x\n", ["b", "c"], 2, "what stands around"),
        ("a.yaml", "a: 1\na: 2\n", ["a"], 3, "more than once"),
        ("a.yaml", "a: 1\n---\na: 2\n", ["a"], 3, "one YAML document"),
        ("a.yaml", "a: [1\n", ["a"], 3, "no valid YAML"),
        ("a.yaml", "a: 'x\n  y'\n", ["a"], "z", "what stands around"),
        ("a.toml", TOML, ["tool", "x", "nothing"], 1, "there is no"),
        ("a.toml", TOML, ["tool", "x", "ports"], 1, "a list or an object"),
        ("a.toml", TOML, ["tool", "x", "debug"], None, "no null"),
        ("a.toml", 'a = """x\ny\nz"""\n', ["a"], "z", "what stands around"),
        ("a.toml", "a = \n", ["a"], 1, "no valid TOML"),
        ("a.json", JSON, ["nested", "list"], 1, "a list or an object"),
        ("a.json", '{"a": 1, "a": 2}', ["a"], 3, "more than once"),
        ("a.json", '{"a": 1} // x', ["a"], 3, "no valid JSON"),
        ("a.json", "[" * 100_000, ["a"], 3, "no valid JSON"),
        ("a.json", "[]", ["a"], 3, "there is no a"),
        ("a.ini", INI, ["server", "paths"], "c", "next line"),
        ("a.ini", INI, ["server", "host"], "a\n[evil]", "cannot stand"),
        ("a.ini", INI, ["server", "host"], "a ; b", "cannot stand"),
        ("a.ini", INI, ["host"], "a", "its section and its name"),
        ("a.ini", "[a]\nx = 1\nx = 2\n", ["a", "x"], "3", "no valid INI"),
        (".env", ENV, ["PATH_"], "/b", "do not agree"),
        (".env", ENV, ["DEBUG"], "a$b", "not agree"),
        (".env", ENV, ["DEBUG"], "a\nB=1", "not agree"),
        (".env", "A=1\nA=2\n", ["A"], "3", "more than once"),
        ("README.md", "a: 1\n", ["a"], 2, "does not say its format"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_alone(
    file: str, text: str, path: list[Any], value: Any, said: str
) -> None:
    result = changed(file, text, Value(tuple(path), value))
    assert isinstance(result, Reason), result
    assert said in result.text


@pytest.mark.parametrize(("file", "text", "path", "now"), [
    ("a.yaml", "a: 1\n", ["a"], 1), ("a.toml", "a = 1\n", ["a"], 1), ("a.json", '{"a": 1}', ["a"], 1),
    ("a.ini", "[s]\na = 1\n", ["s", "a"], 1), (".env", "a=1\n", ["a"], 1),
])  # fmt: skip
def test_a_value_that_must_stand_there_is_compared(file: str, text: str, path: list[Any], now: Any) -> None:
    wished = {"kind": "value", "file": file, "path": path, "value": 5}
    assert changed(file, text, change_of({**wished, "from": now})) == text.replace("1", "5")
    result = changed(file, text, change_of({**wished, "from": 2}))
    assert isinstance(result, Reason)
    assert "another value" in result.text


SHA = "b" * 40


@pytest.mark.parametrize(
    ("line", "version", "after"),
    [
        ("uses: actions/checkout@v4", "v4.2.2", f"uses: actions/checkout@{SHA} # v4.2.2"),
        ("uses: 'actions/checkout@v4'  # v4", "v4.2.2", f"uses: 'actions/checkout@{SHA}'  # v4.2.2"),
        ("uses: actions/checkout@v4 # v4", None, f"uses: actions/checkout@{SHA}"),
        ("uses: actions/checkout@v4 # needs depth", None, f"uses: actions/checkout@{SHA} # needs depth"),
        (f"uses: actions/checkout@{SHA}", None, "already"),
        ("uses: actions/checkout-x@v4", None, "nothing here uses"),
        ("run: echo uses: actions/checkout@v4", None, "nothing here uses"),
        ("uses: actions/checkout@v4\n      - uses: actions/checkout@v3", None, "v3, v4"),
    ],
)
def test_an_action_is_pinned_to_its_commit(line: str, version: str | None, after: str) -> None:
    around = "jobs:\n  a:\n    steps:\n      - {}\n      - uses: other/checkout@v4\n"
    wished = {"kind": "action", "file": "ci.yml", "action": "actions/checkout", "sha": SHA}
    result = changed("ci.yml", around.format(line), change_of({**wished, "version": version}))
    assert after in result.text if isinstance(result, Reason) else result == around.format(after)
