"""Evaluate runs by ranking with the package that Python finds first, of this commit or of an earlier one.

evaluation.py starts it. Each line on standard input is a request, answered by a line of JSON: `evaluate` by the seconds
of all evaluations of a sweep, `scores` by what the last development and test sets were scored and answered. Modules
have had other names, so each is looked for in all places where it has been.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

PLACES = {
    "Tuner": ("priming.training.tuner",),
    "Predictor": ("priming.forms.prediction", "priming.evaluation.prediction"),
    "Elements": ("priming.elements.sections", "priming.study.plm"),
    "Compute": ("priming.backbones.compute", "priming.study.compute"),
    "Strategy": ("priming.strategies",),
    "Plm": ("priming.study.plm",),
    "Tuning": ("priming.study.tuning",),
    "Scoring": ("priming.study.tuning",),
}
EVALUATIONS = 6
"""Of a run: before the first step, and after each ten of fifty."""


def found(name: str) -> Any:
    """A class by its name, from the first of its places that this commit has."""
    for place in PLACES[name]:
        try:
            return getattr(import_module(place), name)
        except ModuleNotFoundError:
            continue
    raise SystemExit(f"this commit has no {name} in {', '.join(PLACES[name])}")


def steps(first: Mapping[str, Tensor], last: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The values [R x ...] at each evaluation: from the first, which all runs share, to each run's own last."""
    return [
        {name: first[name] + (last[name] - first[name]) * (step / (EVALUATIONS - 1)) for name in last}
        for step in range(EVALUATIONS)
    ]


class Evaluation:
    """The evaluations of a sweep; `folder` holds the PLM, the values of the runs, their rows and their labels."""

    def __init__(self, folder: Path) -> None:
        self.given = json.loads((folder / "given.json").read_text(encoding="utf-8"))
        self.tuner = found("Tuner")(
            found("Plm")(**self.given["plm"]),
            Path(self.given["plm"]["path"]),
            found("Elements").model_validate(self.given["elements"]),
            found("Strategy").parse(f"none -> {self.given['element']}"),
            found("Tuning")(dropout=0.0),
            found("Scoring")(),
            1,
            found("Compute")(),
        )
        device = next(self.tuner.model.parameters()).device
        first, last = (
            {name: value.to(device) for name, value in load_file(folder / f"{which}.safetensors").items()}
            for which in ("first", "last")
        )
        self.values = steps(first, last)
        self.labels = [tuple(own) for own in self.given["labels"]]
        self.winners: list[int] = self.given["winners"]

    def evaluate(self) -> dict[str, float]:
        """Seconds of all evaluations: each run on its development set, then the winners on their test sets."""
        predictor, start = self.predictor(), self.now()
        for values in self.values:
            predictor.predict(values, self.given["dev"], self.labels, ["ranking"])
        predictor.predict(*self.of_winners(), ["ranking"])
        return {"seconds": self.now() - start}

    def now(self) -> float:
        """CPU seconds of the only thread; on a GPU, wall time in seconds once it has finished its work."""
        if next(self.tuner.model.parameters()).device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def predictor(self) -> Any:
        """A new one."""
        return found("Predictor")(self.tuner.model, self.tuner.encoder)

    def of_winners(self) -> tuple[dict[str, Tensor], list[Any], list[tuple[str, ...]]]:
        """Their last values, test rows and labels."""
        values = {name: value[self.winners] for name, value in self.values[-1].items()}
        return values, [self.given["test"][run] for run in self.winners], [self.labels[run] for run in self.winners]

    def scores(self) -> dict[str, list[Any]]:
        """Scores of the labels of each row, and the answers, of all runs' development sets, then the winners' tests."""
        dev = self._scored(self.values[-1], self.given["dev"], self.labels)
        test = self._scored(*self.of_winners())
        return {"scores": dev[0] + test[0], "answers": dev[1] + test[1]}

    def _scored(
        self, values: Mapping[str, Tensor], rows: Sequence[Any], labels: Sequence[tuple[str, ...]]
    ) -> tuple[list[Any], list[Any]]:
        predictor = self.predictor()
        if hasattr(predictor, "answer"):
            answers = predictor.answer(values, rows, labels, ["ranking"])
            return [one.scores for one in answers], [one.texts["ranking"] for one in answers]
        scores: list[Any] = [None] * len(rows)
        texts: list[Any] = [None] * len(rows)
        for size in {len(own) for own in labels}:  # which are decoded together
            runs = [run for run, own in enumerate(labels) if len(own) == size]
            part = {name: value[runs] for name, value in values.items()}
            with Recording() as record:
                given = predictor.predict(part, [rows[run] for run in runs], [labels[run] for run in runs], ["ranking"])
            for run, own, more in zip(runs, torch.cat(record.found, dim=1), given, strict=True):
                scores[run], texts[run] = own[: len(rows[run])].tolist(), more["ranking"]
        return scores, texts


class Recording:
    """Within it, what an earlier commit's predictor scores is recorded: it gives answers alone."""

    def __init__(self) -> None:
        self.module = import_module(found("Predictor").__module__)
        self.scores = self.module.label_scores
        self.found: list[Tensor] = []

    def __enter__(self) -> "Recording":
        self.module.label_scores = self._record
        return self

    def __exit__(self, *_: object) -> None:
        self.module.label_scores = self.scores

    def _record(self, *given: Any, **named: Any) -> Tensor:
        self.found.append(self.scores(*given, **named))
        return self.found[-1]


def main() -> None:
    """Answer requests until standard input ends."""
    torch.set_num_threads(1)
    evaluation = Evaluation(Path(sys.argv[1]))
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    for line in sys.stdin:
        print(json.dumps(getattr(evaluation, line.strip())()), file=answers, flush=True)


if __name__ == "__main__":
    main()
