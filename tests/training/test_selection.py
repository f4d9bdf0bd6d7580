"""Which step a run keeps, in cases made by hand, and the development loss that decides ties."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
import torch
from torch import Tensor

from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, pad, shift_right
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.prediction import Predictor
from priming.forms.text_training import TRAINING
from priming.protocol.keeping.best import Selection
from priming.runs.parameters import Named, StackedParameters
from priming.study.tuning import Grid, Scoring, Tuning
from priming.training.grid import Run, Sample
from priming.training.sweep import Sweep
from tests.tiny_bart import examples

N = nan
# Development scores and losses at steps 0, 10, 20, 30; what is kept by the loss, what by CrossFit's rule.
CASES = {
    "the first of the highest": ([0.5, 0.7, 0.7, 0.6], [3, 2, 1, 0], 10, 10),
    "never above the start": ([0.5, 0.5, 0.4, 0.5], [3, 2, 1, 0], 0, 0),
    "always below the start": ([0.5, 0.4, 0.4, 0.4], [3, 2, 1, 0], 0, 0),
    "all tie, the loss falls": ([0.5, 0.5, 0.5, 0.5], [3, 2, 1, 2], 20, 0),
    "all tie, the loss rises": ([0.5, 0.5, 0.5, 0.5], [1, 2, 3, 4], 0, 0),
    "all tie, the losses too": ([0.5, 0.5, 0.5, 0.5], [1, 1, 1, 1], 0, 0),
    "a tie that ends above": ([0.5, 0.5, 0.6, 0.5], [3, 0, 2, 1], 20, 20),
    "a tie that ends below at the last": ([0.5, 0.5, 0.5, 0.4], [3, 2, 1, 0], 0, 0),
    "a tie that ends below, then above": ([0.5, 0.5, 0.4, 0.6], [3, 0, 2, 1], 30, 30),
    "no number at the start": ([N, 0.5, 0.5, 0.5], [3, 2, 1, 0], 10, 10),
    "no number amid a tie": ([0.5, 0.5, N, 0.5], [3, 2, 1, 0], 0, 0),
    "never a number": ([N, N, N, N], [3, 2, 1, 0], None, None),
    "below zero": ([-0.5, -0.5, -0.5, -0.5], [3, 2, 1, 0], 30, 0),
}


def bank() -> StackedParameters:
    """A run for each case; a parameter that holds the step."""
    return StackedParameters({"plm.step": torch.zeros(len(CASES), 1)}, lambda _: "plm")


def kept(by_loss: bool) -> tuple[Selection, list[Sequence[int]]]:
    """The cases side by side, and which runs' losses were asked for."""
    parameters, asked = bank(), []

    def losses(stacked: Named, runs: Sequence[int]) -> list[float]:
        asked.append(runs)
        steps = stacked["plm.step"][:, 0].tolist()
        return [list(CASES.values())[run][1][int(step) // 10] for run, step in zip(runs, steps, strict=True)]

    selection = Selection(parameters, losses if by_loss else None)
    for index in range(4):
        parameters.flat["plm"].fill_(10.0 * index)
        selection.note(10 * index, [case[0][index] for case in CASES.values()])
    return selection, asked


@pytest.mark.parametrize("by_loss", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_the_step_and_its_parameters_are_kept(name: str, by_loss: bool) -> None:
    selection, _ = kept(by_loss)
    run, wanted = list(CASES).index(name), CASES[name][2 if by_loss else 3]
    assert selection.choices[run].step == wanted
    assert selection.values(run)["plm.step"].item() == (wanted or 0)
    if wanted is not None:
        assert selection.choices[run].score == CASES[name][0][wanted // 10]


def test_a_choice_by_loss_says_so() -> None:
    selection, _ = kept(True)
    said = {name for name, choice in zip(CASES, selection.choices, strict=True) if choice.by_loss}
    assert said == {"all tie, the loss falls", "below zero"}


def test_losses_are_asked_for_while_scores_tie_and_no_longer() -> None:
    _, asked = kept(True)
    tied = [
        [run for run, case in enumerate(CASES.values()) if len(set(case[0][: index + 1])) == 1] for index in range(1, 4)
    ]
    tied = [[run for run in runs if list(CASES)[run] != "never a number"] for runs in tied]
    assert asked == [tied[0], tied[0], tied[1], tied[2]]  # twice at the first tie: for the start and for the step


@pytest.fixture
def predictor(build: Callable[..., TextModel], plm_folder: Path) -> Predictor:
    model = build(("adapter",))
    return Predictor(model, TextTokenizer(load_plm(plm_folder).tokenizer, 12, 4))


@pytest.mark.parametrize("at_once", [512, 3])
def test_the_development_loss_is_the_models_own(predictor: Predictor, plm_folder: Path, at_once: int) -> None:
    """Against the library's loss of an unchanged model, row by row; runs differ in size and length; also in chunks."""
    predictor, plain = replace(predictor, at_once=at_once), load_plm(plm_folder).model.eval()
    data = [examples(5, 1), examples(3, 2, longest=4, target=4), examples(4, 3, target=3)]
    start = {name: p for name, p in predictor.model.named_parameters() if ".adapters." in name}
    still = {name: torch.zeros_like(p) if "adapter_up" in name else p for name, p in start.items()}
    stacked = {name: value.expand(3, *value.shape) for name, value in still.items()}
    for found, rows in zip(predictor.losses(stacked, data), data, strict=True):
        total = tokens = 0.0
        for inputs, (target,) in zip(rows.inputs, rows.targets, strict=True):
            with torch.no_grad():
                loss = plain(input_ids=torch.tensor([inputs]), labels=torch.tensor([target])).loss
            total, tokens = total + loss.item() * len(target), tokens + len(target)
        assert found == pytest.approx(total / tokens, rel=1e-5)


def test_a_sweep_without_information_keeps_what_the_loss_prefers(
    build: Callable[..., TextModel], plm_folder: Path
) -> None:
    """One label only: every score is 1, so the loss decides; by CrossFit's rule the start is kept."""
    model = build(("adapter",))
    encoder = TextTokenizer(load_plm(plm_folder).tokenizer, 12, 4)
    texts = [("red cat sings", ["good"]), ("blue dog runs", ["good"])]
    data = Sample("a task", 1, encoder.examples(texts), encoder.examples(texts), [t for _, t in texts], ("good",))
    tuning = Tuning(
        steps=4, evaluate_every=2, learning_rates=Grid(adapter=[1e-2]), batch_sizes=[2], warmup=0.0, dropout=0.0
    )
    start = {name: p.clone() for name, p in model.named_parameters()}

    def tuned(ties: str) -> Run:
        settings = tuning.model_copy(update={"ties": ties})
        [run] = Sweep(model, TRAINING, ("adapter",), settings, Scoring(), Predictor(model, encoder)).run([data], 1)
        return run

    def loss(values: Named) -> float:
        batch = [
            pad(rows, value) for rows, value in ((data.dev.inputs, 1), ([r[0] for r in data.dev.targets], IGNORE_INDEX))
        ]
        with torch.no_grad():
            logits: Tensor = torch.func.functional_call(
                model, dict(values), (batch[0], batch[0].ne(1).long(), shift_right(batch[1], 2, 1))
            )
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[1].flatten()).item()

    first, by_loss = tuned("first"), tuned("loss")
    assert (first.best_step, first.kept_start, first.by_loss) == (0, True, False)
    assert (by_loss.best_step, by_loss.kept_start, by_loss.by_loss) == (4, False, True)
    assert by_loss.best_dev == first.best_dev == 1.0
    assert all(torch.equal(value, start[name]) for name, value in first.best.items())
    assert loss(by_loss.best) < loss(first.best)
