"""Classes by a head: the loss by torch's own on each task's classes, answers, several heads, fresh heads, refusals."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from priming.algorithms.inner_loops import Episode, InnerLoop, InnerLoops
from priming.algorithms.maml import query_gradient
from priming.backbones.attachment import attach
from priming.backbones.encoding import Batch, TextTokenizer, TokenizedDataset, collate
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.table import ELEMENTS
from priming.errors import DataError, StudyError
from priming.forms.label_training import Classifier, LabelLoss
from priming.forms.loss import run_losses
from priming.forms.rows import Example
from priming.forms.table import FORMS, form_on
from priming.forms.training import training_of
from priming.runs.parameters import StackedParameters
from tests.tiny_bart import SIZES
from tests.tiny_plms import save_generated_plm

TRAINING = training_of(FORMS["label"])
TASKS = {"two": ("good", "bad"), "four": ("a", "b", "c", "d"), "three": ("x", "y", "z")}
TEXTS = ("red dog", "a blue cat and a tree", "tree", "cat tree red", "one two")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generated_plm("roberta", tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def model(folder: Path) -> TextModel:
    """With a head for each of the tasks."""
    model = attach(load_plm(folder, dropout=0.0), ("adapter", "head"), SIZES, 0).double().requires_grad_(False).eval()
    ELEMENTS["head"].fit(model, [len(labels) for labels in TASKS.values()], 3)
    return model


def data_of(model: TextModel, task: str, place: int) -> TokenizedDataset:
    labels = TASKS[task]
    rows = [Example(text, (labels[number % len(labels)],)) for number, text in enumerate(TEXTS)]
    return TRAINING.encoded(TextTokenizer(model.tokenizer, 12, 4), rows, labels, place)


def rows_of(data: TokenizedDataset) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(ids, targets[0]) for ids, targets in zip(data.inputs, data.targets, strict=True)]


def by_hand(model: TextModel, ids: tuple[int, ...], place: int, classes: int) -> Tensor:
    """Logits of the classes of one input, by the state of its first token and the weights of one head."""
    given = torch.tensor([ids])
    states, _ = model.encode(given, torch.ones_like(given))
    assert model.head
    bias = model.head.bias.view(len(TASKS), -1)
    return states[0, 0] @ model.head.weight[place, :classes].T + bias[place, :classes]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_of_a_mixed_batch_is_that_of_each_tasks_own_head(
    model: TextModel, smoothing: float, reduction: str
) -> None:
    """Tasks of two, four and three classes in one batch, padded to four; torch's own loss over each task's classes."""
    rows = [row for place, task in enumerate(TASKS) for row in rows_of(data_of(model, task, place))]
    batch = collate([rows], model.pad_id)
    own = model.owned_by(("adapter", "head"))
    parameters = StackedParameters.repeated(own, 1, model.owner)
    loss = run_losses(model, parameters.views, batch, form=LabelLoss(smoothing, reduction))  # type: ignore[arg-type]
    for _, parameter in own:
        parameter.requires_grad_()
    expected = [
        cross_entropy(by_hand(model, ids, place, classes), torch.tensor(label), label_smoothing=smoothing)
        for ids, (place, label, classes) in rows
    ]
    total = torch.stack(expected).mean() if reduction == "mean" else torch.stack(expected).sum()
    torch.testing.assert_close(loss[0], total, rtol=1e-9, atol=1e-9)
    theirs = torch.autograd.grad(total, [parameter for _, parameter in own])
    ours = torch.autograd.grad(loss.sum(), list(parameters.views.values()))
    for (name, _), a, b in zip(own, ours, theirs, strict=True):
        torch.testing.assert_close(a[0], b, rtol=1e-8, atol=1e-10, msg=name)


def test_what_a_task_does_not_have_gets_no_gradient(model: TextModel) -> None:
    batch = collate([rows_of(data_of(model, "two", 0))], model.pad_id)
    parameters = StackedParameters.repeated(model.owned_by(("head",)), 1, model.owner)
    loss = run_losses(model, parameters.views, batch, form=LabelLoss(0.1))
    weight, bias = torch.autograd.grad(loss.sum(), list(parameters.views.values()))
    assert weight[0, 0, :2].abs().min() > 0
    assert not weight[0, 0, 2:].any()
    assert not weight[0, 1:].any()
    assert not bias[0, 2:].any()


@pytest.mark.parametrize("at_once", [512, 2])
def test_answers_are_the_most_likely_labels(model: TextModel, at_once: int) -> None:
    """Runs of tasks with different classes and numbers of rows, all at once and in small portions."""
    assert model.head
    model.places = {labels: place for place, labels in enumerate(TASKS.values())}
    labels = list(TASKS.values())
    inputs = [data_of(model, task, 0).inputs[: 3 + place] for place, task in enumerate(TASKS)]
    stacked = {name: parameter[None].expand(3, *parameter.shape) for name, parameter in model.owned_by(("head",))}
    done: list[int] = []
    found = Classifier(model, at_once).answer(stacked, inputs, labels, ["ranking", "greedy"], done.append)
    assert sum(done) == sum(map(len, inputs))
    for place, (answers, own, rows) in enumerate(zip(found, labels, inputs, strict=True)):
        assert list(answers.texts) == ["ranking"]
        expected = torch.stack([by_hand(model, ids, place, len(own)).log_softmax(dim=0) for ids in rows])
        torch.testing.assert_close(torch.tensor(answers.scores, dtype=torch.float64), expected, rtol=1e-9, atol=1e-9)
        assert answers.texts["ranking"] == [own[i] for i in expected.argmax(dim=1).tolist()]
    assert len({text for answers in found for text in answers.texts["ranking"]}) > 3


def test_development_losses_are_means_over_rows(model: TextModel) -> None:
    data = [data_of(model, task, place) for place, task in enumerate(TASKS)]
    data[0] = TokenizedDataset(data[0].inputs[:2], data[0].targets[:2])
    stacked = {name: parameter[None].expand(3, *parameter.shape) for name, parameter in model.owned_by(("head",))}
    for at_once in (512, 4):
        for found, own in zip(Classifier(model, at_once).losses(stacked, data), data, strict=True):
            costs = [
                cross_entropy(by_hand(model, ids, *(target[0], target[2])), torch.tensor(target[1])).item()
                for ids, (target,) in zip(own.inputs, own.targets, strict=True)
            ]
            assert found == pytest.approx(sum(costs) / len(costs), rel=1e-9)


def test_a_fresh_head_is_its_tasks_own_whatever_room_there_is(model: TextModel) -> None:
    """It depends on the seed, not on the tasks that it is trained beside."""
    head = ELEMENTS["head"]
    head.fit(model, [2], 0)
    alone = head.start(model, ("good", "bad"), 7)
    head.fit(model, [4], 0)
    beside = head.start(model, ("good", "bad"), 7)
    assert torch.equal(alone["head.weight"], beside["head.weight"][:, :2])
    assert not beside["head.weight"][:, 2:].any()
    assert not torch.equal(alone["head.weight"], head.start(model, ("good", "bad"), 8)["head.weight"][:, :2])
    deviation = head.start(model, tuple(map(str, range(4))), 1)["head.weight"].std().item()
    assert deviation == pytest.approx(model.plm.config.initializer_range, rel=0.3)


def test_inner_loops_of_first_order_maml_move_a_fresh_head_for_each_task(model: TextModel) -> None:
    """Two steps by hand: each task begins with the same head, and the outer gradient is that of the PLM alone."""
    head, rate = ELEMENTS["head"], 0.3
    head.fit(model, [4], 5)
    inner = ("adapter", "head")
    tasks = ["two", "four"]
    rows = [rows_of(data_of(model, task, 0)) for task in tasks]
    support, query = [row[:3] for row in rows], [row[3:] for row in rows]
    episode = Episode([collate(support, model.pad_id)] * 2, collate(query, model.pad_id), [0, 0])
    loops = InnerLoops(model, InnerLoop(inner, dict.fromkeys(inner, rate)), lambda step: episode, LabelLoss())
    outer = dict(model.owned_by(("plm", "adapter")))
    parameters = StackedParameters.repeated(list(outer.items()), 1, model.owner)
    loss, gradients = partial(query_gradient, loops)(parameters, 0)
    losses, expected = [], {name: torch.zeros_like(p) for name, p in outer.items()}
    for number in range(2):
        moved = {name: p.detach().clone() for name, p in model.named_parameters()}
        for _ in range(2):
            own = {name: moved[name].requires_grad_() for name, _ in model.owned_by(inner)}
            found = torch.autograd.grad(loss_by_hand(model, moved, support[number]), list(own.values()))
            moved |= {n: (v - rate * g).detach() for (n, v), g in zip(own.items(), found, strict=True)}
        last = {name: moved[name].requires_grad_() for name in outer}
        losses.append(loss_by_hand(model, moved, query[number]))
        found = torch.autograd.grad(losses[-1], list(last.values()), allow_unused=True)
        for name, gradient in zip(last, found, strict=True):
            expected[name] += 0.0 if gradient is None else gradient / 2
    torch.testing.assert_close(loss[0], torch.stack(losses).mean().detach(), rtol=1e-9, atol=1e-9)
    for element, gathered in parameters.gathered({n: g[None] for n, g in expected.items()}).items():
        torch.testing.assert_close(gradients[element], gathered, rtol=1e-7, atol=1e-10)


def loss_by_hand(model: TextModel, values: dict[str, Tensor], rows: list) -> Tensor:
    """The mean of torch's own loss over rows, with these values in the model."""

    class Pass(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Tensor) -> Tensor:
            states, _ = self.model.encode(ids, torch.ones_like(ids))
            assert self.model.head
            return states[0, 0] @ self.model.head.weight[0].T + self.model.head.bias

    costs = []
    for ids, (_, label, classes) in rows:
        logits = functional_call(Pass(), {f"model.{n}": v for n, v in values.items()}, (torch.tensor([ids]),))
        costs.append(cross_entropy(logits[:classes], torch.tensor(label)))
    return torch.stack(costs).mean()


def test_a_bank_of_tasks_with_other_classes_gives_what_each_gives_alone(model: TextModel) -> None:
    head = ELEMENTS["head"]
    found = []
    for tasks in (["two", "four"], ["two"], ["four"]):
        head.fit(model, [max(len(TASKS[task]) for task in tasks)], 0)
        starts = [head.start(model, TASKS[task], 7) for task in tasks]
        parameters = StackedParameters({n: torch.stack([s[n] for s in starts]) for n in starts[0]}, model.owner)
        batch: Batch = collate([rows_of(data_of(model, task, 0)) for task in tasks], model.pad_id)
        found.append(run_losses(model, parameters.views, batch, form=LabelLoss(0.1)))
    torch.testing.assert_close(found[0], torch.cat(found[1:]), rtol=1e-9, atol=1e-9)


def test_the_form_follows_from_what_a_backbone_offers() -> None:
    assert form_on({"encode"}, ["classification"], "mine").name == "label"
    assert form_on({"encode", "decode"}, ["classification", "text_to_text"], "mine").name == "text"
    assert form_on({"decode"}, ["classification"], "mine").name == "text"
    with pytest.raises(
        StudyError, match="PLM 'mine' cannot answer tasks of kind text_to_text; allowed for it: classif"
    ):
        form_on({"encode"}, ["classification", "text_to_text"], "mine")


def test_a_task_without_labels_is_refused(model: TextModel) -> None:
    tokenizer = TextTokenizer(model.tokenizer, 12, 4)
    TRAINING.check({"a": ("x", "y")}, tokenizer, "mine")
    with pytest.raises(DataError, match="task b has no labels, and PLM mine answers by a class"):
        TRAINING.check({"a": ("x", "y"), "b": None}, tokenizer, "mine")


def test_an_encoder_writer_has_no_head(build: Callable[..., TextModel]) -> None:
    """BART writes its answers: a head has no place there."""
    bart = build(("adapter", "head"))
    assert bart.head is None
    assert {bart.owner(name) for name, _ in bart.named_parameters()} == {"plm", "adapter"}
