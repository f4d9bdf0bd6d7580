"""The protocol of a sweep: which runs there are, which wins, what happens to a run that breaks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from priming.evaluation.prediction import Predictor, possible
from priming.models.encoding import Encoder
from priming.models.plm import load_plm
from priming.models.text_model import TextModel
from priming.study.tuning import Grid, Scoring, Tuning
from priming.training.keys import key
from priming.training.sweep import Point, Run, Sample, Sweep, banks, grid, winner
from tests.tiny_bart import examples

Builder = Callable[..., TextModel]
TUNING = Tuning(steps=6, evaluate_every=2, learning_rates=Grid(adapter=[1e-2, 1e-3]), batch_sizes=[4, 2], warmup=0.0, dropout=0.0)
LABELS = ("good", "bad")


@pytest.fixture
def sweep(build: Builder, plm_folder: Path) -> Sweep:
    model = build(("plm", "adapter"))
    encoder = Encoder(load_plm(plm_folder).tokenizer, 12, 4)
    return Sweep(model, ("adapter",), TUNING, Scoring(), Predictor(model, encoder))


def sample(number: int, encoder: Encoder) -> Sample:
    texts = [("red cat sings", ["good"]), ("blue dog runs", ["bad"]), ("green bird sleeps", ["good"]), ("one cat runs", ["bad"])]
    dev = encoder.examples(texts[::-1])
    return Sample("a task", number, encoder.examples(texts), dev, [references for _, references in texts[::-1]], LABELS)


def test_grid_has_rates_outermost() -> None:
    points = grid(("plm", "prompt"), Tuning(learning_rates=Grid(plm=[1.0, 2.0], prompt=[3.0, 4.0]), batch_sizes=[8, 4]))
    assert [(p.rates["plm"], p.rates["prompt"], p.batch) for p in points] == [
        (1, 3, 8), (1, 3, 4), (1, 4, 8), (1, 4, 4), (2, 3, 8), (2, 3, 4), (2, 4, 8), (2, 4, 4),
    ]  # fmt: skip


def test_banks_hold_one_batch_size_and_no_more_than_allowed() -> None:
    data = Sample("a task", 1, examples(4, 0), examples(4, 1), [], None)
    runs = [Run(data, Point({"adapter": 1.0}, batch), 0) for batch in (4, 2, 4, 4, 2)]
    found = list(banks(runs, 2))
    assert [[run.point.batch for run in bank] for bank in found] == [[4, 4], [4], [2, 2]]
    assert {id(run) for bank in found for run in bank} == set(map(id, runs))


def test_every_run_is_evaluated_on_the_schedule_and_keeps_its_first_best(sweep: Sweep) -> None:
    runs = sweep.run([sample(1, sweep.predictor.encoder), sample(2, sweep.predictor.encoder)], seed=5)
    assert len(runs) == 2 * 4
    assert [run.key for run in runs] == [key("tune", 5, "a task", 1)] * 4 + [key("tune", 5, "a task", 2)] * 4
    for run in runs:
        assert [point["step"] for point in run.curve] == [0, 2, 4, 6]
        best = max(point["dev"] for point in run.curve)
        assert run.best_dev == best
        tied = {point["dev"] for point in run.curve} == {best}
        assert run.by_loss == (tied and run.best_step != 0)
        assert tied or run.best_step == next(point["step"] for point in run.curve if point["dev"] == best)


def test_kept_parameters_are_those_of_the_best_step(sweep: Sweep) -> None:
    """Stopping a constant-rate sweep at the best step gives the parameters that the whole sweep kept."""
    data = sample(1, sweep.predictor.encoder)
    for run in sweep.run([data], seed=5):
        stacked = {name: value[None] for name, value in run.best.items()}
        predicted = sweep.predictor.predict(stacked, [data.dev.inputs], [LABELS], ["ranking"])[0]["ranking"]
        hits = sum(p == r[0] for p, r in zip(predicted, data.dev_references, strict=True))
        assert hits / len(predicted) == run.best_dev
        start = {n: p for n, p in sweep.model.named_parameters() if n in run.best}
        assert all(torch.equal(run.best[n], start[n]) for n in start) == (run.best_step == 0)


def test_a_score_that_is_not_a_number_never_wins(sweep: Sweep) -> None:
    """The labels are words, so their Pearson correlation is never a number; a task may have a metric of its own."""
    data = sample(1, sweep.predictor.encoder)
    sweep.scoring = Scoring(metric="task", metrics=["task"])
    by_words = sweep.run([replace(data, metric="pearson")], seed=5)
    assert {run.failure for run in by_words} == {"its development score was never a number"}
    assert winner(by_words) is None
    by_accuracy = sweep.run([replace(data, metric="accuracy")], seed=5)
    sweep.scoring = Scoring()
    assert [run.best_dev for run in by_accuracy] == [run.best_dev for run in sweep.run([data], seed=5)]


def test_winner_is_the_first_of_equals_and_never_a_failed_run() -> None:
    data = Sample("a task", 1, examples(4, 0), examples(4, 1), [], None)

    def run(dev: float, failure: str | None = None) -> Run:
        return Run(data, Point({}, 4), 0, best_dev=dev, failure=failure)

    assert winner([run(0.5), run(0.7), run(0.7)]) == 1
    assert winner([run(0.5), run(0.9, "broken")]) == 0
    assert winner([run(0.5, "broken")]) is None


def test_a_run_that_breaks_does_not_touch_its_bank(sweep: Sweep) -> None:
    data = sample(1, sweep.predictor.encoder)
    healthy = [Run(data, Point({"adapter": 1e-2}, 4), 1)]
    sweep.train_bank(healthy)
    mixed = [Run(data, Point({"adapter": 1e-2}, 4), 1), Run(data, Point({"adapter": float("inf")}, 4), 2)]
    sweep.train_bank(mixed)
    assert "not finite at step 2" in (mixed[1].failure or "")
    assert mixed[0].failure is None
    for name, value in healthy[0].best.items():
        torch.testing.assert_close(mixed[0].best[name], value, rtol=1e-4, atol=1e-6)


def test_the_order_of_evaluation_does_not_change_the_training(sweep: Sweep) -> None:
    data = sample(1, sweep.predictor.encoder)
    losses = []
    for every in (1, 6):
        sweep.tuning = TUNING.model_copy(update={"evaluate_every": every})
        run = Run(data, Point({"adapter": 1e-2}, 4), 1)
        sweep.train_bank([run])
        losses.append(run.curve[-1]["loss"])
    assert losses[0] == losses[1]


def test_ranking_needs_labels() -> None:
    assert possible(["ranking", "greedy"], None) == ["greedy"]
    assert possible(["ranking"], None) == ["greedy"]
    assert possible(["ranking", "greedy"], LABELS) == ["ranking", "greedy"]


def test_tasks_of_a_bank_are_predicted_as_alone(sweep: Sweep) -> None:
    """Runs of tasks with two, three and no labels and with unequally many rows give what each gives alone."""
    encoder = sweep.predictor.encoder
    rows = [encoder.inputs(["red cat", "blue dog sings", "one"]), encoder.inputs(["two birds sing"]), encoder.inputs(["green dog", "bad cat"])]
    labels = [LABELS, None, ("red", "blue", "green")]
    stacked = {n: torch.stack([p, p + 0.3, p - 0.2]) for n, p in sweep.model.named_parameters() if ".adapters." in n}
    together = sweep.predictor.predict(stacked, rows, labels, ["ranking", "greedy"])
    small = replace(sweep.predictor, at_once=2).predict(stacked, rows, labels, ["ranking", "greedy"])
    for run in range(3):
        own = {n: v[run : run + 1] for n, v in stacked.items()}
        [alone] = sweep.predictor.predict(own, [rows[run]], [labels[run]], ["ranking", "greedy"])
        assert together[run] == alone == small[run]
        assert set(alone) == ({"greedy"} if labels[run] is None else {"ranking", "greedy"})
        assert all(len(texts) == len(rows[run]) for texts in alone.values())
