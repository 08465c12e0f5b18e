"""The reviewer's own checks of Python: what breaks a rule, and what only looks like it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest
from airlock_agents.builtin.code_reviewer.performance import performance
from airlock_agents.builtin.code_reviewer.python_code import Hit, PythonCode, Unparsable
from airlock_agents.builtin.code_reviewer.quality import quality
from airlock_agents.builtin.code_reviewer.security import security


def rules(text: str, *, in_tests: bool = False) -> list[str]:
    code = PythonCode(textwrap.dedent(text))
    hits = [
        *quality(code, in_tests=in_tests),
        *performance(code),
        *security(code, in_tests=in_tests),
    ]
    return sorted(hit.rule for hit in hits)


QUALITY = {
    "swallowed-exception": [
        "try:\n    f()\nexcept Exception:\n    pass\n",
        "for a in b:\n    try:\n        f(a)\n    except (ValueError, BaseException):\n        continue\n",
    ],
    "unreachable-code": [
        "def f(x):\n    return x\n    g()\n",
        "def f(x):\n    if x:\n        return 1\n    else:\n        raise ValueError\n    g()\n",
        "def f():\n    while True:\n        for a in b:\n            break\n    g()\n",
        "def f(x):\n    return x\n    raise ValueError(x)\n",
    ],
    "endless-recursion": [
        "def f(x):\n    y = x + 1\n    return f(y)\n",
        "class A:\n    def f(self):\n        return self.f()\n",
        "class A:\n    @property\n    def f(self):\n        return self.f\n",
        "async def f(x):\n    return await f(x)\n",
        "class A:\n    async def f(self):\n        await g()\n        await self.f()\n",
    ],
    "float-equality": ["def f(x):\n    return x * 3 == 0.3\n"],
    "missing-timeout": [
        "from urllib.request import urlopen as fetch\nfetch(url)\n",
        "import smtplib\nsmtplib.SMTP(host, 25)\n",
    ],
}
PERFORMANCE = {
    "query-in-loop": [
        "def f(db, ids):\n    for i in ids:\n        db.execute('SELECT a FROM b WHERE c = ?', (i,))\n",
        "def f(db, ids):\n q = 'DELETE FROM b WHERE c = ?'\n for i in ids:\n  db.execute(q, (i,))\n",
        "def f(ids):\n    return [User.objects.get(pk=i) for i in ids]\n",
        "def g(db, i):\n return db.execute('SELECT 1')\n\ndef f(db, ids):\n return [g(db, i) for i in ids]\n",
        "async def f(session, ids):\n    for i in ids:\n        await session.get(User, i)\n",
        "def f(self, ids):\n    return [self.db.session.get(models.User, i) for i in ids]\n",
    ],
    "request-in-loop": [
        "import requests as r\n\ndef f(urls):\n    for u in urls:\n        r.get(u, timeout=1)\n"
    ],
    "text-grown-in-loop": [
        "def f(rows):\n    out = ''\n    for row in rows:\n        out += row\n    return out\n"
    ],
    "search-in-loop": [
        "def f(rows):\n seen = []\n for r in rows:\n  if r in seen:\n   seen.append(r)\n",
        "def f(a, b):\n    old = sorted(b)\n    return [x for x in a if x not in old]\n",
    ],
    "pattern-in-loop": ["import re\n\ndef f(rows):\n    for r in rows:\n        re.compile('a').match(r)\n"],
    "front-of-list-in-loop": ["def f(q):\n    while q:\n        q.pop(0)\n"],
    "await-in-loop": ["async def f(xs):\n    return [await load(x) for x in xs]\n"],
    "counted-in-memory": ["def f(c):\n    return len(c.execute('SELECT 1').fetchall())\n"],
}
SECURITY = {
    "route-without-check": [
        """
        @app.get("/a")
        @login_required
        def a(): ...

        @app.get("/b")
        def b(user=Depends(current_user)): ...

        @app.post("/c")
        def c(): ...
        """
    ],
    "assert-guards-access": ["def f(user):\n    assert user.is_admin\n"],
    "secret-compared-plainly": [
        "def f(given):\n    return given == settings.api_key\n",
        "def f(row, form):\n    return row['password_hash'] != digest(form)\n",
        "import hmac\ndef f(k, m, expected):\n    return hmac.new(k, m).hexdigest() == expected\n",
        "def f(expected, signature):\n    return expected == signature\n",
    ],
    "secret-in-log": ["def f(password):\n    log.info('x %s', password)\n", "print(f'{user.api_key}')\n"],
    "request-in-log": ["def f():\n    name = request.args['n']\n    logger.info('hello ' + name)\n"],
    "request-as-format": ["def f():\n    return request.args.get('t').format(user=user)\n"],
    "request-sets-fields": [
        "def f():\n    return User(**request.get_json())\n",
        "def f(user):\n    for k, v in request.json.items():\n        setattr(user, k, v)\n",
    ],
    "error-shown": [
        "@app.get('/a')\ndef a():\n try:\n  f()\n except Exception as e:\n  return str(e), 500\n"
    ],
    "csrf-switched-off": ["@csrf_exempt\ndef f(request): ...\n", "app.config['WTF_CSRF_ENABLED'] = False\n"],
    "cors-for-everybody": ["app.add_middleware(C, allow_origins=['*'], allow_credentials=True)\n"],
    "token-not-verified": ["import jwt\njwt.decode(t, options={'verify_signature': False})\n"],
    "object-of-anybody": [
        "@app.get('/o/<n>')\ndef o(n):\n return db().execute('SELECT * FROM orders WHERE id = ?', (n,))\n"
    ],
}
BROKEN = [
    (rule, text)
    for group in (QUALITY, PERFORMANCE, SECURITY)
    for rule, texts in group.items()
    for text in texts
]


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_a_broken_rule_is_told_once(rule: str, text: str) -> None:
    assert rules(text) == [rule]


HARMLESS = [
    "try:\n    f()\nexcept Exception:\n    log.exception('f')\n",
    "try:\n    f()\nexcept KeyError:\n    pass\n",
    "try:\n    import uvloop\nexcept Exception:\n    pass\n",
    "def empty():\n    return\n    yield\n",
    "def f():\n    while True:\n        g()\n    return None\n",
    "def f():\n    return g()\n    pass\n",
    "def f(x):\n    if x:\n        return 1\n    else:\n        return 2\n    raise AssertionError(x)\n",
    "def f():\n    while True:\n        g()\n    assert False, 'never'\n",
    "def f(x):\n    if x:\n        return 1\n    else:\n        return 2\n    assert_never(x)\n",
    "def f():\n    while True:\n        if g():\n            break\n    h()\n",
    "def f(x):\n    return f(x - 1) if x else 0\n",
    "def f(x):\n    return [f(y) for y in x]\n",
    "def f(x):\n    from other import f\n    return f(x)\n",
    "class A:\n    def f(self):\n        return self.other.f()\n",
    "async def f():\n    await g()\n    asyncio.create_task(f())\n",
    "async def f(tasks):\n    tasks.start_soon(f)\n    task = f(tasks)\n",
    "class A:\n    def close(self):\n        self.close = None\n        g()\n        self.close()\n",
    "class A:\n    def f(self):\n        setattr(self, 'f', g())\n        return self.f()\n",
    "class A:\n    def f(self):\n        del self.f\n        return self.f()\n",
    "class A:\n    def f(self):\n        self = self.copy()\n        return self.f()\n",
    "class A:\n def g(self):\n  self.f = h\n def f(self):\n  self.g()\n  return self.f()\n",
    "def g():\n    global f\n    f = h\n\ndef f():\n    g()\n    return f()\n",
    "class A:\n    @cached_property\n    def f(self):\n        self.load()\n        return self.f\n",
    "def f(f):\n    return f()\n",
    "def f(x):\n    def f(y): ...\n    return f(x)\n",
    "def f(x):\n    return x == 1.0\n",
    "import smtplib\nserver = smtplib.SMTP()\n",
    "from urllib.request import urlopen\nurlopen(url, None, 10)\n",
    "def f(db):\n    for name in ('a', 'b'):\n        db.execute('SELECT 1')\n",
    "def f(db, n):\n    for attempt in range(n):\n        db.execute('SELECT 1')\n",
    "def f(db):\n    for row in db.execute('SELECT 1'):\n        g(row)\n",
    "def f(db, all):\n    for sql in all:\n        db.execute(sql)\n",
    "def f(config, keys):\n    return [config.get(k) for k in keys]\n",
    "def f(urls):\n    session = requests.Session()\n    for u in urls:\n        session.get(u)\n",
    "async def f(self, urls):\n    for u in urls:\n        async with self.session.get(u, timeout=9): ...\n",
    "def f(urls, PARAMS):\n    for u in urls:\n        session.get(u, PARAMS)\n",
    "def f(keys):\n    return [session.get(k, None) for k in keys]\n",
    "def f(db, keys):\n    return [db.get(PREFIX, k) for k in keys]\n",
    "def f(rows):\n    n = 0\n    for row in rows:\n        n += 1\n",
    "def f(rows):\n    for row in rows:\n        out = ''\n        out += row\n",
    "def f(rows):\n    seen = set()\n    return [r for r in rows if r in seen]\n",
    "def f(rows):\n    kinds = ['a', 'b']\n    return [r for r in rows if r in kinds]\n",
    "async def f(ws, xs):\n    for x in xs:\n        await ws.send(x)\n",
    "def f(t):\n    assert t.role in ('a', 'b')\n",
    "def f(self, token):\n    return self.token == token\n",
    "def f(password, confirm):\n    return password == confirm\n",
    "def f(kind):\n    return kind == TokenKind.SECRET\n",
    "def f(self):\n    return self.hash.hexdigest() == self.expected\n",
    "def f(api_key):\n    return api_key == ''\n",
    "def f(n):\n    log.info('password changed for %s', n)\n",
    "def f():\n    log.info('asked', extra={'a': 1})\n    name = other.args['n']\n    log.info(name)\n",
    "def f():\n    return '{}'.format(request.args['a'])\n",
    "@app.get('/a')\ndef a():\n try:\n  f()\n except ValueError as e:\n  return str(e), 400\n",
    "app.add_middleware(C, allow_origins=['https://a'], allow_credentials=True)\n",
    "import jwt\njwt.decode(t, key, algorithms=['HS256'])\n",
    "@app.get('/orders/<n>')\ndef o(n):\n    return q('SELECT * FROM orders WHERE id = ?', current_user)\n",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_not_told(text: str) -> None:
    assert rules(text) == []


def test_routes_that_everybody_may_call_need_no_check() -> None:
    guarded = "".join(f"@app.get('/p{n}')\n@login_required\ndef p{n}(): ...\n" for n in range(3))
    assert rules(guarded + "@app.get('/health')\ndef health(): ...\n") == []
    assert rules(guarded + "@app.post('/hook')\ndef hook():\n    if bad():\n        abort(403)\n") == []
    assert rules(guarded + "@app.get('/x', auth=[Token(), Anybody()])\ndef x(): ...\n") == []
    several = "".join(f"@app.get('/o{n}')\ndef o{n}(): ...\n" for n in range(3))
    assert rules(guarded + several) == []  # where half of them are open, that is how it is meant
    before = "@app.before_request\ndef check(): ...\n"
    assert rules(before + guarded + "@app.post('/x')\ndef x(): ...\n") == []
    assert rules(guarded + "@app.post('/x')\ndef x(): ...\n") == ["route-without-check"]


def test_an_exception_thrown_away_with_a_reason_is_told_softly() -> None:
    for why in ("nobody is left to tell", "gi.__getattr__() raises KeyError, ValueError, whatever"):
        text = f"try:\n    f()\nexcept Exception:\n    # {why}\n    pass\n"
        (hit,) = quality(PythonCode(text), in_tests=False)
        assert hit.severity == "LOW"


@pytest.mark.parametrize(
    "said",
    ["pass  # TODO", "pass  # FIXME", "pass  #abc", "pass  # NOSONAR", "'#abc123'", "pass  # for now"],
)
def test_a_mark_is_no_reason_to_throw_an_exception_away(said: str) -> None:
    text = f"try:\n    f()\nexcept Exception:\n    {said}\n"
    (hit,) = quality(PythonCode(text), in_tests=False)
    assert hit.severity is None


def test_a_line_of_many_marks_takes_no_time(
    processor_seconds: Callable[[Callable[[], object]], float],
) -> None:
    text = f"try:\n    f()\nexcept Exception:\n    pass  {'#a' * 100_000}\n"
    hits: list[Hit] = []
    assert processor_seconds(lambda: hits.extend(quality(PythonCode(text), in_tests=False))) < 10
    assert [hit.severity for hit in hits] == [None]


@pytest.mark.parametrize("text", ["def f(:\n", "print 'a'\n", "x = " + "(" * 500 + ")" * 500, "\0"])
def test_what_is_no_python_says_so(text: str) -> None:
    with pytest.raises(Unparsable):
        PythonCode(text)
