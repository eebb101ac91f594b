"""Parts of a YAML file that know where they stand, so that every complaint names the file, the line and the key."""

import dataclasses
import difflib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from nfield.core.checks import UserError
from nfield.scenes.colours import COLOUR, Colour, of_hex

Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One value of the file, and how it is called in messages."""

    source: str
    """The file, as the user named it."""
    node: yaml.Node
    name: str
    """Such as `'radius' of objects[1]`."""

    @property
    def line(self) -> int:
        """Number of its line, from 1."""
        return self.node.start_mark.line + 1

    def fault(self, message: str) -> UserError:
        """An error that says where it is."""
        return UserError(f"{self.source}, line {self.line}: {message}")

    def wrong(self, wanted: str) -> UserError:
        """An error that says what this should be, and what it is."""
        return self.fault(f"{self.name or 'the scene'} must be {wanted}, but is {self.shown}.")

    @property
    def shown(self) -> str:
        """The value in a few words."""
        if isinstance(self.node, yaml.ScalarNode):
            return "empty" if self.node.tag.endswith(":null") else f"'{self.node.value}'"
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a block of keys"

    def part(self, node: yaml.Node, key: str) -> "Entry":
        """A value of this block."""
        return Entry(source=self.source, node=node, name=f"'{key}' of {self.name}" if self.name else f"'{key}'")

    def keys(self) -> "dict[str, Entry]":
        """Values by their keys. Raises UserError where this is no block, or where a key stands twice."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("a block of keys with values")
        found: dict[str, Entry] = {}
        for key, node in self.node.value:
            place = Entry(source=self.source, node=key, name=self.name)
            if not isinstance(key, yaml.ScalarNode):
                raise place.fault(f"a key of {self.name or 'the scene'} must be a word, but is {place.shown}.")
            if key.value in found:
                raise place.fault(f"the key '{key.value}' of {self.name or 'the scene'} stands twice. Remove one.")
            found[key.value] = self.part(node, key.value)
        return found

    def known_keys(self, known: Iterable[str]) -> "dict[str, Entry]":
        """Values by their keys, all of which are known ones."""
        known = list(known)
        found = self.keys()
        for key, entry in found.items():
            if key not in known:
                spot = next(node for node, _ in self.node.value if node.value == key)
                place = Entry(source=self.source, node=spot, name=entry.name)
                raise place.fault(unknown(key, known, "key", self.name or "the scene"))
        return found

    def items(self, name: str) -> "list[Entry]":
        """Items of a list, called `name[0]` and so on."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("a list (lines that begin with '- ')")
        return [
            Entry(source=self.source, node=node, name=f"{name}[{number}]")
            for number, node in enumerate(self.node.value)
        ]

    def text(self) -> str:
        """A text."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag.endswith(":null"):
            raise self.wrong("a text")
        return self.node.value

    def word(self, choices: Iterable[str], what: str, of: str) -> str:
        """One of some words."""
        names = list(choices)
        found = self.text()
        if found not in names:
            raise self.fault(unknown(found, names, what, of))
        return found

    def number(self) -> float:
        """A finite number."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.style is not None:
            raise self.wrong("a number")
        try:
            # YAML takes 1e-3, which has no point, for a text.
            plain = self.node.tag.endswith((":int", ":float"))
            found = float(yaml.safe_load(self.node.value) if plain else self.node.value)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong("a number") from None
        if found - found != 0:
            raise self.wrong("a finite number")
        return found

    def whole(self) -> int:
        """A whole number."""
        found = self.number()
        if found != round(found):
            raise self.wrong("a whole number")
        return round(found)

    def switch(self) -> bool:
        """True or false."""
        if not (isinstance(self.node, yaml.ScalarNode) and self.node.tag.endswith(":bool")):
            raise self.wrong("true or false")
        return bool(yaml.safe_load(self.node.value))

    def vector(self) -> tuple[float, float, float]:
        """Three numbers."""
        if not isinstance(self.node, yaml.SequenceNode) or len(self.node.value) != 3:
            raise self.wrong("three numbers, such as [1, 0, 0]")
        x, y, z = (Entry(source=self.source, node=n, name=f"a number in {self.name}").number() for n in self.node.value)
        return x, y, z

    def colour(self) -> Colour:
        """Three numbers in [0, 1], or '#rrggbb'."""
        if isinstance(self.node, yaml.SequenceNode):
            found = self.vector()
            if not all(0 <= value <= 1 for value in found):
                raise self.fault(f"{self.name} must hold numbers in [0, 1], but is {list(found)}.")
            return found
        try:
            return of_hex(self.text())
        except UserError:
            raise self.wrong("three numbers in [0, 1] or '#rrggbb' in quotes") from None

    def value(self, kind: Any) -> Any:
        """A value of an annotated type, out of those that scenes are made of."""
        if get_origin(kind) in (Union, types.UnionType):
            kind = next(option for option in get_args(kind) if option is not type(None))
        if get_origin(kind) is Annotated:
            return self.colour() if COLOUR in kind.__metadata__ else self.value(get_args(kind)[0])
        if get_origin(kind) is Literal:
            return self.word(get_args(kind), "value", self.name)
        if get_origin(kind) is tuple:
            return self.vector()
        readers = {float: self.number, int: self.whole, bool: self.switch, str: self.text}
        return readers[kind]()


def file_entry(path: Path, source: str) -> Entry:
    """The whole of a YAML file. Raises UserError where it cannot be read."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise UserError(f"{source} is no text in UTF-8. Save it as such.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(filter(None, [error.context, error.problem]))
        raise UserError(f"{source}{where}: this is not YAML: {problem}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{source}: this is not YAML: {error}".splitlines()[0]) from None
    if node is None:
        raise UserError(f"{source} is empty. A scene needs at least 'objects' or 'volumes'.")
    return Entry(source=source, node=node, name="")


def fields_of(kind: type) -> dict[str, Any]:
    """Types of a data class's fields by name."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def make(kind: type[Made], block: Entry, values: Mapping[str, Entry], **more: Any) -> Made:
    """A data class of the values given for its fields; its own complaints get the place of the value they name."""
    kinds = fields_of(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        lacks_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if lacks_default and field.name not in values and field.name not in more:
            raise block.fault(f"{block.name} lacks the key '{field.name}'. Add it.")
    read = {key: entry.value(kinds[key]) for key, entry in values.items() if key in kinds}
    try:
        return kind(**read, **more)
    except UserError as error:
        # Messages of the classes speak of "the half length" where the file has half_length; the longest name first.
        named = [key for key in sorted(read, key=len, reverse=True) if key.replace("_", " ") in str(error)]
        place = values[named[0]] if named else block
        raise place.fault(f"{place.name}: {error}") from None


def unknown(value: str, choices: list[str], what: str, of: str) -> str:
    """What is said of a word that is not one of the choices."""
    near = difflib.get_close_matches(value, choices, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"unknown {what} '{value}' of {of}.{hint} Choose one of: {', '.join(choices)}."
