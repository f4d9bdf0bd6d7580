"""Choices without their last tokens, and texts without end tokens: scores from a T5's logits, token by token.

In whatever precision a T5 is, its norms and its softmax are float32: hence the tolerance.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration

from priming.backbones.attachment import attach
from priming.backbones.encoding import TextTokenizer
from priming.backbones.interface import EndTokens
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.choices import FORM, Question, question
from priming.forms.choices_training import Chooser
from priming.forms.table import FORMS
from priming.forms.training import training_of
from tests.tiny_bart import SIZES

TRAINING = training_of(FORMS["choices"])
ROWS = [
    question("red cat", ["good bad", "bad dog sings", "blue cat"], 1),
    question("blue dog sings one two birds", ["two birds sing", "one"], 0),
]
CLOSE = 1e-5
LOST = [replace(row, loses_last=True) for row in ROWS]


@pytest.fixture(scope="module")
def folder(plm_folders: dict[str, Path]) -> Path:
    return plm_folders["t5-gated"]


@pytest.fixture
def model(folder: Path) -> TextModel:
    return attach(load_plm(folder, dropout=0.0), (), SIZES, 0).double().requires_grad_(False).eval()


@torch.no_grad()
def by_hand(folder: Path, row: Question, source_ends: bool, target_ends: bool, longest: int = 40) -> list[float]:
    """The score of each choice of a row: mean log-probability of its tokens, each from logits after those before it."""
    plm, tokenizer = (
        T5ForConditionalGeneration.from_pretrained(folder).double().eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    end, found = [tokenizer.eos_token_id], []

    def words(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    source = words(row.input) + (end if source_ends else [])
    for choice in row.choices:
        own = words(choice)
        own = own[:-1] if row.loses_last and (len(own) > 1 or target_ends) else own
        target = own[: longest - target_ends] + (end if target_ends else [])
        total = 0.0
        for place, token in enumerate(target):
            given = torch.tensor([[plm.config.decoder_start_token_id, *target[:place]]])
            logits = plm(input_ids=torch.tensor([source]), decoder_input_ids=given).logits[0, -1]
            shifted = torch.exp(logits - logits.max())
            total += float(torch.log(shifted[token] / shifted.sum()))
        found.append(total / (len(target) + 1e-6))
    return found


def scores(model: TextModel, rows: list[Question], ended: EndTokens, longest: int = 40) -> list[list[float]]:
    tokenizer = TextTokenizer(model.tokenizer, 40, longest, ended=ended)
    (name, value), *_ = model.owned_by(("plm",))
    (found,) = Chooser(model).answer({name: value[None]}, [TRAINING.inputs(tokenizer, rows)], [None], ["ranking"])
    return [list(own) for own in found.scores]


@pytest.mark.parametrize("rows", [ROWS, LOST], ids=["whole", "without the last token"])
@pytest.mark.parametrize(
    ("ended", "source", "target"), [("both", True, True), ("outputs", False, True), ("none", False, False)]
)
def test_scores_are_those_of_logits_token_by_token(
    model: TextModel, folder: Path, rows: list[Question], ended: EndTokens, source: bool, target: bool
) -> None:
    for own, row in zip(scores(model, rows, ended), rows, strict=True):
        assert own == pytest.approx(by_hand(folder, row, source, target), rel=CLOSE)


def test_every_option_changes_scores(model: TextModel) -> None:
    found = [scores(model, rows, ended)[0][1] for rows in (ROWS, LOST) for ended in ("both", "outputs", "none")]
    assert len({round(score, 9) for score in found}) == 6


def test_what_is_cut_loses_nothing_more(model: TextModel, folder: Path) -> None:
    """The authors drop a choice's last token first and cut afterwards."""
    long = [question("red cat", ["two birds sing one blue dog", "one two"], 0)]
    lost = [replace(row, loses_last=True) for row in long]
    for longest in (5, 6, 7):
        for own, row in zip(scores(model, lost, "both", longest), lost, strict=True):
            assert own == pytest.approx(by_hand(folder, row, True, True, longest), rel=CLOSE)


def test_tuning_sees_what_is_scored(model: TextModel) -> None:
    tokenizer = TextTokenizer(model.tokenizer, 40, 40, ended="outputs")
    data = TRAINING.encoded(tokenizer, LOST, None, 0)
    end = model.tokenizer.eos_token_id
    assert data.targets[0][0] == (*model.tokenizer("bad dog sings", add_special_tokens=False)["input_ids"][:-1], end)
    assert data.inputs[0] == tuple(model.tokenizer("red cat", add_special_tokens=False)["input_ids"])


def test_rows_say_that_they_lose_a_token_and_other_rows_are_as_before() -> None:
    assert FORM.written_row(LOST[1]) == FORM.written_row(ROWS[1]) | {"loses_last": True}
    assert FORM.read_row(FORM.written_row(LOST[1])) == LOST[1]
    assert LOST[1].written("x", str.upper).loses_last
    with pytest.raises(TypeError, match="loses_last 1 is neither true nor false"):
        FORM.read_row(FORM.written_row(ROWS[1]) | {"loses_last": 1})
