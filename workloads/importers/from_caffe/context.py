"""What has been made of a prototxt's blobs so far."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from workloads.importers.assembly import Assembly
from workloads.importers.from_caffe.text import Message
from workloads.importers.views import View

IGNORED = None  # a blob that is no activation: labels, boxes of priors


@dataclass(slots=True)
class Context:
    """Blobs by name, as the layers so far have left them: a layer may write the blob it reads."""

    g: Assembly
    layers: Sequence[Message]
    blobs: dict[str, View | None] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    readers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Count the readers of each blob between two writes."""
        written: Counter[str] = Counter()
        for layer in self.layers:
            self.readers.update((name, written[name]) for name in layer.texts("bottom"))
            written.update(layer.texts("top"))

    def bottoms(self, layer: Message) -> list[View | None]:
        """Return what a layer reads; raise InputError for a blob that nothing has made."""
        missing = next((name for name in layer.texts("bottom") if name not in self.blobs), None)
        if missing is not None:
            raise layer.wrong("bottom", f"no layer before makes the blob {missing}", "the top of a layer above")
        return [self.blobs[name] for name in layer.texts("bottom")]

    def write(self, layer: Message, tops: Sequence[View | None]) -> None:
        """Keep what a layer makes."""
        names = layer.texts("top")
        for name, view in zip(names, tops, strict=False):
            self.blobs[name] = view
        self.written.update(names)

    def sole(self, layer: Message, position: int = 0) -> bool:
        """Return whether nobody but the layer reads a blob before it is written again."""
        name = layer.texts("bottom")[position]
        return self.readers[name, self.written[name]] == 1

    def unread(self) -> list[View]:
        """Return the blobs that no layer reads in the end."""
        return [
            view for name, view in self.blobs.items() if view is not None and not self.readers[name, self.written[name]]
        ]

    def name(self, layer: Message) -> str:
        """Return a free name for what a layer becomes."""
        return self.g.unique(layer.text("name") or layer.text("type", "layer").lower())
