"""Load the network that a command is given, and say on stderr what was let pass."""

import sys

from simulator.network.ir import Network


def load(spec: str, batch: int | None = None, skip_unknown: bool = False) -> Network:
    """Return a network, bundled or from a file; a line of warning for each op that is unknown and was skipped."""
    from analysis.read.layout import printable
    from workloads.load import load_network

    network = load_network(spec, batch, skip_unknown)
    for warning in filter(None, network.facts.get("warning", "").split("; ")):
        print(printable(f"warning: {warning}"), file=sys.stderr)
    return network
