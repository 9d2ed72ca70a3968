"""Works out arithmetic: numbers, operators, comparisons and a few functions; nothing else.

The rule this file guards: an expression is data. It is read as a tree, each kind of node in it is
one that is known, and no number in it grows beyond what is worked out at once.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from xml_pipeline.tools.base import ToolFailed

MOST_BITS = 8192
_DEEPEST = 100

CONSTANTS: Mapping[str, float] = MappingProxyType(
    {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf}
)
FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **{each.__name__: each for each in (abs, round, min, max)},
        **{
            each.__name__: each
            for each in (
                *(math.sqrt, math.exp, math.log, math.log2, math.log10, math.sin, math.cos),
                *(math.tan, math.asin, math.acos, math.atan, math.floor, math.ceil, math.hypot),
            )
        },
    }
)
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.USub: lambda _, value: -value,
        ast.UAdd: lambda _, value: +value,
    }
)


def evaluate(expression: str) -> int | float | bool:
    """Return the value of an expression; ToolFailed where it has none."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
        value: int | float | bool = _bounded(_value(tree.body, _DEEPEST))
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolFailed("this is no expression") from None
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ToolFailed(f"this has no value: {error}") from None
    return value


def _value(node: ast.expr, depth: int) -> Any:
    if depth == 0:
        raise ToolFailed("this expression is nested too deeply")
    match node:
        case ast.Constant(value=int() | float() as value):
            return _bounded(value)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](None, _value(operand, depth - 1))
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(_applied(op, _value(left, depth - 1), _value(right, depth - 1)))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compared(ops, [_value(each, depth - 1) for each in (left, *others)])
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(each, depth - 1) for each in args)))
    raise ToolFailed(f"this is no arithmetic: {ast.unparse(node)[:50]}")


def _applied(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow):
        is_whole = isinstance(left, int) and isinstance(right, int)
        if is_whole and abs(left) > 1 and right * abs(left).bit_length() > 2 * MOST_BITS:
            raise ToolFailed("this number is too large")
        return left**right
    if type(op) not in _OPERATORS:
        raise ToolFailed("this operator is not known: + - * / // % ** are")
    return _OPERATORS[type(op)](left, right)


def _compared(ops: list[ast.cmpop], values: list[Any]) -> bool:
    if any(type(each) not in _OPERATORS for each in ops):
        raise ToolFailed("this comparison is not known: == != < <= > >= are")
    pairs = zip(ops, values, values[1:], strict=False)
    return all(_OPERATORS[type(op)](left, right) for op, left, right in pairs)


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ToolFailed("this number is too large")
    if not isinstance(value, int | float):
        raise ToolFailed("this has no value that is a real number")
    return value
