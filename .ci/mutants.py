"""The small errors that tests must catch: each mutant is a module with one expression or statement changed.

Kinds are those that people make in a cost model: a term dropped, a sign, an operand or an axis swapped, an edge off by
one, a condition turned round, a key without a field, a statement forgotten. Messages, annotations, decorators and
docstrings stay as they are.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SIGNS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
ANY_ORDER = ("min", "max", "isinstance", "zip", "isclose", "_equal", "gcd")  # of arguments
DROPPED_LEFT = (ast.Mult, ast.Add)
DROPPED_RIGHT = (ast.Mult, ast.Add, ast.Sub, ast.FloorDiv, ast.Div, ast.Mod, ast.RShift, ast.LShift)
NAMES = {
    **{"INPUTS": "WEIGHTS", "WEIGHTS": "OUTPUTS", "OUTPUTS": "INPUTS"},
    **{"P": "Q", "Q": "P", "R": "S", "S": "R", "K": "C", "C": "K", "HEIGHT": "WIDTH", "WIDTH": "HEIGHT"},
    **{"min": "max", "max": "min", "any": "all", "all": "any", "rows": "columns", "columns": "rows"},
    **{"read": "written", "written": "read", "reads": "writes", "writes": "reads", "height": "width"},
}
ANNOTATIONS = frozenset({"annotation", "returns", "decorator_list", "type_params"})


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what stood there and what stands there now."""

    path: Path
    place: str  # the function or class
    before: str
    after: str
    again: int  # among changes of the same words in the same place
    position: int  # among all changes of the module

    @property
    def name(self) -> str:
        """Name the change by its words, so that it keeps its name when lines move."""
        return f"{self.place}: {self.before} -> {self.after}" + (f" ({self.again + 1})" if self.again else "")

    def tree(self) -> ast.Module:
        """Return the module with the change."""
        tree = parsed(self.path)
        for position, (_, parent, field, index, _, changed) in enumerate(changed_sites(tree)):
            if position == self.position:
                put(parent, field, index, changed)
                return ast.fix_missing_locations(tree)
        raise LookupError(self.name)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for position, (place, _, _, _, node, changed) in enumerate(changed_sites(parsed(path))):
        words = place, shown(node), shown(changed)
        yield Mutant(path, *words, seen[words], position)
        seen[words] += 1


def parsed(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def changed_sites(tree: ast.Module) -> Iterator[tuple[str, ast.AST, str, int | None, ast.AST, ast.AST]]:
    """Yield all changes of a module: the place, where the node hangs, the node, and what stands for it then."""
    for *where, node in list(sites(tree, "")):
        for changed in changes(node):
            yield *where, node, changed


def shown(node: ast.AST) -> str:
    """Return the words of a change in one line."""
    return " ".join(ast.unparse(node).split())[:120]


def put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    """Set a child of a node."""
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def sites(node: ast.AST, place: str) -> Iterator[tuple[str, ast.AST, str, int | None, ast.AST]]:
    """Yield every node that runs and makes figures, with its place and where it hangs."""
    for field, value in ast.iter_fields(node):
        if field in ANNOTATIONS:
            continue
        children = value if isinstance(value, list) else [value]
        for i, child in enumerate(children):
            if not isinstance(child, ast.AST) or is_left_alone(child):
                continue
            inner = place
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{place}.{child.name}".strip(".")
            yield inner or "module", node, field, i if isinstance(value, list) else None, child
            yield from sites(child, inner)


def is_left_alone(node: ast.AST) -> bool:
    """Tell what is not figures: messages, docstrings, imports, what a type checker reads."""
    if isinstance(node, ast.keyword) and node.arg == "strict":  # of zip: a guard
        return True
    if isinstance(node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Slice):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in ("dict", "list")


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place by mistake."""
    if isinstance(node, ast.stmt):
        if may_be_forgotten(node):
            yield ast.Pass()
    elif isinstance(node, ast.Name | ast.Attribute | ast.Constant):
        yield from changed_leaves(node)
    else:
        yield from changed_expressions(node)


def may_be_forgotten(node: ast.stmt) -> bool:
    """Tell whether a module without the statement still runs."""
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    if isinstance(node, ast.If):
        return not node.orelse
    return isinstance(node, ast.AugAssign | ast.Continue | ast.Break | ast.Expr)


def changed_leaves(node: ast.Name | ast.Attribute | ast.Constant) -> Iterator[ast.AST]:
    """Yield another number, the other flag, another operand, axis or direction."""
    match node:
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
        case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
            yield ast.Name(NAMES[name], ast.Load())
        case ast.Attribute(attr=name, ctx=ast.Load()) if name in NAMES:
            yield ast.Attribute(node.value, NAMES[name], ast.Load())


def changed_expressions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield an expression turned round or short of a part."""
    match node:
        case ast.BinOp():
            yield from changed_sums(node)
        case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
            yield ast.Compare(node.left, [COMPARISONS[type(operator)]()], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            if len(node.values) == 2:
                yield from node.values
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Call() if order_matters(node):
            yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)


def order_matters(call: ast.Call) -> bool:
    """Tell whether a call has two arguments that may be taken for each other."""
    if len(call.args) < 2 or ast.dump(call.args[0]) == ast.dump(call.args[1]):
        return False
    return not (isinstance(call.func, ast.Name) and call.func.id in ANY_ORDER)


def changed_sums(node: ast.BinOp) -> Iterator[ast.AST]:
    """Yield a sum, a product or a quotient with another sign or without one of its parts."""
    if type(node.op) in SIGNS:
        yield ast.BinOp(node.left, SIGNS[type(node.op)](), node.right)
    if isinstance(node.op, DROPPED_RIGHT):
        yield node.left
    if isinstance(node.op, DROPPED_LEFT):
        yield node.right
