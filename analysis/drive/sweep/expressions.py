"""Arithmetic over the columns of a sweep: what a plan derives, and what it demands, without `eval`.

An expression is parsed as Python's grammar has it, and only numbers, names of columns, `+ - * / **`, signs, brackets
and a few functions are let through.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from analysis.drive.sweep.figures import COLUMNS
from simulator.errors import nearest
from simulator.source import Rejected
from simulator.source.units import BANDWIDTH, FREQUENCY, SIZE, TIME

MOST_LETTERS = 300
COLUMNS_ARE = "a column of points.csv or its short name, batch, edp, fps, a path of an axis, or a derived column"

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
UNITS: dict[str, tuple[str, float]] = {
    **{unit: ("bytes", float(factor)) for unit, factor in SIZE.items()},
    **{unit: ("bytes a second", float(factor)) for unit, factor in BANDWIDTH.items()},
    **{unit: ("frequency", float(factor)) for unit, factor in FREQUENCY.items()},
    **{unit: ("time", factor / 1e12) for unit, factor in TIME.items()},
    **{unit: ("energy", factor) for unit, factor in (("pJ", 1.0), ("nJ", 1e3), ("uJ", 1e6), ("mJ", 1e9), ("J", 1e12))},
    **{unit: ("power", factor) for unit, factor in (("mW", 1e-3), ("W", 1.0))},
    **{unit: ("a count", factor) for unit, factor in (("K", 1e3), ("M", 1e6), ("G", 1e9))},
    "mm2": ("area", 1.0),
    "%": ("percent", 1.0),
}
"""Unit -> what it measures, and how many of the column's own unit it is."""
_DIMENSIONS = {"_mm2": "area", "_s": "time", "_pj": "energy", "_bytes": "bytes", "_percent": "percent"}
_QUANTITY = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z%][\w/]*|%)\s*")
_CONSTRAINT = re.compile(r"([^<>=]+)(<=|>=|<|>)([^<>=]+)")


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, and the columns that it reads."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    def value(self, columns: Mapping[str, float]) -> float | None:
        """Work it out; None where a column is not known, or there is no such number."""
        if any(name not in columns for name in self.names):
            return None
        try:
            found = _value(self.tree, columns)
        except (ArithmeticError, ValueError):
            return None
        return found if isinstance(found, float) and math.isfinite(found) else None


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a point must meet: `left` compared with `right`."""

    text: str
    left: Expression
    comparison: str
    right: Expression

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that both sides read."""
        return self.left.names + self.right.names

    def holds(self, columns: Mapping[str, float]) -> bool:
        """Tell whether it is met; what is not known does not meet it."""
        left, right = self.left.value(columns), self.right.value(columns)
        return left is not None and right is not None and COMPARISONS[self.comparison](left, right)

    def excess(self, columns: Mapping[str, float]) -> float:
        """Return by which part of the bound it is missed, 0 or less if it is met; infinite where it is not known."""
        left, right = self.left.value(columns), self.right.value(columns)
        if left is None or right is None:
            return math.inf
        over = (left - right) / (abs(right) or 1.0)
        return over if self.comparison.startswith("<") else -over


def read_expression(text: str, known: Collection[str], aliases: Mapping[str, str]) -> Expression:
    """Parse an expression over columns of those names; raise Rejected for anything else.

    >>> read_expression("1 / (latency * area_mm2)", ["latency_s", "area_mm2"], {"latency": "latency_s"}).names
    ('latency_s', 'area_mm2')
    """
    if len(text) > MOST_LETTERS:
        raise Rejected("too long an expression", f"at most {MOST_LETTERS} letters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Rejected("not an expression", "arithmetic over columns, such as `macs / cycles`") from error
    names = tuple(dict.fromkeys(_names(tree, aliases)))
    for name in names:
        if name not in known:
            raise Rejected(f"unknown column {name}", COLUMNS_ARE, nearest(name, [*known, *aliases]))
    return Expression(text.strip(), _resolved(tree, aliases), names)


def read_constraint(text: str, known: Collection[str], aliases: Mapping[str, str]) -> Constraint:
    """Parse a constraint: two expressions compared, the right one a quantity with its unit, if it is one.

    >>> found = read_constraint("params <= 1.3 M", ["params"], {})
    >>> found.holds({"params": 1.25e6}), found.holds({"params": 1.35e6}), found.holds({})
    (True, False, False)
    """
    found = _CONSTRAINT.fullmatch(text.strip())
    if not found:
        raise Rejected("not a constraint", "a comparison by <=, >=, < or >, such as `area <= 4 mm2`")
    left = read_expression(found[1], known, aliases)
    quantity = _QUANTITY.fullmatch(found[3])
    right = read_expression(
        repr(_in_unit_of(left, float(quantity[1]), quantity[2])) if quantity else found[3], known, aliases
    )
    return Constraint(text.strip(), left, found[2], right)


def number_of(value: object) -> float | None:
    """Return a value of an axis as a number, quantities in their base unit; None for what is none.

    >>> number_of(8), number_of("4 GB/s"), number_of("best")
    (8.0, 4000000000.0, None)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    quantity = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    return float(quantity[1]) * UNITS[quantity[2]][1] if quantity and quantity[2] in UNITS else None


def dimension_of(column: str) -> str:
    """Name what a column measures, by the unit at the end of its name; of one that a plan derives nobody knows."""
    if column not in COLUMNS:
        return ""
    if column.endswith("watts"):
        return "power"
    return next((kind for ending, kind in _DIMENSIONS.items() if column.endswith(ending)), "a count")


def _in_unit_of(left: Expression, number: float, unit: str) -> float:
    """Return a quantity in the unit of the column that it bounds; any unit goes with an expression of several."""
    if unit not in UNITS:
        raise Rejected(f"unknown unit {unit}", f"one of {', '.join(UNITS)}", nearest(unit, UNITS))
    dimension, factor = UNITS[unit]
    own = dimension_of(left.tree.id) if isinstance(left.tree, ast.Name) else ""
    if own not in ("", dimension):
        raise Rejected(f"{', '.join(left.names)} is {own}, {unit} is {dimension}", "a unit that fits")
    return number * factor


def _dotted(node: ast.expr) -> str | None:
    """Return a column's name, dots and all: paths of axes are columns."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else None
    return None


def _names(node: ast.expr, aliases: Mapping[str, str]) -> Iterator[str]:
    """Yield the columns that a tree reads; refuse what is no arithmetic."""
    name = _dotted(node)
    if name is not None:
        yield aliases.get(name, name)
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        yield from _names(node.left, aliases)
        yield from _names(node.right, aliases)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        yield from _names(node.operand, aliases)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        yield from _names_of_call(node.func.id, node.args, aliases)
    elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        expected = f"numbers, columns, + - * / **, and {', '.join(FUNCTIONS)}"
        raise Rejected("not arithmetic", expected)


def _names_of_call(function: str, arguments: list[ast.expr], aliases: Mapping[str, str]) -> Iterator[str]:
    few = 2 if function in ("max", "min") else 1
    if function not in FUNCTIONS or len(arguments) < few or (few == 1 and len(arguments) > 1):
        expected = f"one of {', '.join(FUNCTIONS)}, min and max of at least two, the others of one"
        raise Rejected(f"no such function: {function}", expected, nearest(function, FUNCTIONS))
    for argument in arguments:
        yield from _names(argument, aliases)


def _resolved(node: ast.expr, aliases: Mapping[str, str]) -> ast.expr:
    """Return a tree of full names, paths with dots among them."""
    name = _dotted(node)
    if name is not None:
        return ast.Name(aliases.get(name, name))
    if isinstance(node, ast.BinOp):
        return ast.BinOp(_resolved(node.left, aliases), node.op, _resolved(node.right, aliases))
    if isinstance(node, ast.UnaryOp):
        return ast.UnaryOp(node.op, _resolved(node.operand, aliases))
    if isinstance(node, ast.Call):
        return ast.Call(node.func, [_resolved(argument, aliases) for argument in node.args], [])
    return node


def _value(node: ast.expr, columns: Mapping[str, float]) -> float:
    if isinstance(node, ast.Name):
        return float(columns[node.id])
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, columns), _value(node.right, columns))
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand, columns))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return FUNCTIONS[node.func.id](*(_value(argument, columns) for argument in node.args))
    assert isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return float(node.value)
