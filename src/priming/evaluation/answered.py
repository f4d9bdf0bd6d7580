"""Test and development rows with a tuned sample's predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from priming.errors import DataError
from priming.forms.answers import PREDICTIONS, Prediction, read_predictions, row_id
from priming.forms.rows import Example
from priming.tasks.prepared import PreparedTask

UNSEEN = "unseen rows"
"""The part of a split whose inputs are not among those that the sample is trained on; no type of entity has a space."""


@dataclass(frozen=True)
class Answered:
    """Rows of a split: identifiers, references, answers by decoder, and what each is made from where that is known."""

    rows: list[str]
    references: list[tuple[str, ...]]
    answers: dict[str, list[str]]
    made_from: list[str | None]

    def only(self, chosen: Sequence[int]) -> Self:
        """Some of the rows, by number."""
        return replace(
            self,
            rows=[self.rows[n] for n in chosen],
            references=[self.references[n] for n in chosen],
            answers={decoder: [texts[n] for n in chosen] for decoder, texts in self.answers.items()},
            made_from=[self.made_from[n] for n in chosen],
        )


def answered(folder: Path, task: PreparedTask, number: int) -> dict[str, Answered]:
    """The rows of `dev` and `test` of a tuned sample.

    Args:
        folder: the folder of the sample's predictions.
        task: the prepared task.
        number: the sample.

    Raises:
        DataError: predictions are missing, broken, or made on other rows.
    """
    found, (_, dev, test) = read_predictions(folder / PREDICTIONS), task.sample(number)
    parts = {"dev": dev, "test": test}
    return {part: _joined(folder, [row for row in found if row.part == part], rows) for part, rows in parts.items()}


def _joined(folder: Path, found: Sequence[Prediction], examples: Sequence[Example]) -> Answered:
    rows = [row.row for row in found]
    if rows != [row_id(example.identity) for example in examples]:
        raise DataError(
            f"{folder / PREDICTIONS} is on other rows than were prepared; delete {folder} and run snakemake again"
        )
    decoders = found[0].answers if found else ()
    try:
        texts = {decoder: [row.answers[decoder] for row in found] for decoder in decoders}
    except KeyError as error:
        raise DataError(
            f"{folder / PREDICTIONS}: a row has no answer by {error}; delete {folder} and run snakemake again"
        ) from None
    return Answered(rows, [example.targets for example in examples], texts, [row.group for row in found])
