"""Each fix changes what its rule means, and nothing that it must not."""

from __future__ import annotations

import textwrap

import pytest
from airlock_agents.builtin.patcher.edits import Edited, Wanted, mend
from airlock_agents.builtin.patcher.rules import FIXES, NOTES


def edit(rule: str, code: str, line: int, *, defusedxml: bool = False) -> Edited:
    return mend(textwrap.dedent(code).encode(), [Wanted("f-1", rule, line)], defusedxml=defusedxml)


@pytest.mark.parametrize(
    ("rule", "imports", "before", "after"),
    [
        ("B506", "yaml", "yaml.load(x)", "yaml.safe_load(x)"),
        ("B506", "yaml", "yaml.load(x, yaml.Loader)", "yaml.safe_load(x)"),
        ("B506", "yaml", "yaml.load(x, Loader=yaml.FullLoader)", "yaml.safe_load(x)"),
        ("B506", "yaml", "yaml.load(Loader=yaml.UnsafeLoader, stream=x)", "yaml.safe_load(stream=x)"),
        ("B506", "yaml", "yaml.load_all(x, Loader=yaml.Loader)", "yaml.safe_load_all(x)"),
        ("B506", "yaml as y", "y.load(x)", "y.safe_load(x)"),
        ("B506", "yaml as y", "y.load(x, Loader=y.loader.Loader)", "y.safe_load(x)"),
        (
            "B501",
            "requests",
            "requests.get(u, verify=False, timeout=1)",
            "requests.get(u, verify=True, timeout=1)",
        ),
        ("B113", "requests", "requests.get(u)", "requests.get(u, timeout=30)"),
        ("B113", "requests", "requests.get(u, timeout=None)", "requests.get(u, timeout=30)"),
        ("B113", "httpx", "httpx.post(u, json=d,)", "httpx.post(u, json=d, timeout=30,)"),
        ("B113", "requests", "requests.get(u).json()", "requests.get(u, timeout=30).json()"),
        ("B201", "flask", "app.run(debug=True)", "app.run(debug=False)"),
        ("B306", "tempfile", "tempfile.mktemp()", "tempfile.NamedTemporaryFile(delete=False).name"),
        (
            "B306",
            "tempfile",
            'tempfile.mktemp(".a", "b", dir=d)',
            'tempfile.NamedTemporaryFile(suffix=".a", prefix="b", dir=d, delete=False).name',
        ),
        ("B323", "ssl", "ssl._create_unverified_context()", "ssl.create_default_context()"),
        (
            "B507",
            "paramiko",
            "c.set_missing_host_key_policy(paramiko.AutoAddPolicy)",
            "c.set_missing_host_key_policy(paramiko.RejectPolicy)",
        ),
        (
            "B602",
            "subprocess",
            'subprocess.run("ls -l /srv", shell=True)',
            'subprocess.run(["ls", "-l", "/srv"])',
        ),
        (
            "B602",
            "subprocess",
            "subprocess.call('make', shell=True, cwd=d)",
            'subprocess.call(["make"], cwd=d)',
        ),
        (
            "B701",
            "jinja2",
            "jinja2.Environment()",
            "jinja2.Environment(autoescape=jinja2.select_autoescape())",
        ),
    ],
)
def test_a_fix_changes_the_call(rule: str, imports: str, before: str, after: str) -> None:
    done = edit(rule, f"import {imports}\nvalue = {before}  # why\n", 2)
    assert done.source.decode() == f"import {imports}\nvalue = {after}  # why\n"
    assert done.fixed == ["f-1"]
    assert done.unfixed == []


@pytest.mark.parametrize(
    ("rule", "code", "line", "reason"),
    [
        ("B506", "import yaml\nyaml.load(x, Loader=Mine)\n", 2, "loader of the program's own"),
        (
            "B506",
            "import yaml\nclass Loader(yaml.SafeLoader):\n    pass\nyaml.load(x, Loader=Loader)\n",
            4,
            "loader of the program's own",
        ),
        (
            "B506",
            "import yaml\nfrom shop.tags import Loader\nyaml.load(x, Loader)\n",
            3,
            "loader of the program's own",
        ),
        ("B506", "import yaml\nfrom shop import tags\nyaml.load(x, tags.Loader)\n", 3, "program's own"),
        ("B506", "import yaml\nyaml.load(x, **how)\n", 2, "come from elsewhere"),
        ("B506", "import yaml\nyaml.add_constructor('!x', f)\nyaml.load(x)\n", 3, "tags of its own"),
        (
            "B506",
            "try:\n    import ruamel.yaml as y\nexcept E:\n    import yaml as y\ny.load(x)\n",
            5,
            "no call",
        ),
        ("B506", "def f(yaml):\n    yaml.load(x)\n", 2, "no call that this rule means"),
        ("B506", "from yaml import load\nsafe_load = 1\nload(x)\n", 3, "something else"),
        ("B507", "c.set_missing_host_key_policy(policy)\n", 1, "program's own"),
        ("B113", "import requests\nrequests.get(u, **o)\n", 2, "come from elsewhere"),
        ("B202", "import tarfile\nt = tarfile.open(p)\nt.extractall(d, members=m)\n", 3, "chosen elsewhere"),
        ("B202", "import zipfile\nt = zipfile.ZipFile(p)\nt.extractall(d)\n", 3, "no other kind"),
        ("B202", "import tarfile\ndef f(t):\n    t.extractall(d)\nt = tarfile.open(p)\n", 3, "no other kind"),
        (
            "B202",
            "import tarfile\nt = s.enter_context(tarfile.open(p))\nt.extractall(d)\n",
            3,
            "no other kind",
        ),
        ("B311", "import random\ntoken = random.Random(seed)\n", 2, "generator of its own"),
        ("B311", "import random\nstatus_code = random.choice(x)\n", 2, "must not be guessed"),
        ("B701", "import jinja2\ne = jinja2.Environment()\ne.from_string(s)\n", 2, "from strings"),
        ("B602", "import subprocess\nsubprocess.run(f'ls {x}', shell=True)\n", 2, "put together"),
        ("B602", "import subprocess\nsubprocess.run('ls *.py', shell=True)\n", 2, "uses the shell"),
        ("B602", "import subprocess\nsubprocess.run('cd /srv', shell=True)\n", 2, "uses the shell"),
        ("B602", "import subprocess\nsubprocess.run('A=1 make', shell=True)\n", 2, "uses the shell"),
        ("B602", "import subprocess\nsubprocess.run('command -v git', shell=True)\n", 2, "uses the shell"),
        ("B602", "import subprocess\nsubprocess.run('ls', shell=True, executable='/bin/bash')\n", 2, "which"),
        ("B602", "import subprocess\nsubprocess.run('ls', shell=True, **more)\n", 2, "which"),
        ("B311", "import random\ntea = random.choice(x)\n", 2, "must not be guessed"),
        (
            "B311",
            "try:\n    from numpy import random\nexcept E:\n    import random\ntoken = random.choice(x)\n",
            5,
            "no call that this rule means",
        ),
        ("B311", "import random\nrandom.seed(1)\ntoken = random.random()\n", 3, "seeds its generator"),
        ("B314", "import xml.etree.ElementTree as ET\nET.fromstring(x)\n", 2, "defusedxml"),
        ("B701", "import jinja2\njinja2.Environment(autoescape=f)\n", 2, "decided elsewhere"),
        (
            "B501",
            "class requests:\n    pass\nrequests.get(u, verify=False)\n",
            3,
            "no call that this rule means",
        ),
        ("B324", "import hashlib\nhashlib.md5(x)\n", 2, "stored digests"),
        ("B608", "q = 'SELECT ' + x\n", 1, "bound parameters"),
        ("B999", "x\n", 1, "no fix is known"),
        ("B506", "import yaml\nyaml.load(x)\n", 1, "no call that this rule means"),
        ("B506", "import json\njson.load(x)\n", 2, "no call that this rule means"),
        ("B506", "def broken(:\n", 1, "not valid Python"),
    ],
)
def test_what_a_tool_must_not_mend_stays_as_it_is_with_the_reason(
    rule: str, code: str, line: int, reason: str
) -> None:
    done = edit(rule, code, line)
    assert done.source == code.encode()
    assert done.fixed == []
    ((_, said),) = done.unfixed
    assert reason in said


@pytest.mark.parametrize(
    "opened", ["with tarfile.open(p) as t:", "with gzip.open(p) as g, tarfile.open(fileobj=g) as t:"]
)
def test_only_what_is_surely_a_tar_archive_gets_a_filter(opened: str) -> None:
    done = edit("B202", f"import gzip, tarfile\n{opened}\n    t.extractall(d)\n", 3)
    assert done.source.decode().endswith('    t.extractall(d, filter="data")\n')


def test_a_generator_is_made_strong_where_a_name_says_that_guessing_matters() -> None:
    done = edit("B311", "import random\ndef reset_code():\n    return random.randint(0, 9)\n", 3)
    assert b"random.SystemRandom().randint(0, 9)" in done.source


def test_a_parser_is_replaced_where_the_program_has_the_other_one() -> None:
    code = "import xml.etree.ElementTree as ET\n\nroot = ET.fromstring(x)\n"
    done = edit("B314", code, 3, defusedxml=True)
    assert b"import defusedxml.ElementTree\n" in done.source
    assert b"root = defusedxml.ElementTree.fromstring(x)" in done.source


@pytest.mark.parametrize(
    "call",
    [
        "ET.fromstring(x, parser=ET.XMLParser())",  # defusedxml's takes none: TypeError
        "ET.fromstring(x, ET.XMLParser())",  # would be its forbid_dtd
        "ET.parse(x, ET.XMLParser())",  # would read with the parser as it is
        "ET.iterparse(x, ('end',), None)",
        "minidom.parseString(x, p)",
        "minidom.parse(x, bufsize=9)",
        "sax.parse(x, h, e, True)",
        "ET.parse(*where)",
    ],
)
def test_a_parser_of_the_programs_own_is_left_with_its_function(call: str) -> None:
    imports = "import xml.etree.ElementTree as ET\nfrom xml import sax\nfrom xml.dom import minidom\n"
    done = edit("B314", f"{imports}root = {call}\n", 4, defusedxml=True)
    assert done.fixed == []
    assert "a parser for example" in done.unfixed[0][1] or "come from elsewhere" in done.unfixed[0][1]


def test_a_parser_that_may_be_of_another_package_is_left_alone() -> None:
    code = (
        "try:\n    from {} as ET\nexcept ImportError:\n    import xml.etree.ElementTree as ET\nET.parse(x)\n"
    )
    assert edit("B314", code.format("lxml import etree"), 5, defusedxml=True).fixed == []
    assert edit("B314", code.format("xml.etree import cElementTree"), 5, defusedxml=True).fixed == ["f-1"]


@pytest.mark.parametrize(
    ("rule", "imports", "before", "after"),
    [
        (
            "B501",
            "requests",
            "log(requests.get(u, verify=False), verify=False)",
            "log(requests.get(u, verify=True), verify=False)",
        ),
        (
            "B201",
            "flask",
            "app.run(made(debug=True), debug=True)",
            "app.run(made(debug=True), debug=False)",
        ),
        (
            "B602",
            "subprocess",
            "log('ls', subprocess.run('ls', shell=True), shell=True)",
            "log('ls', subprocess.run([\"ls\"]), shell=True)",
        ),
    ],
)
def test_only_the_call_that_the_rule_means_is_changed(
    rule: str, imports: str, before: str, after: str
) -> None:
    done = edit(rule, f"import {imports}\n{before}\n", 2)
    assert done.source.decode() == f"import {imports}\n{after}\n"


@pytest.mark.parametrize(
    ("rule", "imports", "before", "also", "after"),
    [
        ("B506", "from yaml import load", "load(x)", "safe_load", "safe_load(x)"),
        (
            "B323",
            "from ssl import _create_unverified_context",
            "_create_unverified_context()",
            "create_default_context",
            "create_default_context()",
        ),
        (
            "B306",
            "from tempfile import mktemp",
            "mktemp()",
            "NamedTemporaryFile",
            "NamedTemporaryFile(delete=False).name",
        ),
        (
            "B507",
            "from paramiko import AutoAddPolicy",
            "c.set_missing_host_key_policy(AutoAddPolicy())",
            "RejectPolicy",
            "c.set_missing_host_key_policy(RejectPolicy())",
        ),
        (
            "B701",
            "from jinja2 import Environment",
            "Environment(loader=a)",
            "select_autoescape",
            "Environment(loader=a, autoescape=select_autoescape())",
        ),
        (
            "B311",
            "from random import choice",
            "token(choice(x))",
            "SystemRandom",
            "token(SystemRandom().choice(x))",
        ),
    ],
)
def test_a_bare_name_is_mended_with_its_import(
    rule: str, imports: str, before: str, also: str, after: str
) -> None:
    done = edit(rule, f"{imports}\ntoken_value = {before}\n", 2)
    lines = done.source.decode().splitlines()
    assert lines[-1] == f"token_value = {after}"
    assert also in lines[0]
    assert done.fixed == ["f-1"]


def test_several_rules_meet_in_one_call() -> None:
    code = b"import requests\nrequests.post(\n    u,\n    verify=False,\n)\n"
    done = mend(code, [Wanted("f-1", "B501", 4), Wanted("f-2", "B113", 2)])
    assert done.source == b"import requests\nrequests.post(\n    u,\n    verify=True,\n    timeout=30,\n)\n"
    assert sorted(done.fixed) == ["f-1", "f-2"]


def test_every_other_byte_stays() -> None:
    code = "# -*- coding: latin-1 -*-\r\nimport yaml\r\n\tx = '\xe9'\r\n".replace("\t", "")
    source = code.encode("latin-1") + b"y = yaml.load( x ,)   # odd \r\n\x0c\r\nz=1"
    done = mend(source, [Wanted("f-1", "B506", 4)])
    assert done.source == source.replace(b"yaml.load", b"yaml.safe_load")


def test_every_rule_with_a_fix_says_what_it_changes() -> None:
    assert FIXES.keys() == NOTES.keys()
