"""The protocol of a sweep: which runs there are, which wins, what happens to a run that breaks."""

import re
from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path
from statistics import fmean

import pytest
import torch

from priming.backbones.encoding import TextTokenizer, TokenizedDataset
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.prediction import Predictor
from priming.forms.text import FORM
from priming.forms.text_training import TRAINING
from priming.runs.keys import key
from priming.study.tuning import Grid, Scoring, Tuning
from priming.training.grid import Point, Run, Sample, banks, grid, winner
from priming.training.sweep import Sweep
from tests.tiny_bart import examples

Builder = Callable[..., TextModel]
Captured = pytest.CaptureFixture[str]
TUNING = Tuning(
    steps=6, evaluate_every=2, learning_rates=Grid(adapter=[1e-2, 1e-3]), batch_sizes=[4, 2], warmup=0.0, dropout=0.0
)
LABELS = ("good", "bad")


@pytest.fixture
def sweep(build: Builder, plm_folder: Path) -> Sweep:
    model = build(("plm", "adapter"))
    encoder = TextTokenizer(load_plm(plm_folder).tokenizer, 12, 4)
    return Sweep(model, TRAINING, ("adapter",), TUNING, Scoring(), Predictor(model, encoder))


def sample(number: int, encoder: TextTokenizer) -> Sample:
    texts = [
        ("red cat sings", ["good"]),
        ("blue dog runs", ["bad"]),
        ("green bird sleeps", ["good"]),
        ("one cat runs", ["bad"]),
    ]
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


def test_the_log_has_the_means_of_the_curves_and_changes_nothing(sweep: Sweep, capsys: Captured) -> None:
    data = [sample(1, sweep.predictor.encoder), sample(2, sweep.predictor.encoder)]
    sweep.name = "mtl[adapter] -> adapter seed 5"
    runs = sweep.run(data, seed=5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"mtl[adapter] -> adapter seed 5, a task, bank {bank} of 2" for bank in (1, 2) for _ in range(7)
    ]
    assert lines[0].endswith(": 4 runs side by side, batches of 4, 6 steps")
    bank = [run for run in runs if run.point.batch == 4]
    for step in (2, 4, 6):
        points = [point for run in bank for point in run.curve if point["step"] == step]
        loss, dev = (fmean(point[key] for point in points) for key in ("loss", "dev"))
        assert f"step {step} of 6, mean loss {loss:.4f}, mean dev score {dev:.4f} at step {step}, " in lines[step]
    sweep.lines = 1
    for quiet, run in zip(sweep.run(data, seed=5), runs, strict=True):
        assert quiet.curve == run.curve
        assert all(torch.equal(quiet.best[name], value) for name, value in run.best.items())
    assert [line.split(": ")[1].split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["step 6 of 6"] * 2


def test_the_log_says_how_far_slow_ranking_is(sweep: Sweep, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each row took half a minute, one at a time: two runs of four rows each, which are the same at first."""
    monkeypatch.setattr("priming.training.progress.QUIET_ROWS", 0.0)
    sweep.tuning = TUNING.model_copy(update={"steps": 2, "evaluate_every": 1, "batch_sizes": [4]})
    sweep.predictor = replace(sweep.predictor, nodes=1)
    sweep.run([sample(1, sweep.predictor.encoder)], seed=5)
    name = r"tuning, a task, bank 1 of 1, dev set at step (\d)"
    found = re.findall(rf"^{name}: (\d) of 8 rows, [\d.e+]+ a second, about \d+ s left$", capsys.readouterr().out, re.M)
    rows = [(0, row) for row in (1, 2, 3, 4, 8)] + [(step, row) for step in (1, 2) for row in range(1, 9)]
    assert found == [(str(step), str(row)) for step, row in rows]


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
    assert FORM.possible(["ranking", "greedy"], None, "greedy") == ["greedy"]
    assert FORM.possible(["ranking"], None, "greedy") == ["greedy"]
    assert FORM.possible(["ranking", "greedy"], LABELS, "greedy") == ["ranking", "greedy"]


def test_tasks_of_a_bank_are_predicted_as_alone(sweep: Sweep) -> None:
    """Runs of tasks with two, three and no labels and with unequally many rows give what each gives alone."""
    encoder = sweep.predictor.encoder
    rows = [
        encoder.inputs(["red cat", "blue dog sings", "one"]),
        encoder.inputs(["two birds sing"]),
        encoder.inputs(["green dog", "bad cat"]),
    ]
    labels = [LABELS, None, ("red", "blue", "green")]
    stacked = {n: torch.stack([p, p + 0.3, p - 0.2]) for n, p in sweep.model.named_parameters() if ".adapters." in n}
    together = sweep.predictor.predict(stacked, rows, labels, ["ranking", "greedy"])
    done: list[int] = []
    small = replace(sweep.predictor, at_once=2).predict(stacked, rows, labels, ["ranking", "greedy"], done.append)
    assert sorted(done) == [1, 1, 2, 2]
    for run in range(3):
        own = {n: v[run : run + 1] for n, v in stacked.items()}
        [alone] = sweep.predictor.predict(own, [rows[run]], [labels[run]], ["ranking", "greedy"])
        assert together[run] == alone == small[run]
        assert set(alone) == ({"greedy"} if labels[run] is None else {"ranking", "greedy"})
        assert all(len(texts) == len(rows[run]) for texts in alone.values())


def test_the_last_step_is_kept_where_the_study_says_so(sweep: Sweep) -> None:
    """Its parameters are those of a training without any evaluation in between, and its last score chooses."""
    data = sample(1, sweep.predictor.encoder)
    best = sweep.run([data], seed=5)
    sweep.tuning = TUNING.model_copy(update={"keep": "last"})
    last = sweep.run([data], seed=5)
    assert [run.curve for run in last] == [run.curve for run in best]
    assert [run.best_step for run in last] == [6] * 4
    assert [run.best_dev for run in last] == [run.curve[-1]["dev"] for run in best]
    scores = [run.curve[-1]["dev"] for run in best]
    assert winner(last) == scores.index(max(scores))
    sweep.tuning = sweep.tuning.model_copy(update={"evaluate_every": 6})
    for run, unwatched in zip(last, sweep.run([data], seed=5), strict=True):
        assert all(torch.equal(run.best[name], value) for name, value in unwatched.best.items())


def test_without_a_development_set_nothing_is_evaluated(sweep: Sweep, capsys: Captured) -> None:
    whole = sample(1, sweep.predictor.encoder)
    data = replace(whole, dev=sweep.predictor.encoder.examples([]), dev_references=[])
    sweep.tuning = TUNING.model_copy(update={"keep": "last", "batch_sizes": [4]})
    beside = sweep.run([whole], seed=5)
    assert "dev score" in capsys.readouterr().out
    runs = sweep.run([data], seed=5)
    assert "dev score" not in capsys.readouterr().out
    for run, other in zip(runs, beside, strict=True):
        assert (run.failure, run.best_step, run.best_dev) == (None, 6, None)
        assert [point["loss"] for point in run.curve] == [point["loss"] for point in other.curve]
        assert all(isnan(point["dev"]) for point in run.curve)
        assert all(torch.equal(run.best[name], value) for name, value in other.best.items())
    assert winner(runs) == 0


def test_runs_of_epochs_last_as_long_as_their_data(sweep: Sweep) -> None:
    """Samples of four and of two examples: three epochs in batches of 4 and of 2, each as long as alone in steps."""
    encoder = sweep.predictor.encoder
    four, whole = sample(1, encoder), sample(2, encoder)
    two = replace(whole, train=TokenizedDataset(whole.train.inputs[:2], whole.train.targets[:2]))
    sweep.tuning = Tuning.model_validate({**TUNING.model_dump(exclude={"steps"}), "epochs": 3})
    runs = sweep.run([four, two], seed=5)
    by_sample = {1: {4: 3, 2: 6}, 2: {4: 2, 2: 3}}
    for run in runs:
        steps = by_sample[run.sample.number][run.point.batch]
        assert (run.steps, run.curve[-1]["step"]) == (steps, steps)
    found = [(bank[0].point.batch, [run.steps for run in bank]) for bank in banks(runs, 64)]
    assert found == [(4, [3, 3, 2, 2]), (2, [6, 6, 3, 3])]
    for data, batch in ((two, 4), (two, 2), (four, 2)):
        sweep.tuning = TUNING.model_copy(update={"steps": by_sample[data.number][batch], "batch_sizes": [batch]})
        wanted = [run for run in runs if (run.sample.number, run.point.batch) == (data.number, batch)]
        for run, alone in zip(wanted, sweep.run([data], seed=5), strict=True):
            assert [(point["step"], point["dev"]) for point in run.curve] == [
                (point["step"], point["dev"]) for point in alone.curve
            ]
            assert run.best_step == alone.best_step
            assert sum(run.shapes.values()) == sum(alone.shapes.values()) == run.steps
            for name, value in alone.best.items():
                torch.testing.assert_close(run.best[name], value, rtol=0, atol=2e-6)


def test_lengths_are_the_innermost_loop_of_the_grid(sweep: Sweep) -> None:
    """Each run has the schedule and the end of its own length, as alone."""
    data = sample(1, sweep.predictor.encoder)
    lengths = {"epochs": [1, 3], "batch_sizes": [2], "learning_rates": {"adapter": [1e-2, 1e-3]}}
    sweep.tuning = Tuning.model_validate({**TUNING.model_dump(exclude={"steps", *lengths}), **lengths})
    runs = sweep.run([data], seed=5)
    assert [(run.point.rates["adapter"], run.report()["length"], run.steps) for run in runs] == [
        (1e-2, "1 epoch", 2), (1e-2, "3 epochs", 6), (1e-3, "1 epoch", 2), (1e-3, "3 epochs", 6),
    ]  # fmt: skip
    for epochs in (1, 3):
        sweep.tuning = sweep.tuning.model_copy(update={"epochs": epochs})
        wanted = [run for run in runs if str(run.point.length).startswith(str(epochs))]
        for run, alone in zip(wanted, sweep.run([data], seed=5), strict=True):
            assert "length" not in alone.report()
            assert [point["dev"] for point in run.curve] == [point["dev"] for point in alone.curve]
            for name, value in alone.best.items():
                torch.testing.assert_close(run.best[name], value, rtol=0, atol=2e-6)


def test_the_update_rule_is_the_one_that_the_study_names(sweep: Sweep) -> None:
    """One step of SGD from the start, without warm-up: the difference is the rate times AdamW's gradient."""
    data = sample(1, sweep.predictor.encoder)
    changes = {"steps": 1, "keep": "last", "optimizer": "sgd", "weight_decay": 0.0, "clip": None, "batch_sizes": [4]}
    sweep.tuning = TUNING.model_copy(update=changes)
    fast, slow = sweep.run([data], seed=5)
    start = {name: p.detach() for name, p in sweep.model.named_parameters() if name in fast.best}
    moved = {name: (start[name] - value) / 1e-2 for name, value in fast.best.items()}
    assert max(float(value.abs().max()) for value in moved.values()) > 0
    for name, value in slow.best.items():
        torch.testing.assert_close(start[name] - value, 1e-3 * moved[name], rtol=2e-3, atol=1e-7)


def test_a_model_that_is_not_tuned_is_scored_in_one_run_a_sample(sweep: Sweep) -> None:
    encoder = sweep.predictor.encoder
    untuned = Sweep(sweep.model, sweep.form, (), TUNING, Scoring(), sweep.predictor)
    runs = untuned.score([sample(1, encoder), sample(2, encoder)], seed=5)
    start = [run.curve[0]["dev"] for run in sweep.run([sample(1, encoder)], seed=5)]
    assert [(run.steps, run.best_step, run.best_dev, run.best) for run in runs] == [(0, 0, start[0], {})] * 2
    assert not any(run.kept_start for run in runs)
    assert winner(runs[:1]) == 0
