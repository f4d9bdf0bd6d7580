"""What the log of a tuning job says, by a clock of the test's own."""

from itertools import pairwise

import pytest
from torch import Tensor, tensor

from priming.training.progress import BankProgress, RowProgress, tasks_named

Captured = pytest.CaptureFixture[str]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Losses:
    """Losses that count how often they are read: on a GPU each reading waits for the step to end."""

    read = 0

    def tolist(self) -> list[float]:
        Losses.read += 1
        return [1.0, 2.0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def unread() -> None:
    Losses.read = 0


def train(progress: BankProgress, clock: Clock, seconds: float, losses: Tensor | Losses) -> None:
    """All steps of a bank, each of so many seconds."""
    for step in range(1, progress.steps + 1):
        clock.now += seconds
        progress.after_step(step, losses)  # type: ignore[arg-type]


@pytest.mark.parametrize(("steps", "expected"), [(1000, 10), (60, 10), (25, 10), (4, 4), (1, 1)])
def test_about_ten_lines_and_losses_are_read_for_no_other(
    clock: Clock, capsys: Captured, steps: int, expected: int
) -> None:
    train(BankProgress("mine", 2, steps, clock=clock), clock, 0.01, Losses())
    assert len(capsys.readouterr().out.splitlines()) == Losses.read == expected


def test_one_line_where_only_the_end_is_wanted(clock: Clock, capsys: Captured) -> None:
    progress = BankProgress("mine", 2, 30, lines=1, clock=clock)
    progress.begin(8)
    train(progress, clock, 0.01, Losses())
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("mine: step 30 of 30, ")


def test_no_line_where_none_is_wanted(clock: Clock, capsys: Captured) -> None:
    progress = BankProgress("mine", 2, 30, lines=0, clock=clock)
    progress.begin(8)
    train(progress, clock, 100, Losses())
    progress.failed(["not finite"])
    assert (capsys.readouterr().out, Losses.read) == ("", 0)


def test_a_line_a_minute_where_steps_are_slow(clock: Clock, capsys: Captured) -> None:
    """At 25 s a step: a line at each third step, and at the tenths of 200 steps."""
    train(BankProgress("mine", 2, 200, clock=clock), clock, 25, Losses())
    steps = [int(line.split()[2]) for line in capsys.readouterr().out.splitlines()]
    assert set(range(20, 201, 20)) < set(steps)
    assert max(after - before for before, after in pairwise(steps)) == 3
    assert len(steps) == Losses.read < 80


def test_a_line_has_means_over_runs_the_time_of_a_step_and_what_is_left(clock: Clock, capsys: Captured) -> None:
    name, some = "mtl[plm] -> plm seed 1, mood, bank 2 of 3", " (2 of 3 runs)"
    progress = BankProgress(name, 3, 10, clock=clock)
    progress.begin(16)
    clock.now += 500  # scoring the start is no step
    progress.scored(0, [0.25, 0.5, 0.75])
    clock.now += 8
    progress.after_step(1, tensor([1.0, 2.0, 6.0]))
    progress.scored(2, [0.5, float("nan"), 1.0])
    clock.now += 12
    progress.after_step(2, tensor([1.0, float("inf"), 2.0]))
    progress.failed(["not finite at step 3"])
    progress.failed([])
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: 3 runs side by side, batches of 16, 10 steps",
        f"{name}: step 1 of 10, mean loss 3.0000, mean dev score 0.5000 at step 0, 8 s a step, about 72 s left",
        f"{name}: step 2 of 10, mean loss 1.5000{some}, mean dev score 0.7500{some} at step 2, 10 s a step, "
        "about 80 s left",
        f"{name}: 1 of 3 runs failed; the first: not finite at step 3",
    ]


def test_predictions_say_what_is_predicted_and_now_and_then_how_much_is_left(clock: Clock, capsys: Captured) -> None:
    progress = RowProgress("mood, test set", 3000, clock)
    progress.begin(5, [77, 2, 0], ["ranking", "greedy"])
    for _ in range(10):
        clock.now += 12
        progress.after_rows(300)
    progress.end()
    assert capsys.readouterr().out.splitlines() == [
        "mood, test set: 3,000 rows of 5 runs, 2 to 77 labels, by ranking, greedy",
        "mood, test set: 900 of 3,000 rows, 25 a second, about 84 s left",
        "mood, test set: 1,800 of 3,000 rows, 25 a second, about 48 s left",
        "mood, test set: 2,700 of 3,000 rows, 25 a second, about 12 s left",
        "mood, test set: done in 2 min",
    ]


def test_predictions_that_are_quick_or_free_text(clock: Clock, capsys: Captured) -> None:
    progress = RowProgress("mood, dev set", 4, clock)
    progress.after_rows(4)
    assert capsys.readouterr().out == ""
    progress.begin(1, [0], ["greedy"])
    assert capsys.readouterr().out == "mood, dev set: 4 rows of 1 run, by greedy\n"


def test_tasks_are_named_or_counted() -> None:
    assert tasks_named(["mood", "mood"]) == "mood"
    assert tasks_named(["mood", "topic", "mood"]) == "2 tasks"
