"""What has been made of a prototxt's blobs so far."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from workloads.importers.assembly import Assembly
from workloads.importers.from_caffe.text import Message
from workloads.importers.views import View

IGNORED = None  # a blob that is no activation: labels, boxes of priors, where a pool found what it took
HOST = frozenset(
    {
        "continuationindicator",
        "detectionoutput",
        "priorbox",
        "region",
        "yolodetectionoutput",
        "yolov3detectionoutput",
    }
)
"""Types that run on the host or are worked out before: what they make is no activation."""
DROPPED = frozenset({"accuracy", "boxannotatorohem", "detectionevaluate", "hdf5output", "matwrite", "silence"})
"""Measures and what only watches; losses are left out as well."""


def kind(layer: Message) -> str:
    """Return the type of a layer, one spelling for INNER_PRODUCT and InnerProduct."""
    written = layer.text("type").lower().replace("_", "")
    is_proposal = written == "python" and layer.message("python_param").text("layer").lower() == "proposallayer"
    return "proposal" if is_proposal else written


def is_dropped(layer: Message) -> bool:
    """Return whether a layer does nothing at inference: a measure, or a loss but the softmax of one."""
    written = kind(layer)
    return written in DROPPED or ("loss" in written and not written.startswith("softmax"))


@dataclass(slots=True)
class Context:
    """Blobs by name, as the layers so far have left them: a layer may write the blob it reads."""

    g: Assembly
    layers: Sequence[Message]
    blobs: dict[str, View | None] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    readers: Counter[tuple[str, int]] = field(default_factory=Counter)
    silenced: frozenset[str] = frozenset()  # blobs that a Silence keeps from being outputs

    def __post_init__(self) -> None:
        """Count the readers of each blob between two writes."""
        written: Counter[str] = Counter()
        for layer in self.layers:
            if kind(layer) not in HOST:
                self.readers.update((name, written[name]) for name in layer.texts("bottom"))
            written.update(layer.texts("top"))

    def bottoms(self, layer: Message) -> list[View | None]:
        """Return what a layer reads; raise InputError for a blob that nothing has made."""
        missing = next((name for name in layer.texts("bottom") if name not in self.blobs), None)
        if missing is not None:
            raise layer.wrong("bottom", f"no layer before makes the blob {missing}", "the top of a layer above")
        return [self.blobs[name] for name in layer.texts("bottom")]

    def write(self, layer: Message, tops: Sequence[View | None]) -> None:
        """Keep what a layer makes; a top that its op says nothing of is no activation."""
        names = layer.texts("top")
        self.blobs |= dict.fromkeys(names, IGNORED) | dict(zip(names, tops, strict=False))
        self.written.update(names)

    def sole(self, layer: Message, position: int = 0) -> bool:
        """Return whether nobody but the layer reads a blob before it is written again."""
        name = layer.texts("bottom")[position]
        return self.readers[name, self.written[name]] == 1

    def unread(self) -> list[View]:
        """Return the blobs that no layer reads in the end."""
        return [
            view
            for name, view in self.blobs.items()
            if view is not None and name not in self.silenced and not self.readers[name, self.written[name]]
        ]

    def name(self, layer: Message) -> str:
        """Return a free name for what a layer becomes."""
        return self.g.unique(layer.text("name") or layer.text("type", "layer").lower())
