"""The edits to one Python file: its findings' calls are mended, every other byte stays."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor
from libcst.metadata import (
    MetadataWrapper,
    PositionProvider,
    QualifiedNameProvider,
    QualifiedNameSource,
)

from .calls import spelled
from .fixes import Mended, Place
from .reason import Reason
from .rules import FIXES, why_not


@dataclass(frozen=True, slots=True)
class Wanted:
    """A finding that somebody would like to have mended."""

    id: str
    rule: str
    line: int
    tool: str = "bandit"


@dataclass(slots=True)
class Edited:
    """What became of a file and of its findings."""

    source: bytes
    fixed: list[str] = field(default_factory=list)  # ids
    unfixed: list[tuple[str, str]] = field(default_factory=list)  # id and reason
    rules: set[str] = field(default_factory=set)  # that mended something


def mend(source: bytes, wanted: Sequence[Wanted], *, defusedxml: bool = False) -> Edited:
    """Mend what can be mended in a file; the answer's source is the given one when nothing could."""
    edited = Edited(source)
    todo = []
    for one in wanted:
        if one.rule in FIXES:
            todo.append(one)
        else:
            edited.unfixed.append((one.id, why_not(one.rule, one.tool)))
    if not todo:
        return edited
    try:
        module = cst.parse_module(source)
    except (cst.ParserSyntaxError, UnicodeDecodeError, LookupError):
        edited.unfixed += [(one.id, "the file is not valid Python 3") for one in todo]
        return edited
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    makers = _Makers()
    wrapper.visit(makers)
    mender = _Mender(todo, text=module.code, made_by=makers.found, defusedxml=defusedxml)
    changed = wrapper.visit(mender)
    context = CodemodContext()
    for home, name in sorted(mender.imports, key=str):
        AddImportsVisitor.add_needed_import(context, home, name)
    if mender.imports:
        changed = AddImportsVisitor(context).transform_module(changed)
    result = changed.bytes
    try:
        ast.parse(result)
    except SyntaxError:
        edited.unfixed += [(one.id, "the mended file would not be valid Python") for one in todo]
        return edited
    for one in todo:
        if one.id in mender.fixed:
            edited.fixed.append(one.id)
            edited.rules.add(one.rule)
        else:
            reason = mender.reasons.get(one.id, "the line has no call that this rule means")
            edited.unfixed.append((one.id, reason))
    if edited.fixed:
        edited.source = result
    return edited


class _Makers(cst.CSTVisitor):
    """Collects which functions' results a name is bound to; "?" stands for anything else."""

    METADATA_DEPENDENCIES = (QualifiedNameProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, set[str]] = {}

    def visit_WithItem(self, node: cst.WithItem) -> None:
        if node.asname is not None:
            self._bind(node.asname.name, node.item)

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._bind(target.target, node.value)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind(node.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, node.value)

    def visit_For(self, node: cst.For) -> None:
        self._bind(node.target, node.iter, known=False)

    def visit_Param(self, node: cst.Param) -> None:
        self._bind(node.name, node.name, known=False)

    def _bind(self, target: cst.BaseExpression, value: cst.BaseExpression, *, known: bool = True) -> None:
        makers = {"?"}
        if known and isinstance(value, cst.Call):
            makers = qualified_names(self, value.func) or {"?"}
        self.found.setdefault(spelled(target), set()).update(makers)


class _Mender(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider, QualifiedNameProvider)

    def __init__(
        self, wanted: Sequence[Wanted], *, text: str, made_by: Mapping[str, set[str]], defusedxml: bool
    ) -> None:
        super().__init__()
        self._wanted = wanted
        self._text = text
        self._made_by = made_by
        self._defusedxml = defusedxml
        self._around: list[str] = []
        self.fixed: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.imports: set[tuple[str, str | None]] = set()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._around.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._around.pop()
        return updated_node

    def visit_Assign(self, node: cst.Assign) -> None:
        self._around.append(" ".join(spelled(target.target) for target in node.targets))

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.Assign:
        self._around.pop()
        return updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        where = self.get_metadata(PositionProvider, original_node)
        here = [one for one in self._wanted if where.start.line <= one.line <= where.end.line]
        if not here:
            return updated_node
        place = Place(
            names=frozenset(qualified_names(self, original_node.func)),
            given={
                spelled(arg.value): frozenset(qualified_names(self, arg.value))
                for arg in original_node.args
                if isinstance(arg.value, cst.Name | cst.Attribute)
            },
            around=tuple(self._around),
            text=self._text,
            made_by=self._made_by,
            defusedxml=self._defusedxml,
        )
        result: cst.BaseExpression = updated_node
        for rule in sorted({one.rule for one in here}):
            # A rule can turn the call into something else (an attribute of it): nothing is left to mend then.
            if isinstance(result, cst.Call):
                result = self._apply(rule, result, place, [one.id for one in here if one.rule == rule])
        return result

    def _apply(self, rule: str, call: cst.Call, place: Place, ids: list[str]) -> cst.BaseExpression:
        answer = FIXES[rule](call, place)
        if isinstance(answer, Reason):
            self.reasons.update(dict.fromkeys(ids, answer.text))
            return call
        if answer is None:
            return call
        self.fixed.update(ids)
        if not isinstance(answer, Mended):
            return answer
        self.imports.update(answer.imports)
        return answer.node


def qualified_names(visitor: cst.MetadataDependent, node: cst.CSTNode) -> set[str]:
    """Answer what an imported name may mean in full: `yaml.load`, also when it was imported as another one.

    What the module itself binds means none of them, even where it is spelled like one.
    """
    found = visitor.get_metadata(QualifiedNameProvider, node, set())
    names = found() if callable(found) else found
    return {one.name for one in names if one.source is QualifiedNameSource.IMPORT}
