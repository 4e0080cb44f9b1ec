"""All pictures of a sweep."""

from collections.abc import Iterator

from analysis.drive.sweep.accuracy import accuracy_picture
from analysis.drive.sweep.heat_map import heat_map_pictures
from analysis.drive.sweep.pareto import pareto_picture, samples_of
from analysis.drive.sweep.run import Outcome
from analysis.read.pictures import Picture


def sweep_pictures(outcome: Outcome) -> Iterator[Picture]:
    """Yield the pictures that the sweep has the points for."""
    samples = samples_of(outcome)
    if samples:
        yield pareto_picture(samples)
        accuracy = accuracy_picture(samples)
        if accuracy:
            yield accuracy
        yield from heat_map_pictures(outcome)
