"""Import Caffe's prototxt, of the legacy syntax (`layers { type: CONVOLUTION }`) and the new one (`layer { ... }`)."""

from collections.abc import Mapping
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import MOST_LAYERS, located, read_text, shorten
from workloads.importers.from_caffe.context import HOST, Context, is_dropped, kind
from workloads.importers.from_caffe.fields import NET, check_layer
from workloads.importers.from_caffe.sources import declare_inputs, no_size
from workloads.importers.from_caffe.text import Message, parse
from workloads.importers.from_caffe.types import OPS, REFUSED, SOURCES
from workloads.importers.stages import give_stages
from workloads.importers.views import View

MOST_BYTES = 1 << 22


def import_prototxt(path: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Import a file: the layers of the test phase, batch norm folded into the convolution before it."""
    file = str(path)
    if sizes:
        raise InputError(Problem("a prototxt takes no parameters", file, got=", ".join(sizes)))
    root = parse(read_text(path, MOST_BYTES), file)
    root.check_names(NET.known)
    written = sorted(root.messages("layer") + root.messages("layers"), key=lambda layer: layer.line)
    if not written:
        raise InputError(Problem("no layers", file, 1, expected="`layer { ... }`"))
    if len(written) > MOST_LAYERS:
        raise InputError(Problem("too many layers", file, expected=f"at most {MOST_LAYERS}", got=str(len(written))))
    silenced = frozenset(name for layer in written if kind(layer) == "silence" for name in layer.texts("bottom"))
    layers = [layer for layer in written if in_test(layer)]
    c = Context(Assembly(root.text("name") or path.stem), layers, silenced=silenced)
    declare_inputs(c, root)
    for layer in c.layers:
        with located(file, layer.line):
            add(c, layer, skip_unknown)
    with located(file):
        outputs = tuple(lowering.settle(c.g, view) for view in c.unread())
    give_stages(c.g)
    return c.g.network(outputs)


def in_test(layer: Message) -> bool:
    """Return whether a layer is there in the test phase, by its include and exclude rules, and is not dropped."""
    if is_dropped(layer):
        return False
    include, exclude = layer.messages("include"), layer.messages("exclude")
    if include:
        return any(_met(rule) for rule in include)
    return not any(_met(rule) for rule in exclude)


def _met(rule: Message) -> bool:
    phase = rule.choice("phase", ("TRAIN", "TEST")) if "phase" in rule.fields else "TEST"
    levels = rule.int("min_level", 0) <= 0 <= rule.int("max_level", 0)
    return phase == "TEST" and levels and "stage" not in rule.fields


def add(c: Context, layer: Message, skip_unknown: bool) -> None:
    """Add what one layer becomes."""
    op = kind(layer)
    if op in OPS or op in SOURCES or op in HOST:
        check_layer(layer)
    if op in SOURCES:
        SOURCES[op](c, layer)
        return
    bottoms = c.bottoms(layer)
    views = [view for view in bottoms if view is not None]
    if op in HOST or (bottoms and not views):
        c.write(layer, ())
        return
    if not views:
        no_size(c, layer)
    if op not in OPS:
        c.write(layer, [_unknown(c, layer, views, skip_unknown)])
        return
    c.write(layer, OPS[op](c, layer, views))


def _unknown(c: Context, layer: Message, views: list[View], skip: bool) -> View:
    """Count a layer nobody knows as reading its bottoms and writing as much as the first."""
    name, written = layer.text("name", "layer"), layer.text("type")
    if not skip:
        expected = "a type that is known, or --skip-unknown, to count nothing but the traffic of unknown ones"
        reason = REFUSED.get(kind(layer))
        what = f"the type of layer {shorten(name)} cannot be counted: {reason}" if reason else None
        spelling = {known: known for known in OPS} | {"conv": "convolution", "fc": "innerproduct", "pool": "pooling"}
        close = nearest(kind(layer), spelling)
        raise InputError(
            Problem(
                what or f"unknown type of layer {shorten(name)}",
                layer.file,
                layer.line,
                path="type",
                expected=expected,
                got=shorten(written) or "nothing",
                suggestion=spelling[close] if close else None,
            )
        )
    sources = [lowering.settle(c.g, view) for view in views]
    x = c.g.unknown(c.name(layer), written, sources, sources[0].shape, assumed=True)
    return View(x, views[0].axes) if sources[0] == views[0].tensor else lowering.like_maps(x, views[0])
