"""Tags of words: which token a word begins at, loss and answers by hand, words that are cut, with three tokenizers."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import ByteLevel as ByteLevelProcessor
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast

from priming.backbones.attachment import attach
from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, TokenizedDataset, collate
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.table import ELEMENTS
from priming.forms.loss import run_losses
from priming.forms.rows import Example
from priming.forms.table import FORMS
from priming.forms.tags import FORM, sentence
from priming.forms.tags_training import NO_TOKEN, Sentence, TagLoss, sentences
from priming.forms.training import training_of
from priming.runs.parameters import StackedParameters
from tests.tiny_bart import SIZES
from tests.tiny_plms import save_generated_plm, unigram_tokenizer

TRAINING = training_of(FORMS["tags"])
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
FEWER = TAGS[:3]
ROWS = [
    sentence(("red", "treecat", "dog"), ("B-PER", "I-PER", "O")),
    sentence(("a",), ("O",)),
    sentence(("blue", "cat", "and", "dogtree", "one"), ("B-LOC", "I-LOC", "O", "B-PER", "O")),
]


@pytest.fixture(scope="module", params=["bert", "roberta"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generated_plm(request.param, tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def model(folder: Path) -> TextModel:
    """With two heads, for five and for three tags."""
    model = attach(load_plm(folder, dropout=0.0), ("adapter", "head"), SIZES, 0).double().requires_grad_(False).eval()
    ELEMENTS["head"].fit(model, [len(TAGS), len(FEWER)], 3)
    return model


def encoded(
    model: TextModel, rows: list[Example], tags: tuple[str, ...], place: int, longest: int = 64
) -> TokenizedDataset:
    tokenizer = TextTokenizer(model.tokenizer, longest, 4)
    return TRAINING.encoded(tokenizer, rows, tags, place)


def logits_by_hand(model: TextModel, ids: tuple[int, ...], place: int, classes: int) -> Tensor:
    """[S x C] of one sentence alone, from the states and the weights of one head."""
    given = torch.tensor([ids])
    states, _ = model.encode(given, torch.ones_like(given))
    assert model.head
    return states[0] @ model.head.weight[place, :classes].T + model.head.bias.view(2, -1)[place, :classes]


def starts_by_words(model: TextModel, row: Example) -> list[int]:
    """Where words begin, by counting the tokens of each word alone; the first token of all is the class token's."""
    found, position = [], 1
    for number, word in enumerate(row.input.split(" ")):
        found.append(position)
        text = word if number == 0 else f" {word}"
        position += len(model.tokenizer(text, add_special_tokens=False)["input_ids"])
    return found


def test_words_begin_at_their_first_tokens(model: TextModel) -> None:
    found = sentences(TextTokenizer(model.tokenizer, 64, 4), [row.input for row in ROWS])
    assert [list(one.starts) for one in found] == [starts_by_words(model, row) for row in ROWS]
    assert any(len(one) > len(one.starts) + 2 for one in found)  # some word has more than one token


def test_words_begin_at_their_first_tokens_where_a_space_is_part_of_a_token() -> None:
    """SentencePiece: a token begins with the space before it."""
    tokenizer = unigram_tokenizer(sentinels_as_text=False)
    (found,) = sentences(TextTokenizer(tokenizer, 64, 4), ["red treecat dog"])
    tokens = tokenizer.convert_ids_to_tokens(list(found))
    begins = [number for number, token in enumerate(tokens) if token.startswith("▁")]
    assert list(found.starts) == begins
    assert len(begins) == 3


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_is_that_of_each_words_first_token(model: TextModel, smoothing: float, reduction: str) -> None:
    few = [sentence(("dogtree", "cat"), ("B-PER", "I-PER"))]
    sets = [(encoded(model, ROWS, TAGS, 0), ROWS, TAGS), (encoded(model, few, FEWER, 1), few, FEWER)]
    rows = [(ids, own[0]) for data, *_ in sets for ids, own in zip(data.inputs, data.targets, strict=True)]
    batch = collate([rows], model.pad_id)
    own = model.owned_by(("adapter", "head"))
    parameters = StackedParameters.repeated(own, 1, model.owner)
    loss = run_losses(model, parameters.views, batch, form=TagLoss(smoothing, reduction))  # type: ignore[arg-type]
    for _, parameter in own:
        parameter.requires_grad_()
    costs = []
    for place, (data, examples, tags) in enumerate(sets):
        for ids, row in zip(data.inputs, examples, strict=True):
            logits = logits_by_hand(model, ids, place, len(tags))
            for start, tag in zip(starts_by_words(model, row), row.targets[0].split(" "), strict=True):
                costs.append(cross_entropy(logits[start], torch.tensor(tags.index(tag)), label_smoothing=smoothing))
    total = torch.stack(costs).mean() if reduction == "mean" else torch.stack(costs).sum()
    torch.testing.assert_close(loss[0], total, rtol=1e-9, atol=1e-9)
    theirs = torch.autograd.grad(total, [parameter for _, parameter in own])
    ours = torch.autograd.grad(loss.sum(), list(parameters.views.values()))
    for (name, _), a, b in zip(own, ours, theirs, strict=True):
        torch.testing.assert_close(a[0], b, rtol=1e-8, atol=1e-10, msg=name)


def test_the_loss_counts_as_many_terms_as_words() -> None:
    loss = TagLoss()
    assert loss.terms((0, 5, IGNORE_INDEX, 1, IGNORE_INDEX, 0)) == 2


@pytest.mark.parametrize("at_once", [512, 2])
def test_answers_are_each_runs_most_likely_tags(model: TextModel, at_once: int) -> None:
    """Two runs side by side with weights and rows of their own, in portions and out of order, by hand row by row."""
    torch.manual_seed(1)
    own = model.owned_by(("adapter", "head"))
    stacked = {name: torch.stack([value, value + torch.randn_like(value)]) for name, value in own}
    tagger = type(TRAINING.runs(model, TextTokenizer(model.tokenizer, 64, 4), None))(model, at_once)  # type: ignore[call-arg]
    rows = [encoded(model, ROWS, TAGS, 0).inputs, encoded(model, ROWS[::-1][:2], TAGS, 0).inputs]
    seen: list[int] = []
    found = tagger.answer(stacked, rows, [TAGS, TAGS], ["ranking"], seen.append)
    assert sum(seen) == 5
    for run, (inputs, examples) in enumerate(zip(rows, [ROWS, ROWS[::-1][:2]], strict=True)):
        for name, value in own:
            value.copy_(stacked[name][run])
        expected = []
        for ids, row in zip(inputs, examples, strict=True):
            best = logits_by_hand(model, ids, 0, len(TAGS)).argmax(dim=-1)
            expected.append(" ".join(TAGS[best[start]] for start in starts_by_words(model, row)))
        assert found[run].texts == {"ranking": expected}
        assert found[run].scores == []


def test_losses_of_runs_are_those_of_training(model: TextModel) -> None:
    data = [encoded(model, ROWS, TAGS, 0), encoded(model, ROWS[:2], TAGS, 0)]
    own = model.owned_by(("adapter", "head"))
    parameters = StackedParameters.repeated(own, 1, model.owner)
    tagger = TRAINING.runs(model, TextTokenizer(model.tokenizer, 64, 4), None)
    found = tagger.losses({name: value.expand(2, *value.shape) for name, value in own}, data)
    for loss, one in zip(found, data, strict=True):
        batch = collate([[(ids, refs[0]) for ids, refs in zip(one.inputs, one.targets, strict=True)]], model.pad_id)
        assert loss == pytest.approx(run_losses(model, parameters.views, batch, form=TagLoss()).item(), rel=1e-9)


def test_a_long_sentence_is_cut_and_its_rest_is_outside(model: TextModel) -> None:
    row = ROWS[2]
    longest = starts_by_words(model, row)[3] + 1  # with the last token, the third word is the last that is seen
    tokenizer = TextTokenizer(model.tokenizer, longest, 4)
    (found,) = TRAINING.inputs(tokenizer, [row])
    assert isinstance(found, Sentence)
    assert len(found) == longest
    assert found.starts[3:] == (NO_TOKEN, NO_TOKEN)
    assert found.cut == TRAINING.cut(tokenizer, [row, ROWS[1]]) == 2
    own = {name: value[None] for name, value in model.owned_by(("head",))}
    (answers,) = TRAINING.runs(model, tokenizer, None).answer(own, [[found]], [TAGS], ["ranking"])
    assert answers.texts["ranking"][0].split(" ")[3:] == ["O", "O"]
    data = encoded(model, [row], TAGS, 0, longest)
    assert sum(tag != IGNORE_INDEX for tag in data.targets[0][0][2:]) == 3


def test_a_row_is_read_as_it_was_written() -> None:
    assert [FORM.read_row(FORM.written_row(row)) for row in ROWS] == ROWS
    assert FORM.written_row(ROWS[0]) == {"tokens": ["red", "treecat", "dog"], "tags": ["B-PER", "I-PER", "O"]}


@pytest.mark.parametrize(
    "value",
    [
        {"tokens": [], "tags": []},
        {"tokens": ["a"], "tags": []},
        {"tokens": ["a b"], "tags": ["O"]},
        {"tokens": [""], "tags": ["O"]},
        {"tokens": [3], "tags": ["O"]},
        {"tokens": ["a"]},
    ],
)
def test_what_is_no_sentence_is_refused(value: dict[str, list[str]]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        FORM.read_row(value)


def test_the_constant_answer_is_outside() -> None:
    assert FORM.constant([sentence("ab", ("B-PER", "O")), sentence("a", ("O",))]) == ("O", ["O O", "O"])
    assert FORM.chance(ROWS, TAGS) == 0


def test_a_space_that_is_a_token_of_its_own_begins_the_word_after_it(tmp_path: Path) -> None:
    """Byte-level pieces without merges: the space is a token, which the library counts to the word behind it."""
    alphabet = sorted(ByteLevel.alphabet())
    pieces = Tokenizer(BPE({piece: number for number, piece in enumerate(alphabet)}, []))
    pieces.pre_tokenizer = ByteLevel(add_prefix_space=True)
    for trimmed in (True, False):
        pieces.post_processor = ByteLevelProcessor(trim_offsets=trimmed)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, pad_token=alphabet[0])
        (row,) = sentences(TextTokenizer(tokenizer, 64, 4), ["one and two"])
        by_library = tokenizer("one and two").word_ids()
        assert list(row.starts) == [by_library.index(word) for word in range(3)]
