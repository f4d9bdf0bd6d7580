"""Preparing a configuration of P3: rows of texts for training, rows of choices put together for evaluation."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from priming.errors import DataError
from priming.forms.choices import Question, question
from priming.forms.rows import Example
from priming.study.tasks import Tasks
from priming.tasks.p3.places import mirror_of, story_files
from priming.tasks.p3.registry import HUB, REVISION, Config, capped, checksum, configs, few_shot
from priming.tasks.p3.stories import stories
from priming.tasks.prepare import write_task
from priming.tasks.reading.hub import HubReader
from priming.tasks.reading.rows import Row
from priming.tasks.task import Part, Task

AUTHORS_SEED, AUTHORS_SHOTS = 100, 16

Read = tuple[Question, str]
"""An example, and its token ids as text, as the authors' checksums have them."""


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """Read it from the mirror if one is given, else from the live hub, StoryCloze from its files; raises DataError."""
    config = configs()[task]
    if not config.on_hub:
        return _of_stories(config, tasks, base)
    reader = HubReader(f"task {task}", HUB, task, REVISION, mirror_of(config, tasks, base))
    if config.part == "train":
        rows = list(map(_text, reader.rows(config.train)))
        return Task(task, "text_to_text", None, rows, [], "p3", tuple(_sizes(config, len(rows))))
    pool = list(_questions(config, reader.rows(config.train)))
    test = [one for one, _ in _questions(config, reader.rows(config.tested))]
    notes = [*_sizes(config, len(pool), len(test)), *_order(config, [ids for _, ids in pool])]
    return _asked(config, [one for one, _ in pool], test, notes)


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out`, and return notes on the rows for the user.

    Raises DataError, DiskError.
    """
    found = load(task, tasks, base)
    if part == "source":
        found = replace(found, train=[found.train[row] for row in capped(len(found.train), tasks.source_limit)])
    return write_task(found, tasks, part, out)


def _of_stories(config: Config, tasks: Tasks, base: Path) -> Task:
    """One of the tasks made from StoryCloze's files."""
    files = story_files(config, tasks, base)
    pool, test = (list(stories(config, tasks, files[split])) for split in (config.train, config.tested))
    notes = [*_sizes(config, len(pool), len(test))]
    if any(row.loses_last for row in pool):
        notes.append(f"task {config.name}: choices lose their last tokens (tasks.storycloze.last_token: dropped)")
    return _asked(config, pool, test, notes)


def _asked(config: Config, pool: list[Question], test: list[Question], notes: Sequence[str]) -> Task:
    """A task with choices."""
    return Task(
        config.name, "multiple_choice", None, [*pool], [*test], "p3", tuple(notes),
        published=lambda number, size: few_shot(number, size)[config.name],
    )  # fmt: skip


def _text(row: Row) -> Example:
    return Example(_value(row, "inputs_pretokenized", str), (_value(row, "targets_pretokenized", str),))


def _questions(config: Config, rows: Iterable[Row]) -> Iterator[Read]:
    """Rows with the same first index are the choices of one example, in the order of the second; one is right."""
    by_example: dict[int, list[Row]] = {}
    for row in rows:
        by_example.setdefault(_index(row)[0], []).append(row)
    for members in by_example.values():
        own = sorted(members, key=lambda row: _index(row)[1])
        _refuse_others(config, own)
        right = [place for place, row in enumerate(own) if _value(row, "is_correct", bool)]
        if len(right) != 1:
            found = f"{len(right)} of the {len(own)} choices of this example are right"
            raise DataError(f"{own[0].place}: {found}, and one should be; copy the data set again")
        choices = [_value(row, "targets_pretokenized", str).strip() for row in own]
        if empty := [place for place, choice in enumerate(choices) if not choice]:
            raise DataError(f"{own[empty[0]].place}: an empty choice; copy the data set again")
        if len(choices) < 2:
            raise DataError(f"{own[0].place}: an example with one choice; copy the data set again")
        text = _value(own[0], "inputs_pretokenized", str)
        made = question(text, choices, right[0], group=config.group, template=config.name)
        yield made, _ids(own)


def _refuse_others(config: Config, own: Sequence[Row]) -> None:
    """Raise DataError where choices of an example are missing, there twice, or of different inputs."""
    numbers = [_index(row)[1] for row in own]
    number = config.choices or 0
    if numbers != list(range(number)):
        wanted = f"and {config.name} has 0 to {number - 1}"
        raise DataError(f"{own[0].place}: the choices of this example are {numbers}, {wanted}; copy the data set again")
    inputs = {_value(row, "inputs_pretokenized", str) for row in own}
    if len(inputs) > 1:
        raise DataError(f"{own[0].place}: the choices of this example have different inputs; copy the data set again")


def _ids(rows: Sequence[Row]) -> str:
    """The token ids of an example as text, its inputs and the list of its targets one after the other."""
    if any(key not in rows[0].values for key in ("inputs", "targets")):
        return ""
    return str([*rows[0].values["inputs"], *(list(row.values["targets"]) for row in rows)])


def _index(row: Row) -> tuple[int, int]:
    found = _value(row, "idx", list)
    if len(found) != 2:
        raise DataError(f"{row.place}: idx is {found} instead of the numbers of an example and of a choice")
    return int(found[0]), int(found[1])


def _value(row: Row, column: str, kind: type) -> Any:
    value = row.values.get(column)
    if not isinstance(value, kind):
        there = f"the row has {', '.join(row.values)}" if column not in row.values else f"it holds {value!r}"
        raise DataError(f"{row.place}: no {kind.__name__} in the column {column}; {there}; copy the data set again")
    return value


def _sizes(config: Config, pool: int, test: int | None = None) -> Iterator[str]:
    for what, found, known in (("to train on", pool, config.rows), ("to test", test, config.test)):
        if found != known:
            yield f"task {config.name}: {found} examples {what}, and Wu et al. (2022) have {known}"


def _order(config: Config, ids: Sequence[str]) -> Iterator[str]:
    """Whether the rows that the authors drew are those of their checksum."""
    if len(ids) != config.rows or not all(ids):
        return
    drawn = "".join(ids[place] for place in few_shot(AUTHORS_SEED, AUTHORS_SHOTS)[config.name])
    if hashlib.md5(drawn.encode(), usedforsecurity=False).hexdigest() != checksum(config.name):
        yield f"task {config.name}: its rows are not in the order of Wu et al. (2022), so other ones are drawn"
