"""Algorithm 1 of Gheini et al. (2023) on a tiny encoder, against a plain loop on transformers' own model.

Inner SGD on adapter and head (or the PLM too), the first-order gradient of the sum of query losses for adapter and PLM,
none for the head, which is kept from one outer step to the next.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu
from transformers import AutoModel

from priming.algorithms.maml import Maml, MamlLearner
from priming.algorithms.mtl import Mtl, MultiTask
from priming.backbones.attachment import attach
from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, TokenizedDataset
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.sections import Rates
from priming.elements.table import ELEMENTS
from priming.forms.batches import MetaBatch, TokenPair
from priming.forms.table import FORMS
from priming.forms.tags import sentence
from priming.forms.training import training_of
from priming.runs.checkpoints import CheckpointDir, Checkpointer
from priming.runs.loop import Course, train
from priming.runs.parameters import StackedParameters
from priming.runs.shards import Shard
from priming.strategies import Priming
from tests.tiny_bart import SIZES, WORDS
from tests.tiny_plms import save_generated_plm

FORM = training_of(FORMS["tags"])
TAGS = ("O", "B-PER", "I-PER")
INNER, OUTER = {"plm": 0.02, "adapter": 0.3, "head": 0.3}, 0.01
AFTER = SIZES.model_copy(
    update={"adapter": Adapter(place="after_last", bottleneck=6, nonlinearity="gelu", initial_deviation=0.1)}
)
Batch = Sequence[TokenPair]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generated_plm("bert", tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def model(folder: Path) -> TextModel:
    found = attach(load_plm(folder, dropout=0.0), ("adapter", "head"), AFTER, 0).double().requires_grad_(False)
    ELEMENTS["head"].fit(found, [len(TAGS)], 3)
    return found


def sets_of(model: TextModel) -> list[TokenizedDataset]:
    """Two languages of 30 sentences; the second tags other words."""
    random, found = torch.Generator().manual_seed(0), []
    for language in range(2):
        rows = []
        for _ in range(30):
            drawn = [WORDS[int(i)] for i in torch.randint(len(WORDS), (4,), generator=random)]
            rows.append(sentence(drawn, [TAGS[(WORDS.index(word) + language) % 3] for word in drawn]))
        found.append(FORM.encoded(TextTokenizer(model.tokenizer, 32, 4), rows, TAGS, 0))
    return found


def learner(inner: str, steps: int, head: str, tasks: int = 2) -> MamlLearner:
    rates = Rates.model_validate(INNER)
    settings = Maml(
        order="first", tasks=tasks, support=3, query=4, over_tasks="sum", head=head,  # type: ignore[arg-type]
        learning_rates=Rates.model_validate({"plm": OUTER, "adapter": OUTER}), inner_learning_rates=rates,
        weight_decay=0.0, clip=None,
    )  # fmt: skip
    return MamlLearner(settings, Priming("maml", ("plm", "adapter"), tuple(inner.split("+")), steps))


class Plain(nn.Module):
    """BERT, an adapter and a head by the libraries' layers alone."""

    def __init__(self, folder: Path, like: TextModel) -> None:
        super().__init__()
        self.plm = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager").double()
        assert like.after_last
        assert like.head
        self.down, self.up = deepcopy(like.after_last.down), deepcopy(like.after_last.up)
        self.head = nn.Linear(16, len(TAGS)).double()
        self.head.weight.data, self.head.bias.data = like.head.weight[0].clone(), like.head.bias.clone()
        self.eval().requires_grad_()

    def part(self, element: str) -> dict[str, nn.Parameter]:
        names = {"plm": ("plm.",), "adapter": ("down.", "up."), "head": ("head.",)}[element]
        return {name: p for name, p in self.named_parameters() if name.startswith(names)}

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the words of the batch, sentence by sentence."""
        costs = []
        for ids, target in batch:
            states = self.plm(input_ids=torch.tensor([list(ids)])).last_hidden_state[0]
            logits = self.head(states + self.up(gelu(self.down(states))))
            tags = list(target)[2:]
            costs += [cross_entropy(logits[i], torch.tensor(t)) for i, t in enumerate(tags) if t != IGNORE_INDEX]
        return torch.stack(costs).mean()


def plain_algorithm_1(
    start: Plain, batches: Sequence[MetaBatch], inner: Sequence[str], policy: str
) -> tuple[Plain, list[dict[str, Tensor]], list[float]]:
    """The model after one AdamW step for each meta-batch, the heads, and the sums of the query losses."""
    model = deepcopy(start)
    heads = [{n: p.detach().clone() for n, p in model.part("head").items()} for _ in range(2)]
    moved = [*model.part("plm").values(), *model.part("adapter").values()]
    optimizer = torch.optim.AdamW(moved, lr=OUTER, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    sums = []
    for number, batch in enumerate(batches):
        optimizer.param_groups[0]["lr"] = OUTER * (1 - number / len(batches))
        totals = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        ended, losses = {}, []
        for place, task in enumerate(batch.tasks):
            own = deepcopy(model)
            own.load_state_dict({**own.state_dict(), **heads[task if policy == "per_task" else 0]})
            for support in batch.support:
                parts = {n: (p, INNER[e]) for e in inner for n, p in own.part(e).items()}
                gradients = torch.autograd.grad(own.loss(support[place]), [p for p, _ in parts.values()])
                with torch.no_grad():
                    for (p, rate), gradient in zip(parts.values(), gradients, strict=True):
                        p.sub_(rate * gradient)
            ended[task] = {n: p.detach().clone() for n, p in own.part("head").items()}
            loss = own.loss(batch.query[place])
            for (name, _), gradient in zip(
                own.named_parameters(),
                torch.autograd.grad(loss, list(own.parameters()), allow_unused=True),
                strict=True,
            ):
                totals[name] += 0 if gradient is None else gradient
            losses.append(loss.item())
        for name, p in model.named_parameters():
            p.grad = totals[name]
        optimizer.step()
        if policy == "per_task":
            heads = [ended[task] for task in range(2)]
        else:
            heads[0] = ended[batch.tasks[0]]
        sums.append(sum(losses) / len(losses))
    return model, heads, sums


def ours(parameters: StackedParameters, name: str) -> Tensor:
    names = {"down.": "after_last.down.", "up.": "after_last.up."}
    for theirs, own in names.items():
        name = own + name.removeprefix(theirs) if name.startswith(theirs) else name
    return parameters.views[name][0].detach()


def primed(
    model: TextModel, algorithm: MamlLearner, steps: int, keeper: Callable[..., Checkpointer] | None = None
) -> tuple[StackedParameters, list[float], Mapping[str, Tensor]]:
    parameters = StackedParameters.repeated(model.owned_by(("plm", "adapter")), 1, model.owner)
    losses: list[float] = []
    objective = algorithm.objective(model.eval(), FORM, sets_of(model), 7, Shard())
    rule = algorithm.update_rule(model.device)
    saved = keeper({"parameters": parameters, "optimizer": rule, **algorithm.changing}) if keeper else None
    train(
        parameters, objective, rule, Course(2, 0.0, None) if steps == 2 else Course(steps, 0.0, None),
        lambda step, found: losses.append(found.item()), saved,
    )  # fmt: skip
    assert algorithm.carried
    return parameters, losses, algorithm.carried.values


@pytest.mark.parametrize("inner", ["adapter+head", "plm+adapter+head"])
@pytest.mark.parametrize("policy", ["per_task", "first_task"])
def test_two_outer_steps_are_those_of_a_plain_loop(model: TextModel, folder: Path, inner: str, policy: str) -> None:
    start = Plain(folder, model)
    algorithm, sets = learner(inner, 3, policy), sets_of(model)
    batches = [algorithm.meta_batch(sets, 7, step) for step in range(2)]
    expected, heads, sums = plain_algorithm_1(start, batches, inner.split("+"), policy)
    parameters, losses, carried = primed(model, algorithm, 2)
    assert losses == pytest.approx(sums, rel=1e-9)
    for name, value in expected.named_parameters():
        if not name.startswith("head."):
            before = dict(start.named_parameters())[name]
            assert (value - before).abs().max() > 0.005 or "key.bias" in name, name
            torch.testing.assert_close(ours(parameters, name), value.detach(), rtol=1e-6, atol=1e-7, msg=name)
    for place, head in enumerate(heads if policy == "per_task" else heads[:1]):
        torch.testing.assert_close(carried["head.weight"][place, 0], head["head.weight"], rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(carried["head.bias"][place], head["head.bias"], rtol=1e-9, atol=1e-10)


def test_the_order_of_tasks_matters_to_a_shared_head_alone(model: TextModel) -> None:
    """Guards the test above: the meta-batches that it sees begin with different tasks."""
    batches = [learner("adapter+head", 3, "first_task").meta_batch(sets_of(model), 7, step) for step in range(8)]
    assert {batch.tasks[0] for batch in batches} == {0, 1}
    assert all(sorted(batch.tasks) == [0, 1] for batch in batches)


@pytest.mark.parametrize("policy", ["per_task", "first_task"])
def test_parts_of_a_meta_batch_give_what_the_whole_gives(model: TextModel, policy: str) -> None:
    whole, divided = learner("adapter+head", 2, policy), learner("adapter+head", 2, policy)
    divided.settings = divided.settings.model_copy(update={"accumulation_steps": 2})
    (a, losses, heads), (b, other, others) = (primed(deepcopy(model), one, 3) for one in (whole, divided))
    assert losses == pytest.approx(other, rel=1e-9)
    for name, value in a.views.items():
        torch.testing.assert_close(value, b.views[name], rtol=1e-7, atol=1e-8)
    for name, value in heads.items():
        torch.testing.assert_close(value, others[name], rtol=1e-9, atol=1e-10)


def test_heads_are_saved_with_the_state(model: TextModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is broken off after three steps and goes on from where it was saved ends where four steps end."""
    whole, _, expected = primed(deepcopy(model), learner("adapter+head", 2, "per_task"), 4)

    def keeper(parts: Mapping[str, Any]) -> Checkpointer:
        clock = iter(range(0, 10_000_000, 100_000))
        return Checkpointer(CheckpointDir(tmp_path, "key"), parts, clock=lambda: float(next(clock)))

    class BrokenOffError(Exception):
        """Ends a training between two steps."""

    algorithm = learner("adapter+head", 2, "per_task")
    first = deepcopy(model)
    objective = algorithm.objective(first.eval(), FORM, sets_of(first), 7, Shard())
    parameters = StackedParameters.repeated(first.owned_by(("plm", "adapter")), 1, first.owner)
    rule = algorithm.update_rule(first.device)
    saved = keeper({"parameters": parameters, "optimizer": rule, **algorithm.changing})

    def stop(step: int, losses: Tensor) -> None:
        if step == 3:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        train(parameters, objective, rule, Course(4, 0.0, None), stop, saved)
    assert list(tmp_path.glob("*.safetensors"))
    again, losses, heads = primed(deepcopy(model), learner("adapter+head", 2, "per_task"), 4, keeper)
    assert "resuming after step" in capsys.readouterr().out
    assert len(losses) <= 4
    assert all(torch.equal(value, expected[name]) for name, value in heads.items())
    assert all(torch.equal(value, whole.views[name]) for name, value in again.views.items())


def test_without_inner_steps_it_is_multi_task_learning_with_heads_that_stay(model: TextModel) -> None:
    """On the same batches, the sum over tasks; the heads keep their first values, other than the paper's 5.2 says."""
    algorithm, sets = learner("adapter+head", 0, "per_task"), sets_of(model)
    batches = [algorithm.meta_batch(sets, 7, step) for step in range(3)]
    fixed = {n: p.clone() for n, p in model.owned_by(("head",))}

    class Given(MultiTask):
        """One task's rows of the meta-batches."""

        place = 0

        def batches(self, sets: Sequence[TokenizedDataset], run_key: int) -> Callable[[int], list[TokenPair]]:
            return lambda step: list(batches[step].query[batches[step].tasks.index(self.place)])

    rates = Rates.model_validate({"plm": OUTER, "adapter": OUTER})
    tasks = [Given(Mtl(learning_rates=rates, weight_decay=0.0, clip=None, batch=4), algorithm.moves) for _ in range(2)]
    tasks[1].place = 1
    other = deepcopy(model).eval()
    objectives = [task.objective(other, FORM, sets, 7, Shard()) for task in tasks]
    expected = StackedParameters.repeated(other.owned_by(("plm", "adapter")), 1, other.owner)

    def together(parameters: StackedParameters, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        (a, one), (b, two) = (objective(parameters, step) for objective in objectives)
        return a + b, {element: one[element] + two[element] for element in one}

    train(expected, together, tasks[0].update_rule(other.device), Course(3, 0.0, None), lambda *_: None)
    parameters, _, heads = primed(model, algorithm, 3)
    for name, value in expected.views.items():
        torch.testing.assert_close(parameters.views[name], value, rtol=1e-7, atol=1e-8)
    assert all(torch.equal(heads[name][place], value) for name, value in fixed.items() for place in range(2))
