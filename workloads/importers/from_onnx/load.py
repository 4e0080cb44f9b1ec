"""Import ONNX models, of any opset and exporter, with or without their weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import located, shorten
from workloads.importers.from_onnx.context import (
    Context,
    Cut,
    DependsOnDataError,
    Value,
    is_scalar,
    open_name,
    place_of,
)
from workloads.importers.from_onnx.flow import FLOW
from workloads.importers.from_onnx.folding import UnknownError, fold
from workloads.importers.from_onnx.guesses import guessed
from workloads.importers.from_onnx.model import Const, Dims, Model, Node
from workloads.importers.from_onnx.ops import DATA, REFUSED, STANDARD, Handler, handler_of
from workloads.importers.from_onnx.own_metadata import detail, named, told_by
from workloads.importers.from_onnx.patterns import with_functions
from workloads.importers.from_onnx.read import inferred_shapes, read_bytes, read_file
from workloads.importers.stages import give_stages
from workloads.importers.views import View, fan, layout_of, shape_in

DEEPEST_RANK = 16
MOST_NAMED = 5  # ops in a warning
MOST_PROBLEMS = 20  # that are told of one file


def import_onnx(path: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Import a file.

    Weights need not be there, only their extents. `sizes` gives extents that the file leaves open by their names; an
    open batch is 1. An op that is not known raises InputError; with `skip_unknown` its traffic is counted and a
    warning among the network's facts names it.
    """
    with located(str(path)):
        return network_of(read_file(path), path.stem, skip_unknown, sizes or {})


def import_onnx_bytes(content: bytes, name: str, skip_unknown: bool = False) -> Network:
    """Import a model from memory, as `import_onnx` does a file."""
    with located(name):
        return network_of(read_bytes(memoryview(content), name), name, skip_unknown, {})


def network_of(model: Model, name: str, skip_unknown: bool, sizes: Mapping[str, int]) -> Network:
    """Turn a model into a network."""
    _check_sizes(model, sizes)
    told = told_by(model.metadata)
    c = Context(model, with_functions(model), Assembly(name), sizes, own=bool(told))
    c.g.warnings.extend(model.warnings)
    run(c, c.nodes, skip_unknown)
    problems = (*c.unknown, *c.failed)
    if problems:
        raise InputError(*problems)
    _told_cuts(c)
    outputs = [tensor for name in dict.fromkeys((*model.outputs, *c.ends)) if (tensor := c.settled(name))]
    if not told:
        give_stages(c.g)
    detail(c.g, told)
    return named(c.g.network(tuple(outputs)), told)


def run(c: Context, nodes: Sequence[Node], skip_unknown: bool) -> None:
    """Add the layers of nodes, in order; what is wrong with one does not hide what is wrong with others."""
    for node in nodes:
        try:
            results = _results(c, node, skip_unknown)
        except InputError as error:
            results = _failed(c, node, error)
        for output, value in zip(node.outputs, results, strict=False):
            if output:
                c.values[output] = value


def _failed(c: Context, node: Node, error: InputError) -> Sequence[Value]:
    """Note what is wrong with a node, unless an op before it that nobody knows may be why; pass over its readers."""
    if not c.reads_assumed(node):
        c.failed += [problem for problem in error.problems if problem not in c.failed]
    if len(c.failed) >= MOST_PROBLEMS:
        raise InputError(*c.unknown, *c.failed)
    return [Cut("")] * len(node.outputs)


def _check_sizes(model: Model, sizes: Mapping[str, int]) -> None:
    """Raise InputError for a size of something that the model does not leave open, and for each that nobody gives.

    An axis without a name goes by that of its input and its number: `x.1`. Of an input the first is the batch, which is
    1 unless it is given.
    """
    opened = [
        (name, at, extent)
        for name, extents in model.inputs.items()
        for at, extent in enumerate(extents)
        if not isinstance(extent, int)
    ]
    names = dict.fromkeys(extent or open_name(name, at) for name, at, extent in opened)
    places = {place_of(*each) for each in opened} | {name for name in model.inputs if is_scalar(model, name)}
    missing = _missing(model, opened, sizes)
    remedy = ",".join(f"{each}=SIZE" for each in dict.fromkeys(e or open_name(n, at) for n, at, e in missing))
    problems = [
        Problem(
            "the file leaves open no size of this name",
            expected=f"one of {', '.join(sorted({*names, *places}))}"
            if names or places
            else "none: all sizes are fixed",
            got=name,
            suggestion=nearest(name, {*names, *places}),
        )
        for name in sizes
        if name not in names and name not in places
    ]
    problems += [
        Problem(
            f"axis {place_of(name, at, extent).rpartition('.')[2]} of the input has no size",
            path=shorten(name),
            expected=f"an exporter told its size, or FILE:{remedy}",
        )
        for name, at, extent in missing
    ]
    if problems:
        raise InputError(*problems)


Open = tuple[str, int, str | None]  # an input, an axis of it, and how the file calls its size


def _missing(model: Model, opened: Sequence[Open], sizes: Mapping[str, int]) -> list[Open]:
    """Return the open sizes that must be given: those of inputs that are read which are no first axis.

    One name of several axes is told once.
    """
    read = {name for node in model.nodes for name in node.inputs}
    first = {extents[0] for name, extents in model.inputs.items() if extents and extents[0]}
    wanted = {
        extent or open_name(name, at): (name, at, extent)
        for name, at, extent in reversed(opened)
        if name in read and at and extent not in first and not {extent, place_of(name, at, extent)} & sizes.keys()
    }
    return [each for each in opened if each in wanted.values()]


def _results(c: Context, node: Node, skip_unknown: bool) -> Sequence[Value]:
    """Return what a node makes: constants of constants, else whatever its op's layers give."""
    inputs = [c.value(node, at) if _is_const(c, name) else None for at, name in enumerate(node.inputs)]
    consts = [value for value in inputs if isinstance(value, Const)]
    if node.inputs and len(consts) == sum(map(bool, node.inputs)) and not node.branches():
        try:
            return fold(node, [value if isinstance(value, Const) else None for value in inputs])
        except UnknownError:
            return _unfolded(c, node)
    if any(isinstance(c.values.get(name), Cut) for name in node.inputs):
        return _cut(c, node, "")
    before, assumed = c.g.size, c.reads_assumed(node)
    try:
        results = _of_layers(c, node, skip_unknown)
        if assumed:
            c.g.assume_since(before)
        return results
    except DependsOnDataError as depends:
        return _skipped(c, node, str(depends)) if skip_unknown else _cut(c, node, str(depends))
    except InputError:
        if skip_unknown and assumed:
            return _skipped(c, node, "does not fit the shapes that are assumed before it")
        raise


def _of_layers(c: Context, node: Node, skip_unknown: bool) -> Sequence[Value]:
    """Return what the layers of a node make."""
    if node.op in FLOW and not node.domain:
        return FLOW[node.op](c, node, lambda nodes: run(c, nodes, skip_unknown))
    handler = handler_of(node)
    if handler:
        results = _made(c, node, handler)
        too_deep = next((v for v in results if isinstance(v, View) and len(v.axes) > DEEPEST_RANK), None)
        if too_deep:
            raise c.wrong(node, "too many axes", f"at most {DEEPEST_RANK}", str(len(too_deep.axes)))
        return results
    return _unknown(c, node, skip_unknown)


def _cut(c: Context, node: Node, why: str) -> Sequence[Value]:
    """Cut the graph at a node: what it reads leaves the network, what it makes is known no further."""
    cause = next((value.at for name in node.inputs if isinstance(value := c.values.get(name), Cut)), None)
    if cause == "":
        return [Cut(cause)] * len(node.outputs)
    if cause is None:
        cause = c.title(node)
        c.cuts[cause] = (f"of {node.op} {why}", [])
    else:
        c.cuts[cause][1].append(c.title(node))
    c.ends += [name for name in node.inputs if isinstance(c.values.get(name), View)]
    return [Cut(cause)] * len(node.outputs)


def _told_cuts(c: Context) -> None:
    """Warn of what is not counted behind each cut; raise InputError where nothing is left before them."""
    if c.cuts and not c.g.size:
        expected = "layers before it, that can be counted"
        raise InputError(
            *(
                Problem(f"the op cannot be counted: {why}", path=shorten(at), expected=expected)
                for at, (why, _) in c.cuts.items()
            )
        )
    for at, (why, behind) in c.cuts.items():
        more = f" and {len(behind) - MOST_NAMED} more" if len(behind) > MOST_NAMED else ""
        follows = (
            f"not counted behind it: {', '.join(map(shorten, behind[:MOST_NAMED]))}{more}"
            if behind
            else "it is the last"
        )
        c.g.warnings.append(f"{shorten(at)}: the graph ends here, as {why}, {follows}")


def _made(c: Context, node: Node, handler: Handler) -> Sequence[Value]:
    """Return what an op's layers give; an op with other inputs or attributes than ONNX says is an error at its node."""
    try:
        return handler(c, node)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
        raise c.wrong(node, "inputs or attributes are not what this op has") from error


def _is_const(c: Context, name: str) -> bool:
    return isinstance(c.values.get(name), Const)


def _unfolded(c: Context, node: Node) -> list[Const]:
    """Return constants of which the file states the extents, or ONNX's own inference finds them."""
    dims = [_stated_shape(c, name) for name in node.outputs]
    if any(extents is None for extents in dims):
        raise c.wrong(node, "cannot work out this constant", "an exporter that folds constants")
    return [Const(extents) for extents in dims if extents is not None]


def _unknown(c: Context, node: Node, skip: bool) -> list[Value]:
    """Count an op nobody knows as reading its inputs and writing its outputs; unless it is skipped, note it as well."""
    if not skip and not node.domain and node.op in DATA:
        raise DependsOnDataError(REFUSED[node.op])
    if not skip:
        op = f"{node.domain}.{node.op}" if node.domain else node.op
        path = shorten(node.label)
        expected = "an op that is known, or --skip-unknown, to count nothing but the traffic of unknown ones"
        reason = c.model.refused.get(node.op) if node.domain else REFUSED.get(node.op)
        what = f"the op cannot be counted: {reason}" if reason else "unknown op"
        suggestion = None if reason or node.domain else nearest(node.op, STANDARD)
        c.unknown.append(Problem(what, path=path, expected=expected, got=shorten(op), suggestion=suggestion))
    return _skipped(c, node, "is unknown")


def _skipped(c: Context, node: Node, why: str) -> list[Value]:
    """Count an op as reading its inputs and writing its outputs, as large as is stated or as seems right."""
    views = [value for at in range(len(node.inputs)) if isinstance(value := c.value(node, at), View)]
    if not views:
        raise c.wrong(node, "an unknown op that reads no tensor")
    sources = [lowering.settle(c.g, view) for view in views]
    weights = sum(const.size for at in range(len(node.inputs)) if (const := c.const(node, at)))
    results: list[Value] = []
    for output in node.outputs:
        if output in c.readers or output in c.model.outputs:
            stated = _stated_shape(c, output)
            dims = stated or guessed(c, node, output, [view.dims for view in views])
            layout = layout_of(len(dims))
            shape, name = shape_in(layout, dims), c.name(node)
            made = c.g.unknown(name, node.op, sources, shape, weights, assumed=stated is None, why=why)
            results.append(fan(made, layout, dims))
            weights = 0  # they are those of the op, which is a layer for each of its outputs
        else:
            results.append(Const(()))
    return results


def _stated_shape(c: Context, output: str) -> Dims | None:
    """Return the shape that the file states or ONNX's own inference finds."""
    dims = c.model.shapes.get(output) or inferred_shapes(c.model, c.sizes).get(output)
    return dims if dims and len(dims) <= DEEPEST_RANK else None
