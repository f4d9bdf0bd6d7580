"""Choices of each row's own: scores and losses as transformers' models give them a pair at a time; rows; baselines."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from priming.backbones.attachment import attach
from priming.backbones.encoding import TextTokenizer
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.answers import predictions
from priming.forms.choices import FORM, Question, question
from priming.forms.choices_training import Chooser
from priming.forms.table import FORMS, form_of_kind, form_on
from priming.forms.training import training_of
from priming.runs.parameters import StackedParameters
from tests.tiny_bart import SIZES
from tests.tiny_plms import CLASSES

TRAINING = training_of(FORMS["choices"])
ROWS = [
    question("red cat", ["good", "bad dog", "blue"], 2),
    question("blue dog sings one two birds", ["two birds sing", "one"], 0),
    question("one", ["red", "red cat", "red cat sings", "blue dog"], 1),
    question("two birds", ["cat", "dog"], 1),
]


@pytest.fixture(params=CLASSES)
def folder(request: pytest.FixtureRequest, plm_folders: dict[str, Path]) -> Path:
    return plm_folders[request.param]


@pytest.fixture
def model(folder: Path) -> TextModel:
    return attach(load_plm(folder, dropout=0.0), (), SIZES, 0).double().requires_grad_(False).eval()


def plain_scores(folder: Path, row: Question) -> list[float]:
    """Mean log-probability of each choice's tokens, by a library's model given one pair at a time."""
    plm, tokenizer = (
        AutoModelForSeq2SeqLM.from_pretrained(folder).double().eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    found = []
    for choice in row.choices:
        given = {key: torch.tensor([value]) for key, value in tokenizer(row.input).items() if key != "token_type_ids"}
        labels = torch.tensor([tokenizer(choice)["input_ids"]])
        logits = plm(**given, labels=labels).logits[0]
        total = -cross_entropy(logits, labels[0], reduction="sum").item()
        found.append(total / (labels.shape[1] + 1e-6))
    return found


def of_runs(model: TextModel, runs: int) -> dict[str, torch.Tensor]:
    """The embeddings of R runs, each with values of its own but for the first."""
    (name, value), *_ = model.owned_by(("plm",))
    stacked = torch.stack([value * (1 + 0.2 * run) for run in range(runs)])
    return {name: stacked}


def test_scores_are_those_of_one_pair_at_a_time(model: TextModel, folder: Path) -> None:
    inputs = TRAINING.inputs(TextTokenizer(model.tokenizer, 40, 40), ROWS)
    (found,) = Chooser(model, at_once=2, logits=1).answer(of_runs(model, 1), [inputs], [None], ["ranking"])
    expected = [plain_scores(folder, row) for row in ROWS]
    for own, plain, row in zip(found.scores, expected, ROWS, strict=True):
        assert own == pytest.approx(plain, rel=1e-6)
        assert len(own) == len(row.choices)
    best = [row.choices[max(range(len(own)), key=own.__getitem__)] for row, own in zip(ROWS, expected, strict=True)]
    assert found.texts == {"ranking": best}


def test_runs_with_rows_of_their_own_score_as_alone(model: TextModel) -> None:
    tokenizer, stacked = TextTokenizer(model.tokenizer, 40, 40), of_runs(model, 2)
    rows = [TRAINING.inputs(tokenizer, ROWS), TRAINING.inputs(tokenizer, ROWS[:2])]
    together = TRAINING.runs(model, tokenizer, None).answer(stacked, rows, [None, None], ["ranking", "greedy"])
    for run, found in enumerate(together):
        own = {name: value[run : run + 1] for name, value in stacked.items()}
        (alone,) = Chooser(model).answer(own, [rows[run]], [None], ["ranking"])
        assert found.texts == alone.texts
        for a, b in zip(found.scores, alone.scores, strict=True):
            assert a == pytest.approx(b, rel=1e-6)
    assert together[0].scores[:2] != together[1].scores


def test_losses_are_of_the_right_choices(model: TextModel, folder: Path) -> None:
    tokenizer = TextTokenizer(model.tokenizer, 40, 40)
    data = TRAINING.encoded(tokenizer, ROWS, None, 0)
    right = [plain_scores(folder, row)[row.answer] for row in ROWS]
    tokens = [len(own[0]) for own in data.targets]
    expected = -sum(value * (n + 1e-6) for value, n in zip(right, tokens, strict=True)) / sum(tokens)
    (found,) = Chooser(model).losses(of_runs(model, 1), [data])
    assert found == pytest.approx(expected, rel=1e-6)
    assert tokenizer.tokenizer.decode(data.targets[1][0], True).strip() == "two birds sing"


def test_encoder_runs_once_a_row(model: TextModel, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, real = [], TextModel.encode

    def counted(self: TextModel, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        encoded.append(int(mask.sum()))
        return real(self, ids, mask)

    monkeypatch.setattr(TextModel, "encode", counted)
    inputs = TRAINING.inputs(TextTokenizer(model.tokenizer, 40, 40), ROWS)
    Chooser(model).answer(of_runs(model, 1), [inputs], [None], ["ranking"])
    assert sum(encoded) == sum(map(len, inputs))


def test_answers_are_stored_with_a_score_for_each_choice(model: TextModel) -> None:
    rows = [question("red cat", ["good", "bad"], 0, id="7", group="cb"), ROWS[2]]
    inputs = TRAINING.inputs(TextTokenizer(model.tokenizer, 40, 40), rows)
    (found,) = Chooser(model).answer(of_runs(model, 1), [inputs], [None], ["ranking"])
    first, second = predictions("test", rows, found)
    assert (first.group, second.group) == ("cb/7", None)
    assert [len(first.scores or ()), len(second.scores or ())] == [2, 4]


def test_a_row_is_read_as_it_was_written() -> None:
    row = question("red", ["a", "b"], 1, id="4", group="cb", template="can we infer")
    assert FORM.written_row(row) == {
        "input": "red", "choices": ["a", "b"], "answer": 1, "id": "4", "group": "cb", "template": "can we infer"
    }  # fmt: skip
    assert FORM.read_row(FORM.written_row(row)) == row
    assert FORM.read_row(FORM.written_row(ROWS[0])) == ROWS[0]


@pytest.mark.parametrize(
    ("choices", "answer", "error", "text"),
    [
        (["a"], 0, ValueError, "1 choices; a question has two or more"),
        (["a", " "], 0, ValueError, "choice 2 is empty"),
        (["a", "b"], 2, ValueError, "the answer is choice 2, counted from 0, of 2"),
        (["a", "b"], True, TypeError, "the answer True is no number"),
        (["a", 1], 0, TypeError, "1 is no text"),
    ],
)
def test_what_is_no_question_is_refused(choices: list[str], answer: int, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{text}$"):
        question("red", choices, answer)


def test_rows_with_the_same_input_and_other_choices_differ() -> None:
    assert question("red", ["a", "b"], 0).identity != question("red", ["a", "c"], 0).identity
    assert question("red", ["a", "b"], 0).identity == question("red", ["a", "b"], 1).identity


def test_chance_and_always_the_same_place() -> None:
    assert FORM.chance(ROWS, None) == pytest.approx((1 / 3 + 1 / 2 + 1 / 4 + 1 / 2) / 4)
    assert FORM.constant(ROWS) == ("choice 2", ["bad dog", "one", "red cat", "dog"])
    two = [question("a", ["x", "y", "z"], 2), question("b", ["x", "y", "z"], 2), question("c", ["x", "y"], 0)]
    assert FORM.constant(two) == ("choice 3", ["z", "z", "y"])


def test_the_kind_is_answered_by_choices_where_outputs_are_written() -> None:
    assert form_of_kind("multiple_choice") is FORM
    assert form_on({"encode", "decode"}, ["multiple_choice"], "plm") is FORM


def test_prefixes_reach_inputs_and_spaces_reach_choices() -> None:
    written = ROWS[0].written("[task] red cat", lambda text: f" {text}")
    assert written.input == "[task] red cat"
    assert written.choices == (" good", " bad dog", " blue")
    assert written.targets == (" blue",) == (written.choices[written.answer],)


def test_stacked_values_of_nothing_tuned(model: TextModel) -> None:
    """A bank of one model as it is: no parameters are replaced, as in zero-shot scoring."""
    stacked = StackedParameters.repeated(model.owned_by(("plm",)), 1, model.owner).views
    inputs = TRAINING.inputs(TextTokenizer(model.tokenizer, 40, 40), ROWS)
    (whole,) = Chooser(model).answer(stacked, [inputs], [None], ["ranking"])
    (same,) = Chooser(model).answer(of_runs(model, 1), [inputs], [None], ["ranking"])
    assert whole.texts == same.texts
