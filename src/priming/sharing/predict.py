"""Answers of a tuned model to rows of the user's own."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from priming.atomic import atomic_file
from priming.backbones.compute import Compute
from priming.errors import DataError, nearest
from priming.forms.answers import Answers
from priming.forms.interface import Form
from priming.forms.table import KINDS
from priming.result_files import finite
from priming.sharing.asked import Asked
from priming.sharing.finished import TUNED, Finished
from priming.tasks.prepared import PreparedTask
from priming.tasks.reading.rows import Row

PREDICTION, SCORES = "prediction", "scores"
WRITTEN = (".jsonl", ".csv")
AT_ONCE = 4096
_DIGITS = 6

Answer = dict[str, Any]


def predict(
    finished: Finished, file: Path, out: Path | None, template: str | None = None, decoder: str | None = None
) -> int:
    """Write the rows of a file with what a tuned sample answers to them; returns their number.

    Args:
        finished: the tuned sample.
        file: the rows; answers in it are left alone.
        out: a file that ends in one of WRITTEN; the standard output, as JSON lines, without.
        template: how an input is made from columns, such as `{premise} {hypothesis}`.
        decoder: how an answer is read off the model; by default, as the study does to select.

    Raises:
        DataError: the result, the file or a row cannot be used.
    """
    if finished.kind != TUNED or (task := finished.task) is None:
        raise DataError(f"{finished.folder}: it is not tuned on a task; give a sample of a task, .../TASK/sample-13")
    if out and out.suffix not in WRITTEN:
        raise DataError(f"--out {out}: answers cannot be written to such a file; allowed: {', '.join(WRITTEN)}")
    rows, examples = Asked(task.kind, template).rows(file)
    for name in (PREDICTION, SCORES):
        if taken := next((row for row in rows if name in row.values), None):
            raise DataError(f"{taken.place} has a column {name!r}, where the answer is written; rename it")
    ready = _ready(finished)
    form = ready.tuner.form([task])
    how = _decoder(form, task, ready, decoder)
    by_word = KINDS[task.kind].by_word
    with _opened(out) as stream:
        write = _csv(stream, rows, task) if out and out.suffix == ".csv" else _jsonl(stream, by_word)
        for first in range(0, len(rows), AT_ONCE):
            inputs = ready.tuner.inputs(form, task.name, examples[first : first + AT_ONCE])
            (answers,) = ready.tuner.runs(form).answer({}, [inputs], [task.labels], [how])
            for row, answer in zip(rows[first : first + AT_ONCE], _answers(answers, how, task), strict=True):
                write(row, answer)
    return len(rows)


def _ready(finished: Finished) -> Finished:
    """The result with its model as it answered in the study, on a GPU where there is one."""
    said = {key: value for key, value in finished.settings.items() if key in Compute.model_fields}
    found = replace(finished, compute=Compute.model_validate({**said, "compile": "off"}))
    assert not found.model.training
    return found


def _decoder(form: Form, task: PreparedTask, finished: Finished, wanted: str | None) -> str:
    """The decoder that was asked for, else that which selected; raises DataError where the task has none such."""
    scoring = finished.scoring
    (usual,) = form.possible([scoring.decoder], task.labels, scoring.generator)
    allowed = [name for name in form.decoders if name in form.possible([name], task.labels, scoring.generator)]
    if wanted and wanted not in allowed:
        text = f"--decoder {wanted}: the model does not answer task {task.name!r} so{nearest(wanted, allowed)}"
        raise DataError(f"{text}; allowed: {', '.join(allowed)}")
    return wanted or usual


def _answers(answers: Answers, decoder: str, task: PreparedTask) -> Iterator[Answer]:
    """By row the text, and the scores of what was ranked."""
    for number, text in enumerate(answers.texts[decoder]):
        found: Answer = {PREDICTION: text}
        if answers.scores:
            scores = [round(score, _DIGITS) for score in answers.scores[number]]
            found[SCORES] = dict(zip(task.labels, scores, strict=True)) if task.labels else scores
        yield finite(found)


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    """The file to write, which is there when all is written, or the standard output."""
    with nullcontext(None) if out is None else atomic_file(out) as part:
        if part is None:
            yield sys.stdout
        else:
            with part.open("w", encoding="utf-8", newline="") as stream:
                yield stream


def _jsonl(stream: IO[str], by_word: bool) -> Any:
    """Writes a row as a line of JSON; the tags of words are a list."""

    def write(row: Row, answer: Answer) -> None:
        """One line."""
        shown = answer | {PREDICTION: answer[PREDICTION].split(" ")} if by_word else answer
        stream.write(json.dumps({**row.values, **shown}, ensure_ascii=False, default=str) + "\n")

    return write


def _csv(stream: IO[str], rows: Sequence[Row], task: PreparedTask) -> Any:
    """Writes a row with a column for the answer, and one for the score of each label; lists as JSON."""
    columns = list(dict.fromkeys(name for row in rows for name in row.values))
    of_labels = [f"score {label}" for label in task.labels or ()]
    writer = csv.DictWriter(stream, [*columns, PREDICTION, *(of_labels or [SCORES])], restval="", lineterminator="\n")
    writer.writeheader()

    def write(row: Row, answer: Answer) -> None:
        """One line."""
        scores = answer.get(SCORES, {})
        named = {f"score {label}": score for label, score in scores.items()} if of_labels else {SCORES: scores or ""}
        whole = {**row.values, PREDICTION: answer[PREDICTION], **named}
        writer.writerow({key: _cell(value) for key, value in whole.items()})

    return write


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
