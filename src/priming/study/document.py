"""A study file as YAML: its data and the line of every key."""

from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from priming.errors import StudyError
from priming.programs import typed
from priming.study.fields import Key, dotted
from priming.study.problems import Problem, present
from priming.study.safe_yaml import compose, read_text, said_of


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
            "\n".join(
                [
                    f"{self.path}: {count}",
                    *listed,
                    f"correct the file, then type: {typed(f'priming check {self.path}')}",
                ]
            )
        )

    def _line(self, at: Key) -> int:
        """The line of the longest part of the key found in the file; 0 if there is none."""
        if at and self.data is not None and not present(at, self.data):
            return 0
        parts = _words(at)
        return next((self.lines[parts[:n]] for n in range(len(parts), 0, -1) if parts[:n] in self.lines), 1)


def _correct(path: Path) -> str:
    return f"correct the file, then type: {typed(f'priming check {path}')}"


def _place(line: int) -> str:
    return f"line {line}" if line else "not in the file"


def read(path: Path) -> Document:
    """Read YAML 1.2 safely.

    Raises StudyError if the file cannot be read, is too large or too deep, is not YAML, has a duplicate key or uses a
    tag such as `!!python/object`.
    """
    try:
        return _parsed(path, read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{path}: the study file cannot be read ({_reason(error)}); give another with --configfile"
        ) from None
    except YAMLError as error:
        raise StudyError(f"{path}: {said_of(error)}; {_correct(path)}") from None


def _parsed(path: Path, text: str) -> Document:
    root, construct = compose(text)
    lines: dict[tuple[str, ...], int] = {}
    wrong: list[Problem] = []
    if root is not None:
        _locate(root, (), lines, wrong)
    if wrong:
        raise Document(path, None, lines).error(wrong)
    return Document(path, construct(), lines)


def _locate(node: Node, at: Key, lines: dict[tuple[str, ...], int], wrong: list[Problem]) -> None:
    """Record the line of every key at and below `node`, duplicate keys (1 and '1' too), and keys that are no text."""
    lines.setdefault(_words(at), node.start_mark.line + 1)
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            _locate(item, (*at, index), lines, wrong)
    if not isinstance(node, MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        name = key.value if isinstance(key, ScalarNode) else "?"
        line = key.start_mark.line + 1
        lines.setdefault(_words((*at, name)), line)
        if not isinstance(key, ScalarNode) or str(key.tag).endswith(":null"):
            what = "a list or section" if name == "?" else "nothing"
            wrong.append(Problem(at, f"{what} stands in place of a key on line {line}; write a name before the colon"))
        elif name in seen and name != "<<":
            wrong.append(Problem((*at, name), f"duplicate key, again on line {line}; keep one"))
        seen.add(name)
        _locate(value, (*at, name), lines, wrong)


def _words(at: Key) -> tuple[str, ...]:
    """A key in the form used in `lines`, where the names 1 and true are text."""
    return tuple(str(part).lower() if isinstance(part, bool) else str(part) for part in at)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)


def written(study: BaseModel) -> str:
    """A study as YAML, every default filled in."""
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 120
    stream = StringIO()
    yaml.dump(study.model_dump(), stream)
    return stream.getvalue()
