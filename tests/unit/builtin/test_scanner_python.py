"""What a request says is followed to where it does harm; what is fixed, checked or a number is left alone."""

# ruff: noqa: E501 - an example is read on one line
from __future__ import annotations

import ast

import pytest
from airlock_agents.builtin.security_scanner.catalogue import OWN
from airlock_agents.builtin.security_scanner.languages.search import search_text
from airlock_agents.builtin.security_scanner.python.search import search_python
from airlock_agents.builtin.security_scanner.python.values import constants


def route(body: str, path: str = "/teas", parameters: str = "") -> str:
    lines = "\n".join("    " + line for line in body.splitlines())
    return f"@app.get({path!r})\ndef view({parameters}):\n{lines}\n"


FLAWS = [
    ("py-reflected-xss", route('return f"<h1>{request.args[\'q\']}</h1>"')),
    ("py-reflected-xss", route("q = request.args.get('q', '')\npage = '<p>' + q.strip()\nreturn page, 200")),
    ("py-reflected-xss", route("return '<p>%s</p>' % name", "/hello/<name>", "name")),
    ("py-reflected-xss", route("return HTMLResponse(f'<p>{q}</p>')", "/hello", "q: str")),
    ("py-reflected-xss", "def view(request):\n    return HttpResponse('<p>{}</p>'.format(request.GET['q']))\n"),
    ("py-open-redirect", route("return redirect(request.args.get('next', '/'))")),
    ("py-open-redirect", "def view(request):\n    to = request.GET['next'] or '/'\n    return HttpResponseRedirect(to)\n"),
    ("py-path-traversal", route("return send_file(os.path.join(FOLDER, request.args['file']))")),
    ("py-path-traversal", route("with open('/invoices/' + name) as f:\n    return f.read()", "/i/<path:name>", "name")),
    ("py-path-traversal", route("return (root / file).read_text()", "/files", "file: str")),
    ("py-ssrf", route("return requests.get(request.args['url'], timeout=5).text")),
    ("py-ssrf", route("return httpx.get(f'https://{host}/status').text", "/status", "host: str")),
    ("py-template-injection", route("return render_template_string('Hello ' + request.args['name'])")),
    ("py-template-injection", route("return env.from_string(request.form['text']).render()")),
    ("py-command-injection", route("subprocess.run([request.args['tool'], '--version'])")),
    ("py-command-injection", route("subprocess.run(['sh', '-c', request.args['command']])")),
    ("py-sql-injection", "def find(db, name):\n    db.execute(f\"MERGE INTO teas USING x WHERE name = '{name}'\")\n"),
    ("py-sql-injection", "def find(db, name):\n    q = \"SELECT id FROM teas WHERE name = '%s'\" % name\n    db.execute(q)\n"),
    ("py-sql-injection", "def find(db, name):\n    q = 'SELECT id FROM teas'\n    q += ' WHERE name = ' + name\n    db.execute(text(q))\n"),
    ("py-sql-names", "def add(db, table):\n    db.execute(f'ALTER TABLE {table} ADD COLUMN price INT')\n"),
    ("py-sql-names", "def read(db, cache):\n    db.execute('SELECT * FROM %s' % db.ops.quote_name(cache.name))\n"),
    ("py-sql-names", "def count(db, table_name):\n    db.execute('SELECT count(*) FROM ' + table_name)\n"),
    ("py-jwt-unverified", "jwt.decode(token, options={'verify_signature': False})\n"),
    ("py-jwt-unverified", "jwt.decode(token, key, algorithms=['HS256', 'none'])\n"),
    ("py-weak-tls", "context = ssl.SSLContext(ssl.PROTOCOL_TLSv1)\n"),
    ("py-ecb-mode", "AES.new(key, AES.MODE_ECB)\n"),
    ("py-unsafe-objects", "jsonpickle.decode(body)\n"),
    ("py-unsafe-objects", "numpy.load(path, allow_pickle=True)\n"),
    ("py-xml-entities", "etree.XMLParser(resolve_entities=True)\n"),
]  # fmt: skip

HARMLESS = [
    route("return f'<h1>{len(teas)} teas, {int(request.args[\"page\"])}</h1>'"),
    route("return f'<h1>{escape(request.args[\"q\"])}</h1>'"),
    route("return '<p>' + str(number)", "/tea/<int:number>", "number"),
    route("return f'<p>{page}</p>'", "/teas", "page: int, db=Depends(connect)"),
    route("return {'q': request.args['q']}"),
    route("return f'<p>{request.method}</p>'"),
    "def page(name):\n    return f'<p>{name}</p>'\n",
    route("return redirect('/teas')"),
    route("return redirect(url_for('tea', name=request.args['name']))"),
    route("return redirect(f'/teas/{request.args[\"id\"]}')"),
    route("to = request.args['next']\nif not is_safe(to):\n    return '', 400\nreturn redirect(to)"),
    route("name = request.args['f']\nif name not in FILES:\n    return '', 404\nreturn send_file(name)"),
    route("return send_file(os.path.join(FOLDER, secure_filename(request.args['f'])))"),
    route("return send_file(os.path.join(FOLDER, name))", "/i/<name>", "name"),
    route("return requests.get('https://api.example.com/teas/' + request.args['id'], timeout=5).text"),
    route("return render_template('tea.html', name=request.args['name'])"),
    route("subprocess.run(['convert', request.args['size']])"),
    "SORTS = {'name': 'name'}\ndef teas(db, order):\n    by = SORTS.get(order, 'name')\n    db.execute(f'SELECT * FROM teas ORDER BY {by}')\n",
    "def teas(db, ids):\n    marks = ','.join('?' * len(ids))\n    db.execute('SELECT * FROM teas WHERE id = ?', ids)\n",
    "def say(db, name):\n    log.execute(f'hello {name}')\n",
    "jwt.decode(token, key, algorithms=['HS256'])\nssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n",
]  # fmt: skip


@pytest.mark.parametrize(("rule", "code"), FLAWS)
def test_a_flaw_is_seen_by_its_rule_and_by_no_other(rule: str, code: str) -> None:
    assert {found for found, _ in search_python(code).hits} == {rule}


@pytest.mark.parametrize("code", HARMLESS)
def test_what_only_looks_like_a_flaw_is_none(code: str) -> None:
    assert search_python(code).hits == ()


def test_every_rule_for_python_has_an_example() -> None:
    assert {rule for rule, _ in FLAWS} == {one for one in OWN if one.startswith("py-")}


def test_sql_of_fixed_values_alone_is_disproved_and_no_other() -> None:
    code = (
        "TABLE = 'teas'\nSORTS = {'name': 'name'}\n"
        "def teas(db, order, name):\n"
        "    by = SORTS.get(order, 'name')\n"
        "    db.execute(f'SELECT * FROM {TABLE} ORDER BY {by}')\n"
        "    db.execute(f'SELECT * FROM {TABLE} WHERE name = {name}')\n"
        "    by = order\n"
        "    db.execute(f'SELECT * FROM {TABLE} ORDER BY {by}')\n"
    )
    assert search_python(code).fixed_sql == {5}


@pytest.mark.parametrize(
    "change",
    ["SORTS['x'] = y", "SORTS.update(y)", "SORTS = y", "def f():\n    global SORTS", "del SORTS['x']"],
)
def test_a_table_that_is_changed_anywhere_is_not_fixed(change: str) -> None:
    assert constants(ast.parse("SORTS = {'name': 'name'}\n")) == {"SORTS"}
    assert constants(ast.parse(f"SORTS = {{'name': 'name'}}\n{change}\n")) == set()


def test_a_value_that_a_branch_may_leave_as_it_was_stays_what_it_was() -> None:
    code = route("to = request.args['next']\nif mobile:\n    to = '/m'\nreturn redirect(to)")
    assert [rule for rule, _ in search_python(code).hits] == ["py-open-redirect"]
    assert search_python(route("to = request.args['next']\nto = '/m'\nreturn redirect(to)")).hits == ()


def test_python_that_cannot_be_parsed_is_searched_by_its_words() -> None:
    code = "def broken(:\n" + "\n".join(
        (
            "exec(code)",
            "pickle.loads(body)",
            "eval(rule)",
            "hashlib.md5(password)",
            "requests.get(url, verify=False)",
            "yaml.load(text)",
            "run(command, shell=True)",
            "os.system('rm ' + path)",
            "db.execute(f'SELECT {x}')",
            "# eval(rule)",
            "yaml.load(text, Loader=SafeLoader)",
        )
    )
    assert sorted((hit.rule, hit.line) for hit in search_text(code, "python")) == [
        ("B102", 2),
        ("B301", 3),
        ("B307", 4),
        ("B324", 5),
        ("B501", 6),
        ("B506", 7),
        ("B602", 8),
        ("B605", 9),
        ("B608", 10),
    ]
