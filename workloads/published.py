"""Keep the figures published for a network, each with its source, beside the network."""

import csv
from pathlib import Path

from workloads.spec import Builder, Value, parameters_of, parse_parameters, split_spec

FIGURES = Path(__file__).with_name("published.csv")


def facts_of(name: str, builder: Builder, values: dict[str, Value]) -> dict[str, str]:
    """Return what is published for a builder at these parameters, its defaults filled in.

    Keys are the columns of published.csv (`macs_m` and `params_m` in millions, `top1_percent`, ...) and `source`;
    figures of a second source have `_2` appended, and so on.
    """
    defaults = {key: parameter.default for key, parameter in parameters_of(builder).items()}
    wanted = defaults | values
    found = [row for row in published_rows(name) if _values(name, builder, defaults, row["spec"]) == wanted]
    facts: dict[str, str] = {}
    for number, row in enumerate(found, start=1):
        suffix = f"_{number}" if number > 1 else ""
        facts.update((key + suffix, text) for key, text in row.items() if text and key != "spec")
    return facts


def published_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of published.csv whose spec is of that network."""
    with FIGURES.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if split_spec(row["spec"])[0] == name]


def _values(name: str, builder: Builder, defaults: dict[str, Value], spec: str) -> dict[str, Value]:
    return defaults | parse_parameters(name, builder, split_spec(spec)[1])
