"""Changes to one call of concrete syntax: its arguments and its name, everything else as it was written."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst


def parse(code: str) -> cst.BaseExpression:
    """Parse an expression that is put into the code."""
    return cst.parse_expression(code)


def argument(call: cst.Call, name: str, position: int | None = None) -> cst.Arg | None:
    """Find an argument by its keyword, or else by its position."""
    for index, arg in enumerate(call.args):
        if arg.keyword is not None and arg.keyword.value == name:
            return arg
        if arg.keyword is None and not arg.star and index == position:
            return arg
    return None


def has_stars(call: cst.Call) -> bool:
    """Tell whether arguments come from `*` or `**`, so that nobody can say here which there are."""
    return any(arg.star for arg in call.args)


def takes_only(call: cst.Call, names: Sequence[str]) -> bool:
    """Tell whether a call gives only arguments of these names, listed in the order of their positions."""
    by_name = [arg.keyword.value for arg in call.args if arg.keyword is not None]
    return len(call.args) - len(by_name) <= len(names) and set(by_name) <= set(names)


def replaced(call: cst.Call, arg: cst.Arg, value: str) -> cst.Call:
    """Answer the call with another value for one of its arguments."""
    changed = arg.with_changes(value=parse(value))
    return call.with_changes(args=[changed if one is arg else one for one in call.args])


def removed(call: cst.Call, arg: cst.Arg) -> cst.Call:
    """Answer the call without one of its arguments."""
    args = [one for one in call.args if one is not arg]
    if args and arg is call.args[-1]:
        args[-1] = args[-1].with_changes(comma=arg.comma, whitespace_after_arg=arg.whitespace_after_arg)
    return call.with_changes(args=args)


def added(call: cst.Call, name: str, value: str) -> cst.Call:
    """Answer the call with one more keyword argument at its end, spaced like the others."""
    new = cst.Arg(
        value=parse(value),
        keyword=cst.Name(name),
        equal=cst.AssignEqual(
            whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace("")
        ),
    )
    if not call.args:
        return call.with_changes(args=[new])
    last = call.args[-1]
    if isinstance(last.comma, cst.Comma):  # one argument a line, with a comma behind the last
        between = call.args[-2].comma if len(call.args) > 1 else None
        if not isinstance(between, cst.Comma):
            space = call.whitespace_before_args
            between = cst.Comma(whitespace_after=space if not space.empty else cst.SimpleWhitespace(" "))
        args = [*call.args[:-1], last.with_changes(comma=between)]
        new = new.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
        return call.with_changes(args=[*args, new])
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if len(call.args) > 1 and isinstance(call.args[-2].comma, cst.Comma):
        comma = call.args[-2].comma
    # What stands behind the last argument (a line break before the parenthesis) goes behind the new one.
    args = [*call.args[:-1], last.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))]
    return call.with_changes(args=[*args, new.with_changes(whitespace_after_arg=last.whitespace_after_arg)])


def spelled(node: cst.BaseExpression) -> str:
    """Answer the code of an expression."""
    return cst.Module([]).code_for_node(node)


def last_name(node: cst.BaseExpression) -> str:
    """Answer the last part of a dotted name."""
    return spelled(node).rsplit(".", 1)[-1]


def literal(node: cst.BaseExpression) -> str | None:
    """Answer the text of a plain string literal, and None for anything else (formatted, bytes, names)."""
    if not isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        return None
    value = node.evaluated_value
    return value if isinstance(value, str) else None


def is_name(node: cst.BaseExpression, value: str) -> bool:
    """Tell whether an expression is just that name (True, False, None)."""
    return isinstance(node, cst.Name) and node.value == value
