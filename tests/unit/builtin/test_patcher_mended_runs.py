"""Mended code is run: it does what the old code did, and no longer what the rule complains of.

Flask, Jinja2, Paramiko and defusedxml are no part of the tests' environment: a module stands in for them that
notes how it is called.
"""

from __future__ import annotations

import http.server
import io
import ssl
import subprocess
import sys
import tarfile
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from airlock_agents.builtin.patcher.edits import Wanted, mend
from airlock_agents.builtin.patcher.rules import FIXES


def run(rule: str, code: str, line: int, **given: Any) -> dict[str, Any]:
    """Mend one line, and run the whole as a module; answers its names."""
    done = mend(code.encode(), [Wanted("f-1", rule, line)], defusedxml=True)
    assert done.fixed == ["f-1"], done.unfixed
    names: dict[str, Any] = {"__name__": "mended", **given}
    exec(compile(done.source, "mended.py", "exec"), names)
    return names


class Noting(types.ModuleType):
    """A module whose members can be called and note how."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def noted(*args: Any, **named: Any) -> Noting:
            self.calls.append((name, args, named))
            return self

        noted.__name__ = name
        return noted


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Noting]:
    def put(name: str) -> Noting:
        module = Noting(name)
        above, _, last = name.rpartition(".")
        if above:
            parent = types.ModuleType(above)
            parent.__path__ = []
            setattr(parent, last, module)
            monkeypatch.setitem(sys.modules, above, parent)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return put


@pytest.fixture
def https_server(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose certificate nobody signed but itself."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    class Quiet(http.server.HTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what is wanted here."""

    server = Quiet(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_yaml_still_loads_and_builds_no_objects() -> None:
    names = run("B506", "import yaml\ndef load(text):\n    return yaml.load(text, Loader=yaml.Loader)\n", 3)
    assert names["load"]("a: [1, 2]") == {"a": [1, 2]}
    with pytest.raises(yaml.YAMLError):
        names["load"]("!!python/object/apply:os.getcwd []")


def test_tags_of_the_programs_own_still_load() -> None:
    code = (
        "import yaml\n"
        "class Loader(yaml.SafeLoader):\n    pass\n"
        "Loader.add_{}('!up', lambda loader, node: node.value.upper())\n"
        "text = yaml.load('!up x', Loader=Loader)\n"
    ).format("constructor")
    done = mend(code.encode(), [Wanted("f-1", "B506", 5)])
    names: dict[str, Any] = {}
    exec(compile(done.source, "mended.py", "exec"), names)
    assert names["text"] == "X"


def test_certificates_are_verified(https_server: str) -> None:
    code = "import requests\ndef get(url):\n    return requests.get(url, verify=False, timeout=5)\n"
    names = run("B501", code, 3)
    with pytest.raises(requests.exceptions.SSLError):
        names["get"](https_server)


def test_a_request_has_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def send(session: requests.Session, request: Any, **named: Any) -> requests.Response:
        seen.update(named)
        return requests.Response()

    monkeypatch.setattr(requests.Session, "send", send)
    names = run("B113", "import requests\ndef get(url):\n    return requests.get(url)\n", 3)
    names["get"]("http://127.0.0.1:1/")
    assert seen["timeout"] == 30


def test_the_debugger_is_off(stand_in: Callable[[str], Noting]) -> None:
    flask = stand_in("flask")
    run("B201", "from flask import Flask\napp = Flask('x')\napp.run(debug=True, port=1)\n", 3)
    assert flask.calls[-1] == ("run", (), {"debug": False, "port": 1})


def test_an_archive_stays_in_its_folder(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.tar", tmp_path / "bad.tar"
    for path, name in ((good, "a.txt"), (bad, "../evil.txt")):
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    code = (
        "import tarfile\ndef take(path, to):\n    with tarfile.open(path) as t:\n        t.extractall(to)\n"
    )
    names = run("B202", code, 4)
    names["take"](good, tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").exists()
    with pytest.raises(tarfile.OutsideDestinationError):
        names["take"](bad, tmp_path / "out")
    assert not (tmp_path / "evil.txt").exists()


def test_a_temporary_file_is_there_and_private(tmp_path: Path) -> None:
    names = run("B306", "import tempfile\npath = tempfile.mktemp('.pdf', dir=where)\n", 2, where=tmp_path)
    found = Path(names["path"])
    assert found.suffix == ".pdf"
    assert found.parent == tmp_path
    assert found.stat().st_mode & 0o777 == 0o600


def test_what_must_not_be_guessed_is_not_seeded() -> None:
    import random

    code = "import random\ndef reset_code():\n    return ''.join(random.choice('0123') for _ in range(40))\n"
    names = run("B311", code, 3)
    random.seed(7)
    first = names["reset_code"]()
    random.seed(7)
    assert len(first) == 40
    assert first.isdigit()
    assert names["reset_code"]() != first


@pytest.mark.parametrize(
    ("rule", "module", "call", "hardened"),
    [
        ("B314", "xml.etree.ElementTree", "fromstring(x)", "ElementTree"),
        ("B317", "xml.sax", "parseString(x, h)", "sax"),
        ("B318", "xml.dom.minidom", "parseString(x)", "minidom"),
    ],
)
def test_xml_is_read_by_the_hardened_parser(
    rule: str, module: str, call: str, hardened: str, stand_in: Callable[[str], Noting]
) -> None:
    noting = stand_in(f"defusedxml.{hardened}")
    run(rule, f"import {module} as parser\nroot = parser.{call}\n", 2, x="<a/>", h=None)
    assert noting.calls[0][0] == call.partition("(")[0]
    assert noting.calls[0][1][0] == "<a/>"


def test_a_context_verifies() -> None:
    names = run("B323", "import ssl\ncontext = ssl._create_unverified_context()\n", 2)
    assert names["context"].verify_mode is ssl.CERT_REQUIRED
    assert names["context"].check_hostname is True


def test_an_unknown_host_is_refused(stand_in: Callable[[str], Noting]) -> None:
    paramiko = stand_in("paramiko")
    code = (
        "import paramiko\nc = paramiko.SSHClient()\nc.set_missing_host_key_policy(paramiko.AutoAddPolicy)\n"
    )
    run("B507", code, 3)
    name, (policy,), _ = paramiko.calls[-1]
    assert (name, policy.__name__) == ("set_missing_host_key_policy", "RejectPolicy")


def test_a_command_runs_without_a_shell() -> None:
    code = "import subprocess\nsaid = subprocess.check_output('echo two words', shell=True, text=True)\n"
    assert run("B602", code, 2)["said"] == "two words\n"


def test_pages_are_escaped(stand_in: Callable[[str], Noting]) -> None:
    jinja2 = stand_in("jinja2")
    run("B701", "import jinja2\nenv = jinja2.Environment(autoescape=False, loader=None)\n", 2)
    assert [name for name, _, _ in jinja2.calls] == ["select_autoescape", "Environment"]
    assert jinja2.calls[-1][2]["autoescape"] is jinja2


def test_every_fix_is_run_above() -> None:
    text = Path(__file__).read_text()
    assert {rule for rule in FIXES if f'"{rule}"' not in text} == set()
