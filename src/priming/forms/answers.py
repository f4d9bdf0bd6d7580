"""A model's answers as data: one text per decoder and row, scores of ranked labels; and the file that holds them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from priming.checked import checked
from priming.digests import of_json
from priming.errors import DataError
from priming.forms.rows import Example
from priming.result_files import finite

PREDICTIONS = "predictions.jsonl"
_DIGITS = 6


@dataclass(frozen=True)
class Answers:
    """The answers of one run: by decoder a text for each of B rows, and [B x L] scores if L labels were ranked.

    A row may have labels of its own, and then as many scores as it has of them.
    """

    texts: dict[str, list[str]]
    scores: list[list[float]] = field(default_factory=list)

    def sorted_back(self, order: Sequence[int]) -> "Answers":
        """The answers in the order of the rows, of which these are those numbered `order`; others are dropped."""
        places = sorted(range(len(order)), key=order.__getitem__)
        texts = {name: [own[place] for place in places] for name, own in self.texts.items()}
        return Answers(texts, [self.scores[place] for place in places] if self.scores else [])


@dataclass(frozen=True)
class Prediction:
    """A row of the file of predictions.

    `part` is `dev` or `test`, `row` the same wherever the input is, `group` the row of a data set that it was made from
    by a template among several. `answers` has a text by decoder, `scores` the log-probability of each label, in the
    order of the task's labels or of the row's own choices, where they were ranked.
    """

    part: str
    row: str
    answers: dict[str, str]
    scores: list[float] | None = None
    group: str | None = None


def row_id(identity: str) -> str:
    """What names a row with this identity."""
    return of_json(identity)[:16]


def predictions(part: str, rows: Iterable[Example], answers: Answers) -> Iterable[Prediction]:
    """The rows of a part with what was answered on them."""
    for number, row in enumerate(rows):
        scores = [round(value, _DIGITS) for value in answers.scores[number]] if answers.scores else None
        texts = {name: own[number] for name, own in answers.texts.items()}
        yield Prediction(part, row_id(row.identity), texts, scores, row.made_from)


def write_predictions(path: Path, rows: Iterable[Prediction]) -> None:
    """Write rows as JSON lines; what a row does not have is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = ({key: value for key, value in asdict(row).items() if value is not None} for row in rows)
    path.write_text("".join(json.dumps(finite(row), ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")


def read_predictions(path: Path) -> list[Prediction]:
    """Read what `write_predictions` wrote; raises DataError where it is missing or broken."""
    again = f"delete {path.parent} and run snakemake again"
    try:
        return [Prediction(**json.loads(line)) for line in checked(path).read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {again}") from None
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is not predictions as this version writes them ({error}); {again}") from error
