"""Grammars that generate a task's rows: templates whose slots are filled from word classes.

Slots use Python's format syntax: `{animal}`, a second one of the same class `{animal2}`, an item of a tuple
`{pair[0]}`. The class of a slot is the one required by the output, else the class with the slot's name without digits.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

import numpy

from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.tasks.generated.lexicon import CLASSES, Value
from priming.tasks.task import Kind, Part, Task

# Consecutive draws without a new example, after which templates count as exhausted.
_PATIENCE = 300
_TEST_SHARE = 1 / 3


@dataclass(frozen=True)
class GeneratedTask:
    """A generated task as data.

    `outputs` maps each output, itself a template, to the word classes of its inputs; a classification task's outputs
    are its labels.

    `relatives` are the source tasks that ask for the same thing with other labels in other sentences: for each label,
    one of theirs draws on the same deciding words. `hard` marks a task that models of the embedded study's size do not
    learn with any priming.
    """

    name: str
    part: Part
    templates: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, str]]
    kind: Kind = "classification"
    relatives: tuple[str, ...] = ()
    hard: bool = False

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels in fixed order; None for a text-to-text task."""
        return tuple(self.outputs) if KINDS[self.kind].labelled else None

    def task(self, train: int, test: int, seed: int) -> Task:
        """Draw at most `train` and `test` different examples, equally many of each label.

        Test rows are drawn first, so that they do not depend on `train`. If the templates are exhausted, at most a
        third of the examples goes to the test set; the notes say so.
        """
        parts = len(self.outputs)
        wanted = math.ceil(train / parts) + math.ceil(test / parts)
        drawn = [self._draw(output, wanted, seeded(self.name, seed, output)) for output in self.outputs]
        fewest = min(map(len, drawn))
        sizes = _portions(test if fewest == wanted else min(test, int(fewest * parts * _TEST_SHARE)), parts)
        test_rows = [row for rows, size in zip(drawn, sizes, strict=True) for row in rows[:size]]
        rests = [rows[size:] for rows, size in zip(drawn, sizes, strict=True)]
        total = min(train, min(map(len, rests)) * len(rests))
        train_rows = [
            row for rows, size in zip(rests, _portions(total, len(rests)), strict=True) for row in rows[:size]
        ]
        generator = seeded(self.name, seed)
        return Task(
            name=self.name,
            kind=self.kind,
            labels=self.labels,
            train=[train_rows[i] for i in generator.permutation(len(train_rows))],
            test=[test_rows[i] for i in generator.permutation(len(test_rows))],
            origin="generated",
            notes=_notes(self.name, {"training": (len(train_rows), train), "test": (len(test_rows), test)}),
        )

    def frames(self) -> set[str]:
        """The templates with their slots removed."""
        return {frame(template) for template in self.templates}

    def words(self) -> set[str]:
        """Every word that can occur in an input or output of the task."""
        words = {word for text in (*self.frames(), *map(frame, self.outputs)) for word in text.split()}
        for classes in self.outputs.values():
            for template in (*self.templates, *self.outputs):
                for slot in slots(template):
                    words.update(word for value in CLASSES[class_of(slot, classes)] for word in _joined(value).split())
        return words

    def _draw(self, output: str, size: int, generator: numpy.random.Generator) -> list[Example]:
        """At most `size` examples with different inputs that have this output."""
        found: dict[str, Example] = {}
        missed = 0
        while len(found) < size and missed < _PATIENCE:
            template = self.templates[int(generator.integers(len(self.templates)))]
            values = draw_values((template, output), self.outputs[output], generator)
            text = spoken(template, values)
            missed = missed + 1 if text in found else 0
            found.setdefault(text, Example(text, (spoken(output, values),)))
        return list(found.values())


def draw_values(
    templates: tuple[str, ...], classes: Mapping[str, str], generator: numpy.random.Generator
) -> dict[str, Value]:
    """A value for every slot of `templates`; slots of one class get different values."""
    values: dict[str, Value] = {}
    taken: dict[str, list[int]] = {}
    for slot in dict.fromkeys(slot for template in templates for slot in slots(template)):
        name = class_of(slot, classes)
        members, before = CLASSES[name], taken.setdefault(name, [])
        index = int(generator.integers(len(members)))
        while index in before:
            index = int(generator.integers(len(members)))
        before.append(index)
        values[slot] = members[index]
    return values


def spoken(template: str, values: Mapping[str, Value]) -> str:
    """`template` with its slots filled, `a` before a vowel made `an`."""
    return re.sub(r"\ba (?=[aeiou])", "an ", template.format_map(values))


def slots(template: str) -> list[str]:
    """The slots of a template, in order, without tuple indices."""
    return [field.partition("[")[0] for _, field, _, _ in Formatter().parse(template) if field]


def class_of(slot: str, classes: Mapping[str, str]) -> str:
    """The word class that fills `slot`."""
    return classes.get(slot) or classes.get(slot.rstrip("0123456789")) or slot.rstrip("0123456789")


def frame(template: str) -> str:
    """A template without its slots, with single spaces between words."""
    return " ".join(re.sub(r"\{[^}]*\}", " ", template).split())


def seeded(name: str, seed: int, output: str = "") -> numpy.random.Generator:
    """The random numbers of a task, or of one of its outputs."""
    return numpy.random.default_rng(int.from_bytes(hashlib.sha256(f"{name}\0{seed}\0{output}".encode()).digest()))


def _portions(total: int, parts: int) -> list[int]:
    """`total` in `parts` portions that differ by one at the most."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _notes(name: str, sizes: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    few = [f"{found} of {wanted} {part} examples" for part, (found, wanted) in sizes.items() if found < wanted]
    return (f"task {name}: its templates give {' and '.join(few)}",) if few else ()


def _joined(value: Value) -> str:
    return value if isinstance(value, str) else " ".join(value)
