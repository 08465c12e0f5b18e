"""Where a value does harm: each check looks at one call or one returned value, and names the broken rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from .flow import Seen
from .values import Value, called, dotted, value_of

_SQL = re.compile(
    r"(?i)\b(?:select|insert|update|delete|where|from|values|having|union|join|order\s+by|limit|call|exec|grant"
    r"|pragma|alter|create|drop|truncate|attach|copy)\b"
)
_DEFINITION = re.compile(
    r"(?i)\W*(?:alter|create|drop|truncate|vacuum|analy[sz]e|pragma|reindex|comment\s+on|lock)\b"
)
_STRUCTURE = re.compile(
    r"(?i)table|column|field|schema|prefix|order_?by|sort_?(?:by|col|dir)|placeholder|clause|cols?\b|quote|index|sql|params|suffix|where"
)
_QUOTES = re.compile(r"(?i)quote_?(?:name|ident|identifier)|identifier")

Found = tuple[str, ast.expr]  # a rule, and where it is broken
Check = Callable[[Seen, ast.Call], Iterator[Found]]

_MARKUP = re.compile(r"<\s*/?\s*[a-zA-Z!]")
_FETCHERS = re.compile(
    r"(?:requests|httpx|session|client|aiohttp|self\.session|self\.client)\.(?:get|post|put|patch|delete|head|request|stream)"
    r"|urlopen|(?:urllib\.request|request)\.(?:urlopen|urlretrieve|Request)"
)
_OPENERS = frozenset(
    "open send_file FileResponse remove unlink rmtree read_text write_text read_bytes makedirs".split()
)
_OBJECTS = re.compile(
    r"jsonpickle\.decode|(?:joblib|dill|cloudpickle)\.loads?|pandas\.read_pickle|pd\.read_pickle|shelve\.open"
)
_RUNNERS = re.compile(
    r"os\.(?:system|popen)|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)"
)
_EXECUTORS = frozenset(
    "execute executemany executescript raw exec_driver_sql fetch fetchrow fetchval fetchall".split()
)
_OLD_TLS = re.compile(
    r"(?:ssl|SSL)\.(?:PROTOCOL_)?(?:SSLv2|SSLv3|TLSv1|TLSv1_1|SSLv2_METHOD|SSLv3_METHOD|TLSv1_METHOD|TLSv1_1_METHOD)"
)


def returned_markup(seen: Seen) -> Iterator[Found]:
    """A route that answers markup with what the request says."""
    if seen.scope.route is None:
        return
    node = seen.node.elts[0] if isinstance(seen.node, ast.Tuple) and seen.node.elts else seen.node
    if isinstance(node, ast.Call) and called(node) in (
        "HTMLResponse",
        "HttpResponse",
        "Response",
        "make_response",
        "Markup",
    ):
        node = node.args[0] if node.args else node
    node = _spelled(node, seen)
    if _is_built(node) and _has_markup(node) and value_of(node, seen.names) >= Value.SEGMENT:
        yield "py-reflected-xss", node


def markup_answers(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """An HTML answer of a framework, built with what the request says; outside of known routes, too."""
    if called(call) in ("HTMLResponse", "HttpResponse") and call.args:
        node = _spelled(call.args[0], seen)
        if _is_built(node) and _has_markup(node) and value_of(node, seen.names) >= Value.SEGMENT:
            yield "py-reflected-xss", node


def redirects(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """A redirect to where the request says. An address that begins with a fixed path stays on the site."""
    if called(call) in ("redirect", "RedirectResponse", "HttpResponseRedirect", "HTTPFound", "HTTPSeeOther"):
        target = _argument(call, 0, "location", "url", "to", "redirect_to")
        if (
            target is not None
            and value_of(target, seen.names) is Value.CHOSEN
            and not _begins_fixed(target, seen)
        ):
            yield "py-open-redirect", call


def paths(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """A file whose path the request chooses."""
    name = called(call)
    if name not in _OPENERS or (
        name == "open" and dotted(call.func) not in ("open", "io.open", "os.open", "aiofiles.open")
    ):
        return
    target = _argument(call, 0, "path", "path_or_file", "filename_or_fp", "file")
    if name in ("read_text", "write_text", "read_bytes", "unlink") and isinstance(call.func, ast.Attribute):
        target = call.func.value
    if target is not None and value_of(target, seen.names) is Value.CHOSEN:
        yield "py-path-traversal", call


def fetches(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """A request to where the request says. An address with a fixed host goes there."""
    name = dotted(call.func)
    if not _FETCHERS.fullmatch(name):
        return
    target = _argument(call, 1 if name.endswith((".request", ".stream")) else 0, "url")
    if target is None or value_of(target, seen.names) < Value.SEGMENT:
        return
    beginning = _beginning(_spelled(target, seen))
    if beginning is None or not re.match(r"https?://[^/]+/", beginning):
        yield "py-ssrf", call


def templates(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """A template whose text the request writes."""
    if called(call) in ("render_template_string", "from_string", "Template"):
        text = _argument(call, 0, "source")
        if text is not None and value_of(_spelled(text, seen), seen.names) >= Value.SEGMENT:
            yield "py-template-injection", call


def commands(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """A command that the request writes, or the program that it names; bandit looks at shells only."""
    if not _RUNNERS.fullmatch(dotted(call.func)) or not call.args:
        return
    command = _spelled(call.args[0], seen)
    if isinstance(command, ast.List | ast.Tuple):
        program = command.elts[0] if command.elts else None
        shell = len(command.elts) > 2 and ast.unparse(command.elts[1]) in ("'-c'", "'-lc'")
        chosen = [program, command.elts[2] if shell else None]
        if any(one is not None and value_of(one, seen.names) >= Value.SEGMENT for one in chosen):
            yield "py-command-injection", call
    elif value_of(command, seen.names) >= Value.SEGMENT:
        yield "py-command-injection", call


def statements(seen: Seen, call: ast.Call) -> Iterator[Found]:
    """An SQL statement with values in it, whatever its first words are."""
    if called(call) not in _EXECUTORS or not isinstance(call.func, ast.Attribute) or not call.args:
        return
    statement = call.args[0]
    if isinstance(statement, ast.Call) and called(statement) in ("text", "SQL") and statement.args:
        statement = statement.args[0]
    statement = _spelled(statement, seen)
    worth = value_of(statement, seen.names)
    text = " ".join(_texts(statement))
    if not _is_built(statement) or worth is Value.FIXED or not _SQL.search(text):
        return
    if worth < Value.SEGMENT and (_DEFINITION.match(text) or _only_names(statement, seen)):
        yield "py-sql-names", statement
    else:
        yield "py-sql-injection", statement


def settings(_seen: Seen, call: ast.Call) -> Iterator[Found]:
    """Calls whose arguments alone say what is wrong."""
    name = dotted(call.func)
    given = {one.arg: one.value for one in call.keywords}
    spelled = [ast.unparse(one) for one in (*call.args, *given.values()) if isinstance(one, ast.Attribute)]
    if any(_OLD_TLS.fullmatch(one) for one in spelled):
        yield "py-weak-tls", call
    if any(one.endswith(".MODE_ECB") for one in spelled) or name.endswith("modes.ECB"):
        yield "py-ecb-mode", call
    if _OBJECTS.fullmatch(name) or (
        name in ("numpy.load", "np.load") and _is_true(given.get("allow_pickle"))
    ):
        yield "py-unsafe-objects", call
    if name.endswith("XMLParser") and (
        _is_true(given.get("resolve_entities")) or _is_false(given.get("no_network"))
    ):
        yield "py-xml-entities", call
    if name in ("jwt.decode", "jose.jwt.decode") and _takes_any_token(call, given):
        yield "py-jwt-unverified", call


CHECKS: tuple[Check, ...] = (
    markup_answers,
    redirects,
    paths,
    fetches,
    templates,
    commands,
    statements,
    settings,
)


def _takes_any_token(call: ast.Call, given: dict[str | None, ast.expr]) -> bool:
    options = given.get("options")
    if isinstance(options, ast.Dict):
        for key, value in zip(options.keys, options.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "verify_signature" and _is_false(value):
                return True
    algorithms = given.get("algorithms", call.args[2] if len(call.args) > 2 else None)
    none = algorithms is not None and any(
        isinstance(one, ast.Constant) and str(one.value).lower() == "none" for one in ast.walk(algorithms)
    )
    return none or _is_false(given.get("verify"))


def _argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    if len(call.args) > position and not any(isinstance(one, ast.Starred) for one in call.args):
        return call.args[position]
    return next((one.value for one in call.keywords if one.arg in names), None)


def _spelled(node: ast.expr, seen: Seen) -> ast.expr:
    """Answer what a name was last given, where that is known: the text that is judged."""
    return seen.built.get(node.id, node) if isinstance(node, ast.Name) else node


def _is_built(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return called(node) == "format" and isinstance(node.func, ast.Attribute)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod)
    )


def _texts(node: ast.expr) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _has_markup(node: ast.expr) -> bool:
    return any(_MARKUP.search(text) for text in _texts(node))


def _only_names(statement: ast.expr, seen: Seen) -> bool:
    """Tell whether all that varies in a statement is called as tables, columns and placeholders are."""
    parts = list(_unquoted(statement))
    varying = [
        one
        for one in parts
        if isinstance(one, ast.Name | ast.Attribute | ast.Call) and value_of(one, seen.names) > Value.FIXED
    ]
    names = [called(one) if isinstance(one, ast.Call) else dotted(one).rsplit(".", 1)[-1] for one in varying]
    quoted = any(isinstance(one, ast.Call) and _quotes(one) for one in parts)
    return (bool(names) or quoted) and all(
        _STRUCTURE.search(name) or name in ("self", "cls", "join", "format") for name in names
    )


def _unquoted(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a statement, but not into what is quoted as a name there: `quote_name(...)` may hold anything."""
    ahead = [node]
    while ahead:
        one = ahead.pop()
        yield one
        if not (isinstance(one, ast.Call) and _quotes(one)):
            ahead.extend(ast.iter_child_nodes(one))


def _quotes(call: ast.Call) -> bool:
    return _QUOTES.fullmatch(called(call)) is not None


def _beginning(node: ast.expr) -> str | None:
    """Answer the fixed text that an expression begins with, if it does."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return _beginning(node.values[0])
    if isinstance(node, ast.BinOp):
        return _beginning(node.left)
    if isinstance(node, ast.Call) and called(node) == "format" and isinstance(node.func, ast.Attribute):
        return (_beginning(node.func.value) or "").split("{")[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _begins_fixed(node: ast.expr, seen: Seen) -> bool:
    beginning = _beginning(_spelled(node, seen))
    return beginning is not None and re.match(r"/[^/\\]|https?://[^/]+/|[?#]", beginning) is not None


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
