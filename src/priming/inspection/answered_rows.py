"""A cell's test rows with what a strategy answered, over all its seeds and samples."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priming.evaluation.answered import answered
from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.result_files import RESULT, read_result
from priming.strategies import Strategy
from priming.study import Study, paths
from priming.study.paths import root
from priming.study.plm import Member
from priming.tasks.prepared import PreparedTask, read_task

OTHER = "(other)"
"""An answer that is none of the task's labels."""


@dataclass
class AnsweredRow:
    """A test row, and the answers to it, one for each run in which it was a test row."""

    example: Example
    answers: list[str] = field(default_factory=list)

    @property
    def right(self) -> float:
        """The share of answers that are right."""
        return sum(answer in self.example.targets for answer in self.answers) / len(self.answers)

    @property
    def usual(self) -> str:
        """The most frequent answer, the first of equals."""
        return max(dict.fromkeys(self.answers), key=self.answers.count)


@dataclass(frozen=True)
class Cell:
    """What is known of a strategy on a task: its rows by identity, and the `result.json` of its runs."""

    strategy: Strategy
    task: PreparedTask
    rows: dict[str, AnsweredRow]
    runs: list[dict[str, Any]]
    decoder: str

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Right and given answer, as classes, of each answer; of words if a row is words, of places of choices."""
        for row in self.rows.values():
            for answer in row.answers:
                yield from pairs(self.task, row.example, answer)


def pairs(task: PreparedTask, row: Example, answer: str) -> Iterator[tuple[str, str]]:
    """The right and the given class of an answer; several for a row of words, none for free text."""
    kind = KINDS[task.kind]
    if kind.by_word:
        right, given = row.targets[0].split(), answer.split()
        yield from zip(map(_type, right), map(_type, given), strict=False)
    elif kind.own_choices:
        choices = list(getattr(row, "choices", ()))
        yield row.answered, f"choice {choices.index(answer) + 1}" if answer in choices else OTHER
    elif kind.labelled:
        yield row.answered, answer if answer in (task.labels or ()) else OTHER


def _type(tag: str) -> str:
    """The type of entity that a tag marks."""
    return tag.partition("-")[2] or tag


def read_cell(study: Study, member: Member, strategy: Strategy, task: str) -> Cell | None:
    """The rows and answers of a finished cell; None if none of its runs has answers. Raises DataError."""
    results, wanted = Path(root(study)), study.scoring.decoder
    prepared = read_task(results / paths.task(task))
    rows: dict[str, AnsweredRow] = {}
    runs: list[dict[str, Any]] = []
    decoder: str = wanted
    for seed in study.seeds:
        for number in study.tasks.samples:
            folder = results / paths.tuned(member, strategy, seed, task) / paths.sample(number)
            if not (folder / RESULT).is_file():
                continue
            run = read_result(folder)
            if run.get("winner") is None:
                continue
            runs.append(run)
            test = answered(folder, prepared, number)["test"]
            decoder = wanted if wanted in test.answers else next(iter(test.answers))
            for example, answer in zip(prepared.sample(number)[2], test.answers[decoder], strict=True):
                rows.setdefault(example.identity, AnsweredRow(example)).answers.append(answer)
    return Cell(strategy, prepared, rows, runs, decoder) if runs else None
