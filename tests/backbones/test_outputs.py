"""What follows outputs that grow token by token is what the library's model says of each of them as a whole."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.encoding import pad
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.beam import beam_search
from priming.forms.decoding import Outputs, encode
from tests.backbones.test_library_models import WITHOUT_BIASES, Pair
from tests.tiny_bart import SIZES
from tests.tiny_plms import CLASSES, save_generated_plm

# Adapters calls T5's blocks by an argument's old name.
pytestmark = pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning")
ROWS = [[5, 9, 13, 2], [7, 8, 2], [10, 11, 12, 13, 14, 2]]
RUNS, WIDTH, STEPS = 2, 3, 5


def assert_logits(
    model: TextModel, stacked: Mapping[str, Tensor], after: Callable[..., Tensor], tolerance: float = 1e-9
) -> None:
    """Let outputs grow along a random tree; `after` gives the logits [V] of a run after a row and a path."""
    random = torch.Generator().manual_seed(0)
    ids = pad(ROWS, model.pad_id)
    mask = (torch.arange(ids.shape[1]) < torch.tensor([[len(row)] for row in ROWS])).long()
    runs = len(next(iter(stacked.values())))
    states, masks = encode(model, stacked, ids.expand(runs, -1, -1), mask.expand(runs, -1, -1))
    outputs = Outputs(model, stacked, states, masks)
    found = outputs.start()
    paths: list[list[list[list[int]]]] = [[[[]] for _ in ROWS] for _ in range(runs)]
    for step in range(STEPS + 1):
        for run, row in [(run, row) for run in range(runs) for row in range(len(ROWS))]:
            for path, logits in zip(paths[run][row], found[run, row], strict=True):
                torch.testing.assert_close(logits, after(run, ROWS[row], path), rtol=tolerance, atol=tolerance)
        if step == STEPS:
            break
        shape = (runs, len(ROWS), WIDTH)
        tokens = torch.randint(5, 20, shape, generator=random)
        parents = torch.randint(len(paths[0][0]), shape, generator=random)
        found = outputs.grow(tokens, parents)
        paths = [
            [[own[p] + [t] for t, p in zip(new.tolist(), of.tolist(), strict=True)] for own, new, of in zip(*given)]  # noqa: B905
            for given in zip(paths, tokens, parents, strict=True)
        ]


@pytest.mark.usefixtures("float64_throughout")
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("element", ["plm", "adapter", "prompt", "prefix", "lora", "ia3", "bitfit"])
def test_every_element_on_every_class(plm_folders: Mapping[str, Path], name: str, element: str) -> None:
    if element == "bitfit" and name in WITHOUT_BIASES:
        return
    pair = Pair(plm_folders[name], element, SIZES)
    stacked = pair.start().views

    def after(run: int, row: list[int], path: list[int]) -> Tensor:
        pair.library.load({name: values[run] for name, values in stacked.items()})
        ids, labels = torch.tensor([row]), torch.tensor([[*path, 5]])  # the library shifts them
        with torch.no_grad():
            logits: Tensor = pair.library(ids, torch.ones_like(ids), labels).logits[0, -1]
        return logits

    assert_logits(pair.model, stacked, after)


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2"])
@pytest.mark.parametrize("element", ["plm", "adapter", "prompt", "lora"])
@pytest.mark.parametrize("runs", [1, RUNS])
def test_decoder_only_models(tmp_path: Path, family: str, element: str, runs: int) -> None:
    """Of a PLM that is tuned as a whole by the library's model; with elements as a whole output passes at once."""
    folder = save_generated_plm(family, tmp_path, layers=2)
    model = attach(load_plm(folder, dropout=0.0), (element,), SIZES, 0).double().requires_grad_(False).eval()
    own = dict(model.owned_by((element,)))
    random = torch.Generator().manual_seed(1)
    stacked = {
        name: p + 0.1 * torch.randn((runs, *p.shape), generator=random, dtype=torch.float64) for name, p in own.items()
    }

    def after(run: int, row: list[int], path: list[int]) -> Tensor:
        values = {name: value[run] for name, value in stacked.items()}
        ids = torch.tensor([row])
        if element == "plm":
            plm = {name.removeprefix("plm."): value for name, value in values.items()}
            return functional_call(model.plm, plm, (torch.tensor([row + path]),)).logits[0, -1]
        return functional_call(model, values, (ids, torch.ones_like(ids), torch.tensor([[model.start_id, *path]])))[
            0, -1
        ]

    assert_logits(model, stacked, after, 1e-9 if family == "gpt2" else 1e-5)  # the others have norms in float32


@pytest.mark.usefixtures("float64_throughout")
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("element", ["adapter", "prefix"])
def test_with_fused_attention(plm_folders: Mapping[str, Path], name: str, element: str) -> None:
    """Against whole outputs passed at once, step by step."""
    compute = Compute(attention="fused")
    fused = attach(load_plm(plm_folders[name], dropout=0.0), (element,), SIZES, 0, compute).double().eval()
    eager = attach(load_plm(plm_folders[name], dropout=0.0), (element,), SIZES, 0).double().eval()
    random = torch.Generator().manual_seed(1)
    own = fused.requires_grad_(False).owned_by((element,))
    stacked = {n: p + 0.1 * torch.randn((RUNS, *p.shape), generator=random, dtype=torch.float64) for n, p in own}

    def after(run: int, row: list[int], path: list[int]) -> Tensor:
        values, ids = {name: value[run] for name, value in stacked.items()}, torch.tensor([row])
        outputs = torch.tensor([[eager.start_id, *path]])
        logits: Tensor = functional_call(eager, values, (ids, torch.ones_like(ids), outputs))
        return logits[0, -1].detach()

    assert_logits(fused, stacked, after)


@pytest.mark.parametrize("runs", [1, RUNS])
def test_beams_have_more_nodes_than_a_gpt2_has_positions(tmp_path: Path, runs: int) -> None:
    """Four tokens of input and up to twelve of output in twenty positions; the library's beam search as reference."""
    folder = save_generated_plm("gpt2", tmp_path, layers=2, positions=20)
    model = attach(load_plm(folder, dropout=0.0), ("plm",), SIZES, 0).requires_grad_(False).eval()
    stacked = {name: p.expand(runs, *p.shape).clone() for name, p in model.owned_by(("plm",))}
    ids = torch.tensor([[5, 9, 13, 7]])
    states, mask = encode(model, stacked, ids.expand(runs, 1, -1), torch.ones_like(ids).expand(runs, 1, -1))
    found = beam_search(model, stacked, states, mask, 12, 4)
    options = {"num_beams": 4, "max_new_tokens": 12, "early_stopping": False, "do_sample": False, "pad_token_id": 0}
    library = load_plm(folder, dropout=0.0).model.eval()
    theirs = library.generate(ids, attention_mask=torch.ones_like(ids), **options)[0, 4:].tolist()
    for own in found[:, 0].tolist():
        assert own[: len(theirs)] == theirs
