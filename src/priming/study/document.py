"""A study file as YAML: its data and the line of every key."""

from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from priming.errors import StudyError
from priming.study.fields import Key, dotted
from priming.study.problems import Problem, present


class Document(NamedTuple):
    """The content of a YAML file."""

    path: Path
    data: Any
    lines: dict[tuple[str, ...], int]

    def error(self, problems: list[Problem]) -> StudyError:
        """One error that lists all problems by line, beginning with those not in the file."""
        located = sorted(((self._line(p.at), p) for p in problems), key=lambda pair: pair[0])
        listed = [f"  {_place(line)}, {dotted(p.at) or 'the file'}: {p.text}" for line, p in located]
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        return StudyError(
            "\n".join([f"{self.path}: {count}", *listed, f"correct the file, then type: priming check {self.path}"])
        )

    def _line(self, at: Key) -> int:
        """The line of the longest part of the key found in the file; 0 if there is none."""
        if at and self.data is not None and not present(at, self.data):
            return 0
        parts = _words(at)
        return next((self.lines[parts[:n]] for n in range(len(parts), 0, -1) if parts[:n] in self.lines), 1)


def _place(line: int) -> str:
    return f"line {line}" if line else "not in the file"


def read(path: Path) -> Document:
    """Read YAML 1.2 safely.

    Raises StudyError if the file cannot be read, is not YAML, has a duplicate key or uses a tag such as
    `!!python/object`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{path}: the study file cannot be read ({_reason(error)}); give another with --configfile"
        ) from None
    try:
        return _parsed(path, text)
    except YAMLError as error:
        raise StudyError(f"{path}: {_syntax(error)}; correct the file, then type: priming check {path}") from None


def _parsed(path: Path, text: str) -> Document:
    lines: dict[tuple[str, ...], int] = {}
    twice: list[Problem] = []
    root = YAML(typ="safe", pure=True).compose(text)
    if root is not None:
        _locate(root, (), lines, twice)
    if twice:
        raise Document(path, None, lines).error(twice)
    return Document(path, YAML(typ="safe", pure=True).load(text), lines)


def _locate(node: Node, at: Key, lines: dict[tuple[str, ...], int], twice: list[Problem]) -> None:
    """Record the line of every key at and below `node`, and duplicate keys."""
    lines.setdefault(_words(at), node.start_mark.line + 1)
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            _locate(item, (*at, index), lines, twice)
    if not isinstance(node, MappingNode):
        return
    seen: set[tuple[str, str]] = set()
    for key, value in node.value:
        name = key.value if isinstance(key, ScalarNode) else "?"
        line = key.start_mark.line + 1
        if (key.tag, name) in seen and name != "<<":
            twice.append(Problem((*at, name), f"duplicate key, again on line {line}; keep one"))
        seen.add((key.tag, name))
        lines.setdefault(_words((*at, name)), line)
        _locate(value, (*at, name), lines, twice)


def _words(at: Key) -> tuple[str, ...]:
    """A key in the form used in `lines`, where the names 1 and true are text."""
    return tuple(str(part).lower() if isinstance(part, bool) else str(part) for part in at)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)


def _syntax(error: YAMLError) -> str:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return f"line {mark.line + 1 if mark else 1}: {error.problem or error.context}"
    return str(error).splitlines()[0]


def written(study: BaseModel) -> str:
    """A study as YAML, every default filled in."""
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 120
    stream = StringIO()
    yaml.dump(study.model_dump(), stream)
    return stream.getvalue()
