"""Parse protobuf's text format, remembering lines.

A message is a list of fields: `name: value`, `name { ... }` or `name: { ... }`, also with <> for braces; `[a, b]` gives
a field several values; `,` and `;` may stand between fields and `#` starts a comment. Neighbouring strings are one.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from math import isfinite

from simulator.errors import InputError, Problem, nearest
from workloads.importers.bounds import shorten

DEEPEST = 32
MOST_DIGITS = 18
MOST_LISTED = 30  # names in a message

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r\f\v]+|\#[^\n]*)
    |(?P<line>\n)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>[-+]?[A-Za-z0-9_./][A-Za-z0-9_./+-]*)
    |(?P<mark>[{}<>:;,\[\]])""",
    re.VERBOSE,
)
_INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)")
CLOSING = {"{": "}", "<": ">"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text and its line."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as it was written, and its line."""

    text: str
    line: int


@dataclass(slots=True)
class Message:
    """Fields by name, each with all its values in order."""

    file: str
    line: int
    fields: dict[str, list["Scalar | Message"]] = field(default_factory=dict)

    def wrong(self, name: str, message: str, expected: str | None = None, line: int | None = None) -> InputError:
        """Return an error at a field, or at the message where it is not given."""
        values = self.fields.get(name, ())
        at = line or (values[-1].line if values else self.line)
        got = shorten(values[-1].text) if values and isinstance(values[-1], Scalar) else None
        return InputError(Problem(message, self.file, at, path=name, expected=expected, got=got))

    def messages(self, name: str) -> list["Message"]:
        """Return all messages of a field."""
        values = self.fields.get(name, [])
        found = [value for value in values if isinstance(value, Message)]
        if len(found) < len(values):
            raise self.wrong(name, "not a message", "{ ... }")
        return found

    def message(self, name: str) -> "Message":
        """Return the last message of a field, an empty one where it is not given."""
        found = self.messages(name)
        return found[-1] if found else Message(self.file, self.line)

    def scalars(self, name: str) -> list[Scalar]:
        """Return all plain values of a field."""
        values = self.fields.get(name, [])
        found = [value for value in values if isinstance(value, Scalar)]
        if len(found) < len(values):
            raise self.wrong(name, "not a value", "a number, a word or a quoted text")
        return found

    def texts(self, name: str) -> list[str]:
        """Return all values of a field as text."""
        return [value.text for value in self.scalars(name)]

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a field as text."""
        return (self.texts(name) or [default])[-1]

    def ints(self, name: str) -> list[int]:
        """Return all values of a field as whole numbers."""
        numbers = []
        for value in self.scalars(name):
            if not _INT.fullmatch(value.text) or len(value.text) > MOST_DIGITS:
                raise self.wrong(name, "wrong value", f"a whole number of at most {MOST_DIGITS} digits", value.line)
            numbers.append(int(value.text, 16 if "x" in value.text.lower() else 10))
        return numbers

    def int(self, name: str, default: int) -> int:
        """Return the last value of a field as a whole number."""
        return (self.ints(name) or [default])[-1]

    def float(self, name: str, default: float) -> float:
        """Return the last value of a field as a number."""
        for value in reversed(self.scalars(name)):
            try:
                number = float(value.text.rstrip("fF"))
            except ValueError:
                number = float("nan")
            if not isfinite(number):
                raise self.wrong(name, "wrong value", "a number")
            return number
        return default

    def flag(self, name: str, default: bool) -> bool:
        """Return the last value of a field as true or false."""
        word = self.text(name, "true" if default else "false").lower()
        if word not in ("true", "false", "t", "f", "1", "0"):
            raise self.wrong(name, "wrong value", "true or false")
        return word in ("true", "t", "1")

    def choice(self, name: str, names: tuple[str, ...]) -> str:
        """Return the last value of a field, one of some names or the number of one; the first if it is not given."""
        word = self.text(name, names[0])
        if word.isdecimal() and int(word[:4]) < len(names):
            return names[int(word[:4])]
        if word not in names:
            raise self.wrong(name, "not one of the choices", f"one of {', '.join(names)}")
        return word

    def check_names(self, known: Collection[str]) -> None:
        """Raise InputError for each field that is not known, with the nearest one that is."""
        expected = f"one of {', '.join(sorted(known))}" if len(known) <= MOST_LISTED else None
        problems = [
            Problem(
                "unknown field",
                self.file,
                values[0].line,
                path=shorten(name),
                expected=expected,
                suggestion=nearest(name, known),
            )
            for name, values in self.fields.items()
            if name not in known
        ]
        if problems:
            raise InputError(*problems)


def parse(text: str, file: str) -> Message:
    """Parse a whole file; raise InputError at the first thing that is wrong."""
    tokens = _tokens(text, file)
    root, closing = _fields(tokens, Message(file, 1), "", 0)
    if closing.text:
        raise _syntax(file, closing, "a field's name")
    return root


def _tokens(text: str, file: str) -> Iterator[Token]:
    line, at = 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            got = shorten(text[at : at + 20].partition("\n")[0])
            raise InputError(Problem("not prototxt", file, line, expected="`name: value` or `name { ... }`", got=got))
        kind = str(match.lastgroup)
        if kind not in ("skip", "line"):
            yield Token(kind, match.group(), line)
        line += kind == "line"
        at = match.end()
    yield Token("end", "", line)


def _fields(tokens: Iterator[Token], message: Message, closing: str, depth: int) -> tuple[Message, Token]:
    """Read fields up to the closing mark or the end; return the message and the token that ended it."""
    if depth > DEEPEST:
        raise InputError(Problem("nested too deeply", message.file, message.line, expected=f"at most {DEEPEST} levels"))
    token = next(tokens)
    while token.kind != "end" and token.text != closing:
        if token.kind == "mark" and token.text in ",;":
            token = next(tokens)
            continue
        if token.kind != "word":
            raise _syntax(message.file, token, f"a field's name{f' or {closing}' if closing else ''}")
        token = _field(tokens, message, token, depth)
    if token.kind == "end" and closing:
        raise InputError(Problem(f"`{closing}` is missing", message.file, token.line, expected="every brace closed"))
    return message, token


def _field(tokens: Iterator[Token], message: Message, name: Token, depth: int) -> Token:
    """Read one field after its name; return the token that follows."""
    values = message.fields.setdefault(name.text, [])
    token = next(tokens)
    colon = token.text == ":" and token.kind == "mark"
    if colon:
        token = next(tokens)
    if token.kind == "mark" and token.text in CLOSING:
        inner, _ = _fields(tokens, Message(message.file, token.line), CLOSING[token.text], depth + 1)
        values.append(inner)
        return next(tokens)
    if not colon:
        raise _syntax(message.file, token, f"`:` or `{{` after {shorten(name.text)}")
    if token.kind == "mark" and token.text == "[":
        return _list(tokens, message, values)
    return _value(tokens, message, values, token)


def _value(tokens: Iterator[Token], message: Message, values: list[Scalar | Message], token: Token) -> Token:
    """Read one plain value, a string maybe in several pieces; return the token that follows."""
    if token.kind == "word":
        values.append(Scalar(token.text, token.line))
        return next(tokens)
    if token.kind != "string":
        raise _syntax(message.file, token, "a value")
    pieces, line = [], token.line
    while token.kind == "string":
        pieces.append(token.text[1:-1])
        token = next(tokens)
    values.append(Scalar("".join(pieces), line))
    return token


def _list(tokens: Iterator[Token], message: Message, values: list[Scalar | Message]) -> Token:
    token = next(tokens)
    while token.text != "]" or token.kind != "mark":
        if token.kind == "mark" and token.text == ",":
            token = next(tokens)
            continue
        token = _value(tokens, message, values, token)
    return next(tokens)


def _syntax(file: str, token: Token, expected: str) -> InputError:
    got = f"`{shorten(token.text)}`" if token.text else "the end of the file"
    return InputError(Problem("not prototxt", file, token.line, expected=expected, got=got))
