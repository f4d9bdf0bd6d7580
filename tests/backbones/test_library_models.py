"""Every element on every class of PLM gives what a model gives that transformers and adapters build alone."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from transformers import get_linear_schedule_with_warmup

from priming.backbones.attachment import attach
from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, TokenizedDataset, shift_right
from priming.backbones.loading import LoadedPlm, load_plm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.lora import Lora
from priming.elements.sections import Elements
from priming.errors import StudyError
from priming.forms.batches import TokenPair, epoch_batch
from priming.forms.loss import run_losses
from priming.forms.prediction import Predictor
from priming.forms.side_by_side import SideBySide
from priming.runs.loop import Course, train
from priming.runs.parameters import StackedParameters
from priming.runs.update_rules.adamw import AdamW
from tests.backbones.library_models import Library, library_model
from tests.backbones.test_plm import PAIRS, RUNS, batch_of
from tests.tiny_bart import SIZES, WORDS
from tests.tiny_plms import CLASSES

# Adapters calls T5's blocks by an argument's old name.
pytestmark = [
    pytest.mark.usefixtures("float64_throughout"),
    pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning"),
]
Folders = Mapping[str, Path]
STEPS, BATCH, WARMUP, CLIP, DECAY = 20, 4, 0.2, 1.0, 0.01
RATES = {
    "plm": (3e-3, 1e-3),
    "adapter": (1e-2, 3e-3),
    "prompt": (3e-2, 1e-2),
    "prefix": (3e-2, 1e-2),
    "lora": (3e-3, 1e-3),
    "ia3": (1e-2, 3e-3),
    "bitfit": (1e-2, 3e-3),
}
WITHOUT_BIASES = ("t5-tied", "t5-gated", "mt5")
LABELS = ("good", "bad dog", "red")
TOLERANCE = 1e-10
# The softmax over keys does not change when every key moves alike: their exact gradient is zero, and Adam makes steps
# of noise.
NO_GRADIENT = "k_proj.bias"

adapters_of_every_kind = [
    SIZES.model_copy(update={"adapter": Adapter(bottleneck=4, config=config, nonlinearity=nonlinearity)})
    for config in get_args(Adapter.model_fields["config"].annotation)
    for nonlinearity in get_args(Adapter.model_fields["nonlinearity"].annotation)
]
CASES = [
    pytest.param("adapter", sizes, id=f"{sizes.adapter.config}-{sizes.adapter.nonlinearity}")
    for sizes in adapters_of_every_kind
]
CASES += [pytest.param(element, SIZES, id=element) for element in ("prompt", "prefix", "plm", "lora", "ia3", "bitfit")]
WIDE = Lora(rank=3, alpha=5, attention=["k", "q", "v"], feed_forward=True)
CASES += [pytest.param("lora", SIZES.model_copy(update={"lora": WIDE}), id="lora-everywhere")]
each_class = pytest.mark.parametrize("name", CLASSES)


@pytest.fixture(scope="module")
def calm_folders(plm_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The PLMs with less sharp attention: in the random T5s, rounding grows to whole digits within a few steps."""
    folders = {}
    for name, folder in plm_folders.items():
        folders[name] = Path(shutil.copytree(folder, tmp_path_factory.mktemp("calm") / name))
        tensors = load_file(folder / "model.safetensors")
        calm = {n: t / 8 if n.endswith("Attention.q.weight") else t for n, t in tensors.items()}
        save_file(calm, folders[name] / "model.safetensors", {"format": "pt"})
    return folders


@dataclass(frozen=True)
class Pair:
    """The project's model and values of its runs; the library's model."""

    folder: Path
    element: str
    sizes: Elements

    @cached_property
    def loaded(self) -> LoadedPlm:
        return load_plm(self.folder, dropout=0.0)

    @cached_property
    def model(self) -> TextModel:
        return attach(self.loaded, (self.element,), self.sizes, 0).double().requires_grad_(False).eval()

    @cached_property
    def library(self) -> Library:
        return library_model(self.folder, self.element, self.sizes)

    def start(self) -> StackedParameters:
        """Values of each run, off those at which elements begin, which do next to nothing."""
        own = self.model.owned_by((self.element,))
        torch.manual_seed(1)
        scale = 0.02 if self.element == "plm" else 0.3
        return StackedParameters(
            {n: torch.stack([p + scale * torch.randn_like(p) for _ in range(RUNS)]) for n, p in own}, self.model.owner
        )

    def data(self, run: int) -> TokenizedDataset:
        """Eight examples of a run, of different lengths."""
        random = torch.Generator().manual_seed(run)
        texts = [
            " ".join(WORDS[i] for i in torch.randint(len(WORDS), (1 + row % 5,), generator=random)) for row in range(8)
        ]
        encoder = TextTokenizer(self.loaded.tokenizer, 20, 10)
        return encoder.examples((text, [LABELS[row % len(LABELS)]]) for row, text in enumerate(texts))

    def assert_near(self, ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float) -> None:
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            if NO_GRADIENT not in name:
                assert float((value - theirs[name]).norm()) <= tolerance * (1e-3 + float(theirs[name].norm())), name


@each_class
@pytest.mark.parametrize(("element", "sizes"), CASES)
def test_logits_losses_and_gradients(plm_folders: Folders, name: str, element: str, sizes: Elements) -> None:
    if element == "bitfit" and name in WITHOUT_BIASES:
        with pytest.raises(
            StudyError, match=r"'bitfit' tunes the PLM's biases, and a m?t5 has none; name another element"
        ):
            Pair(plm_folders[name], element, sizes).model  # noqa: B018
        return
    pair, batch = Pair(plm_folders[name], element, sizes), batch_of(plm_folders[name])
    parameters = pair.start()
    losses = run_losses(pair.model, parameters.views, batch)
    gradients = torch.autograd.grad(losses.sum(), list(parameters.views.values()))
    decoder_ids = shift_right(batch.labels, pair.model.start_id, pair.model.pad_id)
    for run in range(RUNS):
        own = parameters.row(run)
        pair.library.load(own)
        output = pair.library(batch.input_ids[run], batch.mask[run], batch.labels[run].contiguous())
        output.loss.backward()
        logits = functional_call(pair.model, own, (batch.input_ids[run], batch.mask[run], decoder_ids[run]))
        torch.testing.assert_close(logits, output.logits, rtol=TOLERANCE, atol=TOLERANCE)
        torch.testing.assert_close(losses[run], output.loss, rtol=TOLERANCE, atol=TOLERANCE)
        theirs = pair.library.found(own, lambda parameter: parameter.grad)
        pair.assert_near({n: g[run] for n, g in zip(parameters.views, gradients, strict=True)}, theirs, 10 * TOLERANCE)


@each_class
@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix", "plm", "lora", "ia3", "bitfit"])
def test_training_and_answers(calm_folders: Folders, name: str, element: str) -> None:
    """20 steps of a bank of two runs, and of the library's model run by run; then what both rank and generate."""
    if element == "bitfit" and name in WITHOUT_BIASES:
        return
    pair = Pair(calm_folders[name], element, SIZES)
    parameters = pair.start()
    losses = _train_bank(pair, parameters)
    encoder = TextTokenizer(pair.loaded.tokenizer, 20, 7)
    rows = encoder.inputs([text for text, _ in PAIRS] + WORDS[:8])
    answers = Predictor(pair.model, encoder).predict(
        parameters.views, [rows] * RUNS, [LABELS] * RUNS, ["ranking", "greedy", "beam"]
    )
    assert len({tuple(found[way]) for found in answers for way in found}) > RUNS, "all answer alike"
    for run in range(RUNS):
        pair.library.load(pair.start().row(run))
        expected = _train_alone(pair, run)
        torch.testing.assert_close(losses[:, run], torch.stack(expected), rtol=10 * TOLERANCE, atol=10 * TOLERANCE)
        own = parameters.row(run)
        pair.assert_near(own, pair.library.found(own, lambda parameter: parameter), 100 * TOLERANCE)
        assert answers[run] == _answers(pair, encoder, rows, run)


def _train_bank(pair: Pair, parameters: StackedParameters) -> Tensor:
    """Losses [STEPS x R]."""
    data, curve = [pair.data(run) for run in range(RUNS)], []
    objective = SideBySide(
        pair.model, lambda step: [epoch_batch(d, run, step, BATCH) for run, d in enumerate(data)], range(RUNS)
    )
    optimizer = AdamW({pair.element: torch.tensor(RATES[pair.element], dtype=torch.float64)}, DECAY)
    outcome = train(
        parameters, objective, optimizer, Course(STEPS, WARMUP, CLIP), lambda _, losses: curve.append(losses.clone())
    )
    assert not outcome.failures
    return torch.stack(curve)


def _train_alone(pair: Pair, run: int) -> list[Tensor]:
    """The losses of one run, trained by torch and transformers. Weight decay is for matrices, not for prefixes that the
    library has as vectors.
    """
    library, data = pair.library, pair.data(run)
    matrices = pair.element != "prefix" or all(p.dim() > 1 for _, p in pair.model.owned_by(("prefix",)))
    decayed = [p for p in library.tuned if p.dim() > 1 and matrices]
    rest = [p for p in library.tuned if all(p is not other for other in decayed)]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=RATES[pair.element][run])
    schedule = get_linear_schedule_with_warmup(optimizer, int(WARMUP * STEPS), STEPS)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = library(*_padded(epoch_batch(data, run, step, BATCH), pair.model.pad_id)).loss
        loss.backward()
        clip_grad_norm_(library.tuned, CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.detach())
    return losses


def _padded(picks: list[TokenPair], pad_id: int) -> tuple[Tensor, Tensor, Tensor]:
    inputs, targets = ([torch.tensor(ids) for ids in column] for column in zip(*picks, strict=True))
    mask = pad_sequence([torch.ones_like(ids) for ids in inputs], batch_first=True)
    return (
        pad_sequence(inputs, batch_first=True, padding_value=pad_id),
        mask,
        pad_sequence(targets, batch_first=True, padding_value=IGNORE_INDEX),
    )


@torch.no_grad()
def _answers(pair: Pair, encoder: TextTokenizer, rows: list[list[int]], run: int) -> dict[str, list[str]]:
    """The most likely label, and what `generate` gives with one beam and with four."""
    library, tokenizer = pair.library, pair.loaded.tokenizer
    ids, mask, _ = _padded([(row, row) for row in rows], pair.model.pad_id)
    scores = []
    for label in encoder.targets(LABELS):
        targets = torch.tensor(label).expand(len(rows), -1).contiguous()
        scores.append(
            -cross_entropy(library(ids, mask, targets).logits.transpose(1, 2), targets, reduction="none").sum(dim=1)
        )
    found = {"ranking": [LABELS[i] for i in torch.stack(scores, dim=1).argmax(dim=1).tolist()]}
    longest = max(map(len, encoder.targets(LABELS)))
    for way, options in (
        ("greedy", {"num_beams": 1, "max_new_tokens": longest}),
        ("beam", {"num_beams": 4, "max_new_tokens": 7}),
    ):
        generated = _generated(library, ids, mask, options)
        found[way] = [
            text.strip()
            for text in tokenizer.batch_decode(generated, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        ]
    return found


def _generated(library: Library, ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Tensor:
    return library.model.generate(
        **library.inputs(ids, mask), do_sample=False, early_stopping=False, use_cache=False, **options
    )
