"""The counts of floating-point operations agree with what torch counts while the model runs."""

from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from priming.algorithms.budget import step_cost
from priming.algorithms.inner_loops import Episode, InnerLoop, InnerLoops
from priming.algorithms.interface import Upstream
from priming.algorithms.maml import Maml, query_gradient
from priming.algorithms.meta import MetaLearner
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.algorithms.table import bound
from priming.backbones.attachment import attach
from priming.backbones.encoding import Batch
from priming.backbones.flops import Counter
from priming.backbones.loading import LoadedPlm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.prefix import Prefix
from priming.elements.prompt import Prompt
from priming.elements.sections import Elements
from priming.forms.loss import run_losses
from priming.runs.parameters import StackedParameters
from priming.strategies import Priming
from tests.tiny_plms import unigram_tokenizer

RUNS, SIZE, SOURCE, TARGET = 3, 2, 11, 4
EXAMPLES = RUNS * SIZE
PLM = ("plm",)
WITH_PLM = [PLM, ("plm", "adapter"), ("plm", "prompt"), ("plm", "prefix"), ("plm", "adapter", "prompt", "prefix")]
WITHOUT_PLM = [("adapter",), ("prompt",), ("prefix",), ("adapter", "prompt"), ("adapter", "prompt", "prefix")]
LAYERS = [(2, 2), (1, 3)]


TOKENIZER = unigram_tokenizer(sentinels_as_text=False)
T5_KINDS = {
    "t5-tied": (T5ForConditionalGeneration, T5Config, {}),
    "t5-gated": (
        T5ForConditionalGeneration,
        T5Config,
        {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "mt5": (MT5ForConditionalGeneration, MT5Config, {}),
}


def model_of(
    elements: tuple[str, ...], layers: tuple[int, int] = (2, 2), config: str = "double_seq_bn", length: int = 5
) -> TextModel:
    """A random BART whose encoder and decoder differ."""
    torch.manual_seed(0)
    bart = BartConfig(
        vocab_size=100, d_model=32, encoder_layers=layers[0], decoder_layers=layers[1], encoder_ffn_dim=64,
        decoder_ffn_dim=48, encoder_attention_heads=4, decoder_attention_heads=4, max_position_embeddings=64,
        dropout=0.0, attn_implementation="eager", use_cache=False,
    )  # fmt: skip
    return with_elements(BartForConditionalGeneration(bart), elements, config, length)


def t5_of(kind: str, elements: tuple[str, ...]) -> TextModel:
    """A random T5 whose heads together are not as wide as the model, with other depths of encoder and decoder."""
    torch.manual_seed(0)
    model, config, more = T5_KINDS[kind]
    sizes = {
        "vocab_size": 100,
        "d_model": 32,
        "d_kv": 6,
        "d_ff": 40,
        "num_layers": 2,
        "num_decoder_layers": 3,
        "num_heads": 4,
        "dropout_rate": 0.0,
    }
    return with_elements(
        model(config(**sizes, **more, decoder_start_token_id=0, use_cache=False)), elements, "double_seq_bn", 5
    )


def with_elements(plm: PreTrainedModel, elements: tuple[str, ...], config: str, length: int) -> TextModel:
    sizes = Elements(
        adapter=Adapter(config=config, bottleneck=8), prompt=Prompt(length=length), prefix=Prefix(length=length)
    )
    return attach(LoadedPlm(plm, TOKENIZER), elements, sizes, 0).requires_grad_(False).eval()


def batch() -> Batch:
    """Random ids without padding [RUNS x SIZE x ...]."""
    random = torch.Generator().manual_seed(0)
    inputs, labels = (torch.randint(5, 100, (RUNS, SIZE, length), generator=random) for length in (SOURCE, TARGET))
    return Batch(inputs, torch.ones_like(inputs), labels)


def stacked(model: TextModel, tuned: tuple[str, ...], runs: int = RUNS) -> StackedParameters:
    return StackedParameters.repeated(model.owned_by(tuned), runs, model.owner)


def measured(work: Callable[[], object]) -> int:
    """The operations that torch counts in `work`."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def forward_pass(model: TextModel, tuned: tuple[str, ...]) -> int:
    parameters = stacked(model, tuned)
    with torch.no_grad():
        return measured(lambda: run_losses(model, parameters.views, batch()))


def gradient(model: TextModel, tuned: tuple[str, ...]) -> int:
    """Forward pass and gradients of the tuned elements."""
    parameters = stacked(model, tuned)
    return measured(lambda: parameters.gradients(run_losses(model, parameters.views, batch())))


def maml_step(model: TextModel, outer: tuple[str, ...], inner: tuple[str, ...], steps: int, second_order: bool) -> int:
    """One outer step, RUNS tasks a meta-batch."""
    episode = Episode([batch()] * steps, batch(), range(RUNS))
    loops = InnerLoops(model, InnerLoop(inner, dict.fromkeys(inner, 0.1), second_order), lambda step: episode)
    parameters = stacked(model, outer, 1)
    return measured(lambda: query_gradient(loops, parameters, 0))


def counted_maml_step(
    model: TextModel, outer: tuple[str, ...], inner: tuple[str, ...], steps: int, second_order: bool
) -> float:
    counter = Counter(model)
    moved, every = counter.example(SOURCE, TARGET, inner), counter.example(SOURCE, TARGET, {*outer, *inner})
    frozen = sum(cost for element, cost in counter.products(SOURCE, TARGET).items() if element not in {*outer, *inner})
    return EXAMPLES * (steps * (moved.gradient + second_order * moved.hessian_vector(frozen)) + every.gradient)


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("elements", WITH_PLM + WITHOUT_PLM, ids="+".join)
def test_the_forward_pass_is_exact(elements: tuple[str, ...], layers: tuple[int, int]) -> None:
    model = model_of(elements, layers)
    assert EXAMPLES * Counter(model).example(SOURCE, TARGET, elements).forward == pytest.approx(
        forward_pass(model, elements), rel=1e-9
    )


@pytest.mark.parametrize("config", ["seq_bn", "double_seq_bn", "par_bn"])
def test_the_forward_pass_is_exact_for_each_kind_of_adapter(config: str) -> None:
    model = model_of(("adapter",), config=config)
    assert EXAMPLES * Counter(model).example(SOURCE, TARGET, ("adapter",)).forward == pytest.approx(
        forward_pass(model, ("adapter",)), rel=1e-9
    )


@pytest.mark.parametrize("element", ["prompt", "prefix"])
def test_longer_prompts_and_prefixes_cost_more(element: str) -> None:
    costs = []
    for length in (1, 20):
        model = model_of((element,), length=length)
        costs.append(Counter(model).example(SOURCE, TARGET, (element,)).forward)
        assert EXAMPLES * costs[-1] == pytest.approx(forward_pass(model, (element,)), rel=1e-9)
    assert costs[1] > costs[0]


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("tuned", WITH_PLM, ids="+".join)
def test_the_gradient_is_exact_where_the_plm_is_tuned(tuned: tuple[str, ...], layers: tuple[int, int]) -> None:
    model = model_of(tuned, layers)
    assert EXAMPLES * Counter(model).example(SOURCE, TARGET, tuned).gradient == pytest.approx(
        gradient(model, tuned), rel=1e-9
    )


@pytest.mark.parametrize("kind", T5_KINDS)
@pytest.mark.parametrize(
    "elements", [PLM, ("adapter",), ("prompt",), ("prefix",), ("plm", "adapter", "prompt", "prefix")], ids="+".join
)
def test_t5s_forward_pass_is_exact(kind: str, elements: tuple[str, ...]) -> None:
    model = t5_of(kind, elements)
    assert EXAMPLES * Counter(model).example(SOURCE, TARGET, elements).forward == pytest.approx(
        forward_pass(model, elements), rel=1e-9
    )


@pytest.mark.parametrize("kind", T5_KINDS)
@pytest.mark.parametrize("tuned", [PLM, ("plm", "adapter"), ("plm", "adapter", "prompt", "prefix")], ids="+".join)
def test_t5s_gradient_is_exact_where_the_plm_is_tuned(kind: str, tuned: tuple[str, ...]) -> None:
    model = t5_of(kind, tuned)
    assert EXAMPLES * Counter(model).example(SOURCE, TARGET, tuned).gradient == pytest.approx(
        gradient(model, tuned), rel=1e-9
    )


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("kind", T5_KINDS)
def test_maml_of_t5_is_exact(kind: str, second_order: bool) -> None:
    model = t5_of(kind, PLM)
    assert counted_maml_step(model, PLM, PLM, 1, second_order) == pytest.approx(
        maml_step(model, PLM, PLM, 1, second_order), rel=1e-9
    )


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("tuned", WITHOUT_PLM, ids="+".join)
def test_the_gradient_of_other_elements_costs_at_most_the_count(
    tuned: tuple[str, ...], layers: tuple[int, int]
) -> None:
    """Gradients need not flow below the first tuned weight, but the count has them flow through every layer."""
    model = model_of(tuned, layers)
    share = gradient(model, tuned) / (EXAMPLES * Counter(model).example(SOURCE, TARGET, tuned).gradient)
    assert 0.8 < share < 1


def test_frozen_elements_have_no_weight_gradients() -> None:
    model = model_of(("prompt", "adapter"))
    cost = Counter(model).example(SOURCE, TARGET, ("prompt",))
    assert cost.weights == 0
    assert 0.8 < gradient(model, ("prompt",)) / (EXAMPLES * cost.gradient) < 1
    assert EXAMPLES * cost.forward == pytest.approx(forward_pass(model, ("prompt",)), rel=1e-9)


def test_the_overcount_shrinks_with_depth() -> None:
    shares = []
    for layers in (1, 2, 6):
        model = model_of(("adapter",), (layers, layers))
        shares.append(
            gradient(model, ("adapter",)) / (EXAMPLES * Counter(model).example(SOURCE, TARGET, ("adapter",)).gradient)
        )
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.95


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_maml_of_the_plm_is_exact(steps: int, second_order: bool) -> None:
    model = model_of(PLM)
    assert counted_maml_step(model, PLM, PLM, steps, second_order) == pytest.approx(
        maml_step(model, PLM, PLM, steps, second_order), rel=1e-9
    )


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("outer", [("plm", "adapter"), ("plm",)], ids="+".join)
def test_maml_with_adapters_inside_costs_at_most_the_count(outer: tuple[str, ...], second_order: bool) -> None:
    model = model_of(tuple(dict.fromkeys((*outer, "adapter"))))
    counted = counted_maml_step(model, outer, ("adapter",), 1, second_order)
    assert 0.8 < maml_step(model, outer, ("adapter",), 1, second_order) / counted < 1


@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix"])
def test_second_order_maml_over_a_frozen_plm_costs_at_most_the_count(element: str) -> None:
    """A frozen matrix is no factor to differentiate; the count differentiates every one."""
    model = model_of((element,))
    share = maml_step(model, (element,), (element,), 1, True) / counted_maml_step(
        model, (element,), (element,), 1, True
    )
    assert 0.8 < share < 1


@pytest.mark.parametrize(
    ("priming", "section"),
    [
        ("maml[plm | plm x2]", Maml(order="second", tasks=RUNS, support=SIZE, query=SIZE)),
        ("maml[plm | plm x2]", Maml(order="first", tasks=RUNS, support=SIZE, query=SIZE)),
        ("reptile[plm | plm x3]", Reptile(tasks=RUNS, support=SIZE)),
        ("reptile[plm | plm x2]", Reptile(update="full_step", tasks=RUNS, support=SIZE, query=SIZE)),
    ],
    ids=["second-order", "first-order", "standard", "full step"],
)
def test_a_step_of_a_meta_learner_costs_what_its_budget_says(priming: str, section: Upstream) -> None:
    model, parsed = model_of(PLM), Priming.parse(priming)
    algorithm = bound(parsed.algorithm, section, parsed)
    assert isinstance(algorithm, MetaLearner)
    episode = Episode([batch()] * parsed.inner_steps, batch(), range(RUNS))
    second_order = isinstance(section, Maml) and section.order == "second"
    loops = InnerLoops(model, InnerLoop(PLM, {"plm": 0.1}, second_order), lambda step: episode)
    parameters = stacked(model, PLM, 1)
    counted = step_cost(algorithm, Counter(model), SOURCE, TARGET)
    assert counted == pytest.approx(measured(lambda: algorithm.gradient(loops, parameters, 0)), rel=1e-9)


def test_a_step_of_multi_task_learning_costs_what_its_budget_says() -> None:
    model = model_of(PLM)
    algorithm = bound("mtl", Mtl(batch=EXAMPLES), Priming.parse("mtl[plm]"))
    counted = step_cost(algorithm, Counter(model), SOURCE, TARGET)
    assert algorithm.step.examples == EXAMPLES
    assert counted == pytest.approx(gradient(model, PLM), rel=1e-9)
