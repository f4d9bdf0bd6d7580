"""CrossFit's files: one example per line, input and references separated by tabs, and their interpretation by its
reader.
"""

import hashlib
from collections.abc import Iterable, Iterator

from priming.forms.rows import Example
from priming.study.tasks import Fidelity
from priming.tasks.crossfit.draw import Drawn
from priming.tasks.crossfit.entries import Entry

PARTS = ("train", "dev", "test")


def line(example: Example) -> str:
    """The example as written by CrossFit, with line breaks and tabs unescaped."""
    return "\t".join([example.input, "\t".join(example.targets)]) + "\n"


def content(examples: Iterable[Example]) -> bytes:
    """The bytes of a file."""
    return "".join(map(line, examples)).encode()


def md5(examples: Iterable[Example]) -> str:
    """The digest of a file, in CrossFit's form."""
    return hashlib.md5(content(examples), usedforsecurity=False).hexdigest()


def file_name(entry: Entry, sample: int, part: str) -> str:
    """For example `glue-mnli_16_100_train.tsv`."""
    return f"{entry.name}_{entry.size}_{sample}_{part}.tsv"


def files(entry: Entry, drawn: Drawn, fidelity: Fidelity = "crossfit") -> Iterator[tuple[str, list[Example]]]:
    """The files of a task, by name, with their examples."""
    for sample, (train, dev) in drawn.samples.items():
        parts = [train, dev, drawn.test]
        if fidelity == "fixed":
            parts = [as_read(examples, fidelity) for examples in parts]
            parts[2] = unseen(parts[2], *parts[:2])
        for part, examples in zip(PARTS, parts, strict=True):
            yield file_name(entry, sample, part), examples


def unseen(test: Iterable[Example], train: Iterable[Example], dev: Iterable[Example]) -> list[Example]:
    """Test examples whose input occurs in neither training nor development."""
    seen = {example.input for example in (*train, *dev)}
    return [example for example in test if example.input not in seen]


def as_read(examples: Iterable[Example], fidelity: Fidelity) -> list[Example]:
    """The examples that training and tests see.

    `crossfit`: what its reader finds in the file: outer white space is gone, a line break inside ends the example, and
    a line without a reference is none. `fixed`: runs of white space are one space, empty references are gone.
    """
    found = (_reread(example) if fidelity == "crossfit" else [_tidied(example)] for example in examples)
    return [example for several in found for example in several if example.input and example.targets]


def _reread(example: Example) -> list[Example]:
    written = line(example).replace("\r\n", "\n").replace("\r", "\n")
    pieces = [piece.strip().split("\t") for piece in written.split("\n")]
    return [Example(text, tuple(targets)) for text, *targets in pieces]


def _tidied(example: Example) -> Example:
    targets = (" ".join(target.split()) for target in example.targets)
    return Example(" ".join(example.input.split()), tuple(dict.fromkeys(filter(None, targets))))
