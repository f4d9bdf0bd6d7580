"""Decoding side by side against Hugging Face's generate and a forward pass a label."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from priming.backbones.encoding import TextTokenizer, pad
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.decoding import encode, greedy, label_scores
from priming.forms.label_tree import label_trees
from priming.forms.prediction import Predictor

ROWS = [[5, 9, 33, 2], [7, 8, 2], [40, 41, 42, 43, 44, 2], [90, 2]]


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    ids = pad(ROWS, 1)
    return ids, (ids != 1).long()


def test_greedy_equals_generate(
    plm_folder: Path, build: Callable[..., TextModel], inputs: tuple[torch.Tensor, torch.Tensor]
) -> None:
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
    trees = label_trees([labels, labels[::-1]], model.start_id, model.pad_id)
    ours = label_scores(model, stacked, states, masks, trees, normalised)
    for run in range(2):
        values = {n: v[run] for n, v in stacked.items()}
        for row, tokens in enumerate(ROWS):
            for index, label in enumerate(labels if run == 0 else labels[::-1]):
                logits = torch.func.functional_call(
                    model,
                    values,
                    (torch.tensor([tokens]), torch.ones(1, len(tokens)).long(), torch.tensor([[2, *label[:-1]]])),
                )
                logp = logits[0].log_softmax(-1)[torch.arange(len(label)), torch.tensor(label)]
                expected = logp.mean() if normalised else logp.sum()
                torch.testing.assert_close(ours[run, row, index], expected, rtol=1e-9, atol=1e-9)


def test_runs_that_are_the_same_are_decoded_once(build: Callable[..., TextModel]) -> None:
    """As those of a sweep before their first step; not where values, rows or labels differ."""
    model = build(("plm", "adapter"))
    predictor = Predictor(model, TextTokenizer(model.tokenizer, 12, 4))
    own = dict(model.owned_by(("adapter",)))
    stacked = {name: torch.stack([value, value, value + 0.1, value, value]) for name, value in own.items()}
    labels: list[tuple[str, ...]] = [("good", "bad dog")] * 4 + [("red", "blue")]
    inputs = [ROWS, list(ROWS), ROWS, ROWS[:2], ROWS]
    encoded: list[int] = []
    rows_of_all = 0

    def count(number: int) -> None:
        nonlocal rows_of_all
        rows_of_all += number

    hook = model.plm.get_encoder().register_forward_hook(lambda *_: encoded.append(1))
    alone = replace(predictor, nodes=1)  # a run and a row at a time
    found = alone.answer(stacked, inputs, labels, ["ranking"], count)
    hook.remove()
    assert len(encoded) == 4 + 4 + 2 + 4
    assert rows_of_all == sum(map(len, inputs))
    assert found[0] == found[1] != found[2]
    for run, answers in enumerate(found):
        values = {name: value[run : run + 1] for name, value in stacked.items()}
        [expected] = predictor.answer(values, inputs[run : run + 1], labels[run : run + 1], ["ranking"])
        assert answers.texts == expected.texts
        torch.testing.assert_close(torch.tensor(answers.scores), torch.tensor(expected.scores), rtol=1e-5, atol=1e-5)
