"""Tell what a user means by a name or a file: a network, a machine, or something smaller."""

from pathlib import Path

KEYS = {
    "machine": frozenset(
        {"clock", "precision_bits", "array", "buffers", "dram", "dataflows", "energy", "vector", "dma"}
    ),
    "dataflow": frozenset({"rows", "columns", "registers", "stationary", "lowered", "order"}),
    "energy": frozenset({"unit", "mac", "rf", "array", "buffer", "dram", "vector_op", "leakage_per_cycle"}),
    "network": frozenset({"inputs", "layers", "outputs", "facts", "problem"}),
    "plan": frozenset({"machines", "networks", "axes"}),
}
"""Kind of YAML file -> the keys that tell it."""

BUNDLED = {"machine": "", "dataflow": "dataflows", "energy": "energy", "mapping": "mappings"}
"""Kind -> the folder of those that are bundled, the first if a name is in several."""


def kind_of(spec: str) -> str:
    """Return the kind of what a name or a path means: one of `KEYS`, "mapping" or "run"; a machine if in doubt."""
    from simulator.source.locate import bundled
    from workloads.load import is_file
    from workloads.registry import BUILDERS

    if spec.endswith(".json"):
        return "run"
    if spec.partition(":")[0].removesuffix(".py") in BUILDERS:
        return "network"
    is_yaml, name = spec.lower().endswith((".yaml", ".yml")), spec.removesuffix(".yaml")
    if is_yaml and Path(spec).is_file():
        return _kind_of_yaml(spec)
    for kind, folder in BUNDLED.items():
        if name in bundled(folder):
            return kind
    return "network" if is_file(spec) and not is_yaml else "machine"


def _kind_of_yaml(file: str) -> str:
    """Choose by the keys at the top: the kind that knows most of them, a machine if in doubt."""
    from simulator.source import load_yaml

    data = load_yaml(file).data
    keys = set(data)
    kind = max(KEYS, key=lambda kind: len(keys & KEYS[kind]))
    return "mapping" if kind == "network" and isinstance(data.get("layers"), dict) else kind
