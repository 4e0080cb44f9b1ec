"""Take a network straight from a PyTorch module, by way of ONNX in memory."""

import io
import re
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from workloads.importers.bounds import shorten

LONGEST_REASON = 200
OPSET = 17  # the newest that PyTorch's TorchScript exporter writes in all versions from 2.0 on


def from_torch(
    module: Any, input_shape: Sequence[int] | Sequence[Sequence[int]], name: str = "", skip_unknown: bool = False
) -> Network:
    """Return the network that a `torch.nn.Module` is at inference.

    `input_shape` is that of its input, the batch first, such as (1, 3, 224, 224), or a list of several inputs' shapes.
    The network is called like the module's class unless `name` says otherwise. Raises InputError where PyTorch or the
    onnx package is missing, where PyTorch cannot export the module, or for an op that is unknown (see `load_network`).
    """
    from workloads.importers.from_onnx.load import import_onnx_bytes

    try:
        torch = import_module("torch")
    except ImportError as error:
        raise InputError(
            Problem("PyTorch is not installed", path="from_torch", expected="pip install torch")
        ) from error
    content = _exported(torch, module, _shapes(input_shape))
    return import_onnx_bytes(content, name or type(module).__name__, skip_unknown)


def _shapes(given: Sequence[int] | Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the shapes of all inputs."""
    several = [entry for entry in given if not isinstance(entry, int)]
    shapes = [tuple(entry) for entry in several] or [tuple(entry for entry in given if isinstance(entry, int))]
    if any(not shape or any(not isinstance(extent, int) or extent < 1 for extent in shape) for shape in shapes):
        expected = "whole numbers of 1 or more, such as (1, 3, 224, 224)"
        raise InputError(Problem("not a shape", path="from_torch.input_shape", expected=expected, got=str(given)))
    return shapes


def _exported(torch: Any, module: Any, shapes: Sequence[tuple[int, ...]]) -> bytes:
    """Export with the older of PyTorch's exporters, or with the newer one what that cannot."""
    inputs, training = tuple(torch.zeros(shape) for shape in shapes), module.training
    module.eval()
    reasons = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for export in (_by_tracing, _by_program):
                try:
                    return export(torch, module, inputs)
                except Exception as error:  # exporters raise whatever the module or they themselves trip over
                    reasons.append(_first_line(error))
    finally:
        module.train(training)
    got = "; then ".join(reasons)
    raise InputError(Problem("PyTorch cannot export the module", path="from_torch", got=got))


def _first_line(error: Exception) -> str:
    """Return the first line of what an exporter says, without colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip() or type(error).__name__
    return shorten(text.partition("\n")[0], LONGEST_REASON)


def _by_tracing(torch: Any, module: Any, inputs: tuple[Any, ...]) -> bytes:
    """Export as the module is written: batch norms stay, so that biases they would add are not counted."""
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        inputs,
        buffer,
        opset_version=OPSET,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        dynamo=False,
    )
    return buffer.getvalue()


def _by_program(torch: Any, module: Any, inputs: tuple[Any, ...]) -> bytes:
    """Export by torch.export, which needs the package onnxscript."""
    content: bytes = torch.onnx.export(module, inputs, dynamo=True, verbose=False).model_proto.SerializeToString()
    return content
