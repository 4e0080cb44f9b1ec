"""Take a network straight from a PyTorch module, by way of ONNX in memory."""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from workloads.importers.bounds import shorten

LONGEST_REASON = 200
OPSET = 17  # the newest that PyTorch's TorchScript exporter writes in all versions from 2.0 on


Inputs = tuple[Any, ...] | dict[str, Any]  # by place, or by name


def from_torch(
    module: Any, example_inputs: Any, name: str = "", skip_unknown: bool = False, dtype: str | Sequence[str] = ""
) -> Network:
    """Return the network that a `torch.nn.Module` is at inference.

    `example_inputs` are what it is called with: a tensor, several, or a mapping of keyword arguments. For each a shape
    will do, the batch first, such as (1, 3, 224, 224); it is of zeros, of the module's own type or of `dtype`,
    such as "int64" for tokens, one for all or one for each. The network is called like the module's class unless `name`
    says otherwise, and its stages like the module's parts. Raises InputError where PyTorch or the onnx package is
    missing, where PyTorch cannot export the module, or for an op that is unknown (see `load_network`).
    """
    from workloads.importers.from_onnx.load import import_onnx_bytes

    try:
        torch = import_module("torch")
    except ImportError as error:
        raise InputError(
            Problem("PyTorch is not installed", path="from_torch", expected="pip install torch")
        ) from error
    content = _exported(torch, module, _examples(torch, module, example_inputs, dtype))
    try:
        return import_onnx_bytes(content, name or type(module).__name__, skip_unknown)
    except InputError as error:
        raise InputError(*map(_in_python, error.problems)) from error


def _in_python(problem: Problem) -> Problem:
    """Name the argument in place of the command's option."""
    expected = (problem.expected or "").replace("--skip-unknown", "skip_unknown=True")
    return replace(problem, expected=expected or None)


def _examples(torch: Any, module: Any, given: Any, dtype: str | Sequence[str]) -> Inputs:
    """Return tensors for all inputs, by their places or names."""
    if isinstance(given, Mapping):
        types = _types(dtype, len(given), given)
        pairs = zip(given.items(), types, strict=True)
        return {str(key): _example(torch, module, value, each, given) for (key, value), each in pairs}
    several = not _is_tensor(given) and not _is_shape(given)
    entries = list(given) if several and given and isinstance(given, list | tuple) else [given]
    types = _types(dtype, len(entries), given)
    return tuple(_example(torch, module, entry, each, given) for entry, each in zip(entries, types, strict=True))


def _types(dtype: str | Sequence[str], count: int, given: Any) -> list[str]:
    types = [dtype] * count if isinstance(dtype, str) else list(dtype)
    if len(types) != count:
        expected = f"one, or one for each of {count} inputs"
        raise InputError(
            Problem("not as many types as inputs", path="from_torch.dtype", expected=expected, got=str(dtype))
        )
    return types


def _example(torch: Any, module: Any, entry: Any, dtype: str, given: Any) -> Any:
    """Return a tensor as it is, or zeros of a shape."""
    if _is_tensor(entry):
        return entry
    if not _is_shape(entry):
        expected = "tensors, or whole numbers of 1 or more, such as (1, 3, 224, 224)"
        raise InputError(
            Problem("not a shape", path="from_torch.example_inputs", expected=expected, got=shorten(str(given)))
        )
    own = next((p.dtype for p in getattr(module, "parameters", tuple)() if p.dtype.is_floating_point), None)
    if dtype and not hasattr(torch, dtype):
        raise InputError(
            Problem("not a type of PyTorch's", path="from_torch.dtype", expected="int64 or another", got=dtype)
        )
    chosen = getattr(torch, dtype) if dtype else own
    return torch.zeros(tuple(entry), dtype=chosen) if chosen is not None else torch.zeros(tuple(entry))


def _is_tensor(entry: Any) -> bool:
    return hasattr(entry, "shape") and hasattr(entry, "dtype")


def _is_shape(entry: Any) -> bool:
    plain = isinstance(entry, list | tuple) and bool(entry)
    return plain and all(isinstance(extent, int) and not isinstance(extent, bool) and extent >= 1 for extent in entry)


def _exported(torch: Any, module: Any, inputs: Inputs) -> bytes:
    """Export with the older of PyTorch's exporters, or with the newer one what that cannot."""
    training = module.training
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


def _by_tracing(torch: Any, module: Any, inputs: Inputs) -> bytes:
    """Export as the module is written: batch norms stay, so that biases they would add are not counted.

    A mapping at the end of the arguments is of keyword arguments there.
    """
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        (inputs,) if isinstance(inputs, dict) else inputs,
        buffer,
        opset_version=OPSET,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        dynamo=False,
    )
    return buffer.getvalue()


def _by_program(torch: Any, module: Any, inputs: Inputs) -> bytes:
    """Export by torch.export, which needs the package onnxscript."""
    named = isinstance(inputs, dict)
    told = {"kwargs": inputs} if named else {}
    program = torch.onnx.export(module, () if named else inputs, dynamo=True, verbose=False, **told)
    content: bytes = program.model_proto.SerializeToString()
    return content
