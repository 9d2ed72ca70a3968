"""Arithmetic as people type it, worked out without running any of it as code.

An expression is parsed by Python's own parser and then walked: numbers, ``+ - * / **`` and
parentheses have a meaning here, and nothing else even reaches the parser. Numbers are decimals
of 28 digits, so that ``0.1 + 0.2`` is ``0.3``, and no result is beyond 10 to the power of 100,
so that ``9 ** 9 ** 9`` is refused as fast as it is written.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from types import MappingProxyType

LONGEST = 200
"""Characters of an expression: also a bound on how deep one can be nested."""

_MEANINGFUL = re.compile(r"[0-9eE._+\-*/() ]*")
_DIGITS = 28
_LARGEST_EXPONENT = 100

_BINARY: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Pow: operator.pow,
    }
)
_UNARY: Mapping[type[ast.unaryop], Callable[[Decimal], Decimal]] = MappingProxyType(
    {ast.UAdd: operator.pos, ast.USub: operator.neg}
)


class NotArithmetic(ValueError):
    """A text has no value; the message says why, to whoever wrote it."""


def evaluate(expression: str) -> Decimal:
    """Return the value of an arithmetic expression, to 28 digits.

    Raises NotArithmetic.
    """
    source = expression.strip()
    if len(source) > LONGEST:
        raise NotArithmetic(f"at most {LONGEST} characters, please")
    if not _MEANINGFUL.fullmatch(source):
        raise NotArithmetic("only numbers, + - * / ** and parentheses have a meaning here")
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError:
        raise NotArithmetic("this is no expression") from None
    try:
        with localcontext(Context(_DIGITS, Emin=-_LARGEST_EXPONENT, Emax=_LARGEST_EXPONENT)):
            return (+_value(tree.body, source)).normalize()
    except Overflow:
        raise NotArithmetic(f"the result is beyond 10 ** {_LARGEST_EXPONENT}") from None
    except DivisionByZero:
        raise NotArithmetic("nothing can be divided by zero") from None
    except InvalidOperation:
        raise NotArithmetic("there is no such number") from None


def _value(node: ast.expr, source: str) -> Decimal:
    match node:
        case ast.Constant(value=int() | float()):
            # As it is written: a float would have lost digits.
            return +Decimal(ast.get_source_segment(source, node) or "")
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(operand, source))
        case ast.BinOp(left=left, op=between, right=right) if type(between) in _BINARY:
            return _BINARY[type(between)](_value(left, source), _value(right, source))
        case _:
            raise NotArithmetic(f"{ast.unparse(node)!r} is not arithmetic")
