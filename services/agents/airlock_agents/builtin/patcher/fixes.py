"""What can be mended without a person: one function for each rule.

A fix is here only if the changed code does what the old one did, except for what the rule complains of. It
answers the changed expression (Mended, if that needs an import), a Reason why it must not be changed, or
None: not what the rule meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import libcst as cst

from . import calls
from .reason import Reason
from .shell_command import words_of

_TIMEOUT_SECONDS = 30
_REQUEST = re.compile(r"(requests|httpx)\.(get|post|put|delete|patch|head|options|request)")
_CLIENT = re.compile(rf"{_REQUEST.pattern}|httpx\.(stream|Client|AsyncClient)")
_UNSAFE_LOADER = re.compile(
    r"yaml\.(loader\.)?(Loader|UnsafeLoader|FullLoader)|yaml\.(cyaml\.)?C(Loader|UnsafeLoader|FullLoader)"
)
# How a module teaches PyYAML's unsafe loaders what safe_load would not know.
_OWN_TAGS = re.compile(r"\badd_(multi_)?constructor\b|\badd_(implicit|path)_resolver\b|\bYAMLObject\b")
# Names of things that somebody gains by guessing.
_GUESSABLE = re.compile(
    r"(?i)token|secret|passw|\bpin\b|\botp|nonce|salt|session|voucher|coupon|captcha"
    r"|(reset|access|invit\w*|verif\w*|confirm\w*|security|auth\w*|login|promo)_?code"
    r"|(api|secret|private|auth|access|encryption)_?key"
)
_RANDOM = re.compile(
    r"random\.(random|randrange|randint|choices?|uniform|triangular|sample|shuffle|getrandbits|randbytes)"
)
_TAR = {"tarfile.open", "tarfile.TarFile", "tarfile.TarFile.open"}
_SHELL_TAKERS = {f"subprocess.{one}" for one in ("Popen", "call", "check_call", "check_output", "run")}
# What functions of defusedxml take as those of the standard library do, by position or by name. Each of the
# latter takes a parser, too: there it is refused by name (fromstring), or used as it is, with all its flaws.
_SAX = ("source", "handler", "errorHandler")
_PARSERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "xml.etree.ElementTree": {
        "fromstring": ("text",),
        "parse": ("source",),
        "iterparse": ("source", "events"),
        "XML": ("text",),
    },
    "xml.dom.minidom": {"parseString": ("string",), "parse": ("file",)},
    "xml.sax": {"parse": _SAX, "parseString": ("string", *_SAX[1:])},
}
_ELSEWHERE = Reason("its arguments come from elsewhere")


@dataclass(frozen=True, slots=True)
class Mended:
    """A changed expression, and what must be imported for it: (module, None) or (module, name)."""

    node: cst.BaseExpression
    imports: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: what its function is called in full, and the names of what it is part of."""

    names: frozenset[str]  # qualified: yaml.load, also when it was imported under another name
    given: Mapping[str, frozenset[str]]  # names among its arguments, as they are spelled, and what they are
    around: tuple[str, ...]  # the function it stands in, the variable it is assigned to
    text: str  # the whole module
    made_by: Mapping[str, set[str]]  # names of this module, and the functions whose results they are
    defusedxml: bool  # the workspace requires defusedxml

    def surely(self, *functions: str) -> bool:
        """Tell whether the function is one of these, wherever it was imported from."""
        return bool(self.names) and self.names <= set(functions)

    def sibling(self, named: cst.BaseExpression, module: str, name: str) -> Mended | Reason:
        """Answer another member of the module that `named` is a member of, spelled in the same manner."""
        if isinstance(named, cst.Attribute):
            return Mended(named.with_changes(attr=cst.Name(name)))
        imported = re.search(rf"(?m)^\s*from {re.escape(module)} import\b[^\n]*\b{name}\b", self.text)
        if imported is None and re.search(rf"\b{name}\b", self.text):
            return Reason(f"the name {name} is used for something else in this file")
        return Mended(cst.Name(name), ((module, name),))


Result = cst.BaseExpression | Mended | Reason | None
Fix = Callable[[cst.Call, Place], Result]


def yaml_load(call: cst.Call, place: Place) -> Result:
    """B506: yaml.load becomes yaml.safe_load."""
    if not place.surely("yaml.load", "yaml.load_all"):
        return None
    if calls.has_stars(call):
        return _ELSEWHERE
    if _OWN_TAGS.search(place.text):
        return Reason("the module teaches PyYAML tags of its own, which safe_load does not know")
    loader = calls.argument(call, "Loader", 1)
    if loader is not None:
        meant = place.given.get(calls.spelled(loader.value), frozenset())
        if not meant or not all(_UNSAFE_LOADER.fullmatch(name) for name in meant):
            return Reason("it uses a loader of the program's own")
        call = calls.removed(call, loader)
    name = "safe_load_all" if "yaml.load_all" in place.names else "safe_load"
    return _instead(call, place, "yaml", name)


def verify_certificates(call: cst.Call, place: Place) -> Result:
    """B501: verify=False becomes verify=True."""
    if not any(_CLIENT.fullmatch(name) for name in place.names):
        return None
    verify = calls.argument(call, "verify")
    if verify is None or not calls.is_name(verify.value, "False"):
        return None
    return calls.replaced(call, verify, "True")


def request_timeout(call: cst.Call, place: Place) -> Result:
    """B113: a request gets a timeout."""
    if not any(_REQUEST.fullmatch(name) for name in place.names):
        return None
    timeout = calls.argument(call, "timeout")
    if timeout is not None:
        bare = calls.is_name(timeout.value, "None")
        return calls.replaced(call, timeout, str(_TIMEOUT_SECONDS)) if bare else None
    if any(arg.star == "**" for arg in call.args):
        return Reason("its keyword arguments come from elsewhere")
    return calls.added(call, "timeout", str(_TIMEOUT_SECONDS))


def flask_debug(call: cst.Call, place: Place) -> Result:
    """B201: debug=True becomes debug=False."""
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "run"):
        return None
    debug = calls.argument(call, "debug")
    if debug is None or not calls.is_name(debug.value, "True"):
        return None
    return calls.replaced(call, debug, "False")


def named_temporary_file(call: cst.Call, place: Place) -> Result:
    """B306: the name of a file that was made, in place of a name that was free."""
    if not place.surely("tempfile.mktemp"):
        return None
    if calls.has_stars(call):
        return _ELSEWHERE
    named = [
        arg if arg.keyword is not None else arg.with_changes(keyword=cst.Name(name), equal=_tight())
        for arg, name in zip(call.args, ("suffix", "prefix", "dir"), strict=False)
    ]
    made = _instead(call.with_changes(args=named), place, "tempfile", "NamedTemporaryFile")
    if isinstance(made, Reason):
        return made
    file = calls.added(cst.ensure_type(made.node, cst.Call), "delete", "False")
    return Mended(cst.Attribute(file, cst.Name("name")), made.imports)


def plain_command(call: cst.Call, place: Place) -> Result:
    """B602: a literal command without anything for a shell runs without one."""
    if not place.surely(*_SHELL_TAKERS):
        return None
    shell = calls.argument(call, "shell")
    if shell is None or not calls.is_name(shell.value, "True"):
        return None
    if calls.argument(call, "executable") is not None or any(one.star for one in call.args):
        return Reason("what it runs is said elsewhere too; a person must say which")
    command = calls.argument(call, "args", 0)
    text = calls.literal(command.value) if command is not None else None
    if command is None or text is None:
        return Reason("its command is put together when it runs; a person must say what may be in it")
    words = words_of(text)
    if words is None:
        return Reason("its command uses the shell")
    call = calls.replaced(call, command, "[" + ", ".join(f'"{word}"' for word in words) + "]")
    shell = calls.argument(call, "shell")
    return calls.removed(call, shell) if shell is not None else None


def system_random(call: cst.Call, place: Place) -> Result:
    """B311: what must not be guessed comes from the system's generator."""
    if not place.names or not all(name.startswith("random.") for name in place.names):
        return None
    if not any(_RANDOM.fullmatch(name) for name in place.names):
        return Reason("it makes a generator of its own, which may have to repeat itself")
    if not any(_GUESSABLE.search(name) for name in place.around):
        return Reason("nothing here says that it must not be guessed")
    if re.search(r"\b(random\.)?seed\(", place.text):
        return Reason("the module seeds its generator, so it wants to repeat itself")
    if isinstance(call.func, cst.Attribute):
        strong: Mended | Reason = place.sibling(
            cst.Attribute(call.func.value, cst.Name("x")), "random", "SystemRandom"
        )
        method = call.func.attr
    else:
        strong = place.sibling(call.func, "random", "SystemRandom")
        method = cst.Name(next(name for name in sorted(place.names)).rpartition(".")[2])
    if isinstance(strong, Reason):
        return strong
    return Mended(call.with_changes(func=cst.Attribute(cst.Call(func=strong.node), method)), strong.imports)


def extract_filter(call: cst.Call, place: Place) -> Result:
    """B202: extractall takes only what stays inside its folder."""
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "extractall"):
        return None
    makers = place.made_by.get(calls.spelled(call.func.value), set())
    if not makers or makers - _TAR:
        return Reason("nothing here says that it is a tar archive and no other kind")
    if calls.has_stars(call) or calls.argument(call, "members", 1) is not None:
        return Reason("its members are chosen elsewhere")
    if calls.argument(call, "filter") is not None:
        return Reason("it has a filter of its own")
    return calls.added(call, "filter", '"data"')


def verified_context(call: cst.Call, place: Place) -> Result:
    """B323: a TLS context that verifies."""
    if not place.surely("ssl._create_unverified_context"):
        return None
    if call.args:
        return Reason("it passes arguments of its own")
    return _instead(call, place, "ssl", "create_default_context")


def reject_unknown_hosts(call: cst.Call, place: Place) -> Result:
    """B507: a host whose key is not known is refused."""
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "set_missing_host_key_policy"):
        return None
    policy = call.args[0] if len(call.args) == 1 else None
    value = policy.value if policy is not None else None
    name = value.func if isinstance(value, cst.Call) else value
    if policy is None or value is None or not isinstance(name, cst.Attribute | cst.Name):
        return Reason("the policy is chosen elsewhere")
    if calls.last_name(name) not in ("AutoAddPolicy", "WarningPolicy"):
        return Reason("it is a policy of the program's own")
    strict = place.sibling(name, "paramiko", "RejectPolicy")
    if isinstance(strict, Reason):
        return strict
    changed = value.with_changes(func=strict.node) if isinstance(value, cst.Call) else strict.node
    return Mended(call.with_changes(args=[policy.with_changes(value=changed)]), strict.imports)


def select_autoescape(call: cst.Call, place: Place) -> Result:
    """B701: pages in HTML and XML are escaped."""
    if not place.surely("jinja2.Environment"):
        return None
    if "from_string(" in place.text:
        return Reason("it makes templates from strings; a person must say which of them are HTML")
    chooser = place.sibling(call.func, "jinja2", "select_autoescape")
    if isinstance(chooser, Reason):
        return chooser
    value = calls.spelled(chooser.node) + "()"
    escape = calls.argument(call, "autoescape")
    if escape is not None:
        if not calls.is_name(escape.value, "False"):
            return Reason("autoescape is decided elsewhere")
        return Mended(calls.replaced(call, escape, value), chooser.imports)
    if calls.has_stars(call):
        return _ELSEWHERE
    return Mended(calls.added(call, "autoescape", value), chooser.imports)


def defused_parser(call: cst.Call, place: Place) -> Result:
    """B313 to B319: the same function of defusedxml, where the program has that package already."""
    for module, functions in _PARSERS.items():
        of_module = {f"{module}.{one}": one for one in functions}
        if not place.names & of_module.keys() or not place.surely(*of_module, *_old_names(of_module)):
            continue
        found = of_module[min(place.names & of_module.keys())]
        if not place.defusedxml:
            return Reason("it needs the package defusedxml, which the program does not require yet")
        if calls.has_stars(call):
            return _ELSEWHERE
        if not calls.takes_only(call, functions[found]):
            return Reason("it is given more than defusedxml takes safely, a parser for example")
        home = "defusedxml" + module.removeprefix("xml").replace(".etree", "").replace(".dom", "")
        return Mended(call.with_changes(func=calls.parse(f"{home}.{found}")), ((home, None),))
    return None


def _old_names(functions: Iterable[str]) -> set[str]:
    """Answer how Python 2 called them; programs try those first."""
    return {one.replace(".ElementTree", ".cElementTree") for one in functions}


def _instead(call: cst.Call, place: Place, module: str, name: str) -> Mended | Reason:
    other = place.sibling(call.func, module, name)
    if isinstance(other, Reason):
        return other
    return Mended(call.with_changes(func=other.node), other.imports)


def _tight() -> cst.AssignEqual:
    nothing = cst.SimpleWhitespace("")
    return cst.AssignEqual(whitespace_before=nothing, whitespace_after=nothing)
