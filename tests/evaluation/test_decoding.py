"""Decoding side by side against Hugging Face's generate and a forward pass a label."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from priming.evaluation.decoding import encode, greedy, label_scores
from priming.models.encoding import pad
from priming.models.plm import load_plm
from priming.models.text_model import TextModel

ROWS = [[5, 9, 33, 2], [7, 8, 2], [40, 41, 42, 43, 44, 2], [90, 2]]


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    ids = pad(ROWS, 1)
    return ids, (ids != 1).long()


def test_greedy_equals_generate(plm_folder: Path, build: Callable[..., TextModel], inputs: tuple[torch.Tensor, torch.Tensor]) -> None:
    ids, mask = inputs
    model = build(("plm",)).eval()
    stacked = {n: torch.stack([p, p * 0.9]) for n, p in model.named_parameters()}
    states, masks = encode(model, stacked, ids.expand(2, -1, -1), mask.expand(2, -1, -1))
    ours = greedy(model, stacked, states, masks, longest=6)
    for run, factor in enumerate((1.0, 0.9)):
        reference = load_plm(plm_folder).model.eval()
        with torch.no_grad():
            for parameter in reference.parameters():
                parameter.mul_(factor)
        generated = reference.generate(ids, attention_mask=mask, max_new_tokens=6, num_beams=1, do_sample=False)[:, 1:]
        for mine, theirs in zip(ours[run].tolist(), generated.tolist(), strict=True):
            assert [t for t in mine if t != 1] == [t for t in theirs if t != 1]


@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix"])
@pytest.mark.parametrize("normalised", [False, True])
def test_label_scores_equal_the_loss_of_each_label(
    build: Callable[..., TextModel],
    inputs: tuple[torch.Tensor, torch.Tensor],
    element: str,
    normalised: bool,
) -> None:
    ids, mask = inputs
    model = build(("plm", element), torch.float64).eval()
    labels = [[11, 2], [12, 13, 14, 2], [15, 2]]
    stacked = {n: torch.stack([p, p + 0.1]) for n, p in model.named_parameters() if element in n}
    states, masks = encode(model, stacked, ids.expand(2, -1, -1), mask.expand(2, -1, -1))
    ours = label_scores(model, stacked, states, masks, [labels, labels[::-1]], normalised)
    for run in range(2):
        values = {n: v[run] for n, v in stacked.items()}
        for row, tokens in enumerate(ROWS):
            for index, label in enumerate(labels if run == 0 else labels[::-1]):
                logits = torch.func.functional_call(
                    model, values, (torch.tensor([tokens]), torch.ones(1, len(tokens)).long(), torch.tensor([[2, *label[:-1]]]))
                )
                logp = logits[0].log_softmax(-1)[torch.arange(len(label)), torch.tensor(label)]
                expected = logp.mean() if normalised else logp.sum()
                torch.testing.assert_close(ours[run, row, index], expected, rtol=1e-9, atol=1e-9)
