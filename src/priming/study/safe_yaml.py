"""YAML 1.2 of bounded size and depth: what a hostile or broken file costs is one message."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scanner import Scanner, ScannerError

BYTES = 500_000
"""Of the largest file that is read."""
VALUES = 10_000
"""Most keys and values, those that aliases repeat counted each time."""
DEPTH = 64
"""Most lists and sections inside each other."""
_TOO_MANY = f"more than {VALUES:,} keys and values, counting what aliases (*name) repeat; remove some"
_TOO_DEEP = f"more than {DEPTH} lists and sections inside each other; remove some"


class _BoundedComposer(Composer):
    """Stops at the first node that is too many or too deep."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._composed, self._open = 0, 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node; raises ComposerError where it is one too many, or too deep."""
        self._composed, self._open = self._composed + 1, self._open + 1
        if self._composed > VALUES or self._open > DEPTH:
            mark = self.parser.peek_event().start_mark
            raise ComposerError(None, None, _TOO_MANY if self._composed > VALUES else _TOO_DEEP, mark)
        node = super().compose_node(parent, index)
        self._open -= 1
        return node


class _BoundedScanner(Scanner):
    """Stops at the bracket that opens one list or section too many: it looks ahead for a thousand characters."""

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803
        """Take in the bracket; raises ScannerError where too many are open."""
        super().fetch_flow_collection_start(TokenClass, to_push)
        if len(self.flow_context) > DEPTH:
            raise ScannerError(None, None, _TOO_DEEP, self.reader.get_mark())


class _NamingConstructor(SafeConstructor):
    """Says which value cannot be read."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The value of a node; raises ConstructorError, with its place, where it cannot be read."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            kind = str(node.tag).rpartition(":")[2]
            text = node.value if isinstance(node, ScalarNode) else "a list or section"
            short = text if len(text) <= 40 else f"{text[:37]}..."
            wrong = f"{short!r} cannot be read as a value of the type {kind!r}; put text in quotes"
            raise ConstructorError(None, None, wrong, node.start_mark) from None


class _Extent(NamedTuple):
    """How many nodes a node stands for, itself and repetitions included, and how deep it is."""

    nodes: int
    depth: int


def read_text(path: Path) -> str:
    """The text of a file; raises OSError, also for more than BYTES, UnicodeDecodeError."""
    with path.open("rb") as file:
        content = file.read(BYTES + 1)
    if len(content) > BYTES:
        raise OSError(errno.EFBIG, f"it has more than {BYTES:,} bytes")
    return content.decode("utf-8")


def compose(text: str) -> tuple[Node | None, Callable[[], Any]]:
    """The root node of a YAML text, for the lines of keys, and what constructs its data; both raise YAMLError."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner, yaml.Composer, yaml.Constructor = _BoundedScanner, _BoundedComposer, _NamingConstructor
    root = yaml.compose(text)
    if root is None:
        return None, lambda: None
    _measure(root, {}, set())
    return root, lambda: yaml.constructor.construct_document(root)


def _measure(node: Node, known: dict[int, _Extent], around: set[int]) -> _Extent:
    """The extent of a node; raises ComposerError where it is too large, contains itself, or has an unfit character."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in around:
        raise ComposerError(None, None, f"&{node.anchor} contains itself (*{node.anchor}); remove one", node.start_mark)
    if len(around) >= DEPTH:
        raise ComposerError(None, None, _TOO_DEEP, node.start_mark)
    if isinstance(node, ScalarNode):
        _look_at(node)
    inside = [_measure(child, known, around | {id(node)}) for child in _children(node)]
    extent = _Extent(1 + sum(of.nodes for of in inside), 1 + max((of.depth for of in inside), default=0))
    if extent.nodes > VALUES or extent.depth > DEPTH:
        raise ComposerError(None, None, _TOO_MANY if extent.nodes > VALUES else _TOO_DEEP, node.start_mark)
    known[id(node)] = extent
    return extent


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _look_at(node: ScalarNode) -> None:
    """Refuse characters that no file can hold, or that are not for texts: halves of pairs, and control characters."""
    for character in node.value:
        if (character < " " and character not in "\t\n\r") or "\ud800" <= character <= "\udfff":
            wrong = f"the character U+{ord(character):04X} is not for texts; remove it"
            raise ComposerError(None, None, wrong, node.start_mark)


def said_of(error: YAMLError) -> str:
    """What is wrong with a YAML text, with its line if that is known."""
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return f"line {mark.line + 1 if mark else 1}: {error.problem or error.context}"
    return str(error).splitlines()[0]
