"""A hundred and more broken files of one kind, made from a sound one: what is wrong, and where a report must point."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.fuzz.places import changed, leaf, parsed, walk

LADDER = "".join(f"{' ' * i}a:\n" for i in range(1, 1000))
BILLION_LAUGHS = "".join(f"l{i}: &l{i} [{', '.join(['*l' + str(i - 1) if i else 'ha'] * 10)}]\n" for i in range(9))


@dataclass(frozen=True)
class Sound:
    """A file in order, and what is special in it, by path."""

    text: str
    optional: frozenset[str]
    chosen: frozenset[str] = frozenset()  # keys of the author's own choice
    missed: dict[str, str] = field(default_factory=dict)  # keys that are missed elsewhere
    may_be_zero: frozenset[str] = frozenset()
    quantities: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # values that are one of several words

    @property
    def data(self) -> object:
        return parsed(self.text)

    @property
    def paths(self) -> list[str]:
        return list(walk(self.data))

    @property
    def keys(self) -> list[str]:
        return [path for path in self.paths if not path.rpartition(".")[2].isdecimal()]

    def of_type(self, *types: type) -> list[str]:
        return [path for path in self.paths if type(leaf(self.data, path)) in types]


@dataclass(frozen=True)
class Broken:
    """A broken file: the path that its report must name (None: any), and what it must suggest."""

    what: str
    content: bytes
    path: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        return self.what


def broken_files(sound: Sound) -> list[Broken]:
    """Every mutation of the file, each with a name of its own."""
    return [*_keys(sound), *_values(sound), *_names(sound), *_layout(sound), *_whole_files(sound)]


def _keys(sound: Sound) -> Iterator[Broken]:
    """Keys that are missing, misspelt, or there twice."""
    for path in sound.keys:
        parent, _, key = path.rpartition(".")
        if path not in sound.optional:
            missed = sound.missed.get(path, path)
            yield Broken(f"{path} deleted", changed(sound.text, path, delete=True).encode(), missed)
        if path not in sound.chosen:
            wrong = key + key[-1]
            there = f"{parent}.{wrong}" if parent else wrong
            yield Broken(f"key {path} misspelt", changed(sound.text, path, rename=wrong).encode(), there, key)
    for key in (path for path in sound.keys if "." not in path):
        yield Broken(f"{key} twice", f"{sound.text}{key}: 1\n".encode(), key)


def _values(sound: Sound) -> Iterator[Broken]:
    """Values of the wrong type, sign, size or unit."""
    for path in sound.of_type(int, float, str, bool):
        yield Broken(f"{path} is a mapping", changed(sound.text, path, {"a": 1}).encode(), path)
    for path in sound.of_type(dict):
        yield Broken(f"{path} is a list", changed(sound.text, path, [1]).encode(), path)
    for path in sound.of_type(int):
        wrong = {"negative": -3, "huge": 10**17, "a fraction": 1.5, "a word": "many"}
        if path not in sound.may_be_zero:
            wrong["zero"] = 0
        for what, value in wrong.items():
            yield Broken(f"{path} is {what}", changed(sound.text, path, value).encode(), path)
    for path in sound.quantities:
        for value in ("12 parsecs", "12", "-3 MB", "fast"):
            yield Broken(f"{path} is {value}", changed(sound.text, path, value).encode(), path)


def _names(sound: Sound) -> Iterator[Broken]:
    """Names that a letter is missing from."""
    for path in sound.names:
        name = leaf(sound.data, path)
        yield Broken(f"{path} misspelt", changed(sound.text, path, name[:-2] + name[-1]).encode(), path, name)


def _layout(sound: Sound) -> Iterator[Broken]:
    """Indentation, tabs and brackets that go wrong after a third and two thirds of the file."""
    lines = sound.text.splitlines()
    for part in (3, 2):
        places = range(len(lines) // part, len(lines))
        at = next(i for i in places if lines[i].startswith("  ") and ":" in lines[i].partition("#")[0])
        for what, line in {
            "indented by a tab": "\t" + lines[at].strip(),
            "half indented": " " + lines[at].strip(),
            "with a bracket left open": f"  other: [{lines[at].strip()}",
            "with a brace left open": f"  other: {{{lines[at].strip()}",
            "with a quote left open": f'  other: "{lines[at].strip()}',
            "that is no key": "  nonsense",
            "with a tag": "  other: !!python/object/apply:os.system [ls]",
            "with an unknown alias": "  other: *nowhere",
            "with a control character": "  other: \x07",
            "with a list as a key": "  ? [a, b]",
            "that is not finite": "  other: .inf",
            "with a number of forty digits": f"  other: {'9' * 40}",
        }.items():
            text = "\n".join([*lines[:at], line, *lines[at + 1 :]])
            yield Broken(f"line {at + 1} {what}", text.encode())


def _whole_files(sound: Sound) -> Iterator[Broken]:
    """What is hardly YAML of this kind at all."""
    text = sound.text
    for what, content in {
        "an empty file": b"",
        "comments alone": b"# nothing\n",
        "a list": "".join(f"- {line}\n" for line in ("a", "b")).encode(),
        "a word": b"word\n",
        "nothing but null": b"null\n",
        "UTF-16": text.encode("utf-16"),
        "Latin-1": text.replace("name: ", "name: \xe9", 1).encode("latin-1"),
        "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "a zero byte": text.encode() + b"\x00",
        "two documents": f"{text}---\n{text}".encode(),
        "an alias bomb": (BILLION_LAUGHS + text).encode(),
        "an anchor that holds itself": f"{text}self: &self [*self]\n".encode(),
        "a thousand brackets": f"{text}deep: {'[' * 1000}{']' * 1000}\n".encode(),
        "a thousand levels": f"{text}deep:\n{LADDER}".encode(),
        "a hundred thousand keys": text.encode() + b"".join(b"k%d: 1\n" % i for i in range(100_001)),
        "an unknown directive": f"%NONSENSE 1\n---\n{text}".encode(),
        "a merge key": f"base: &base {{a: 1}}\n<<: *base\n{text}".encode(),
    }.items():
        yield Broken(what, content)
