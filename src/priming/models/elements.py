"""The elements: which parameters they are, how they are attached and how they begin."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import adapters
import torch
from adapters import BnConfig, DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from priming.errors import StudyError
from priming.models.device import device_of
from priming.models.plm import LoadedPlm
from priming.models.prefix import attach_prefix
from priming.models.text_model import TextModel
from priming.study.compute import Compute
from priming.study.plm import Adapter, Elements

_BOTTLENECKS: dict[str, type[BnConfig]] = {"seq_bn": SeqBnConfig, "double_seq_bn": DoubleSeqBnConfig, "par_bn": ParBnConfig}
_SENTINEL = re.compile(r"▁?<extra_id_\d+>")


def attach(loaded: LoadedPlm, names: Iterable[str], sizes: Elements, seed: int, compute: Compute | None = None) -> TextModel:
    """The PLM with fresh elements of these `names`, all in use, on the device and in the precision of `compute`; the CPU and float32 without it.

    A fresh adapter begins near the identity (the library's `bert` initialisation), a prefix as N(0, 0.02), a prompt as
    the embeddings of random vocabulary entries; each draws from a generator of its own made from `seed`.

    Raises:
        StudyError: the sizes do not fit this PLM.
    """
    names = [name for name in names if name != "plm"]
    adapters.init(loaded.model)
    model = TextModel(loaded, compute.precision if compute else "float32")
    plm: Any = loaded.model
    if "adapter" in names:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            plm.add_adapter("adapter", config=_bottleneck(model, sizes.adapter))
    if "prefix" in names:
        attach_prefix(plm, sizes.prefix.length)
    _register_once(model)
    model.activate([name for name in names if name in plm.adapters_config])
    if "prompt" in names:
        model.prompt = nn.Parameter(_fresh_prompt(model, ordinary_entries(loaded.tokenizer), sizes.prompt.length, seed))
    generator = torch.Generator().manual_seed(seed)
    for _, parameter in parameters_of(model, "prefix"):
        parameter.data.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
    return model.to(device_of(compute)) if compute else model


def element_of(name: str) -> str:
    """The element that the parameter of this name belongs to."""
    if name == "prompt":
        return "prompt"
    if ".prefix_tunings." in name:
        return "prefix"
    return "adapter" if ".adapters." in name else "plm"


def parameters_of(model: TextModel, element: str) -> Iterator[tuple[str, Tensor]]:
    """The parameters of one element, by name; tied ones once."""
    return ((name, parameter) for name, parameter in model.named_parameters() if element_of(name) == element)


def _bottleneck(model: TextModel, adapter: Adapter) -> BnConfig:
    if model.width % adapter.bottleneck:
        divisors = ", ".join(str(d) for d in range(1, model.width) if model.width % d == 0)
        raise StudyError(f"elements.adapter.bottleneck is {adapter.bottleneck}, and the PLM's width {model.width}; allowed: {divisors}")
    return _BOTTLENECKS[adapter.config](reduction_factor=model.width / adapter.bottleneck, non_linearity=adapter.nonlinearity)


def _register_once(model: TextModel) -> None:
    """Leave each submodule that has parameters registered at one place, the highest; elsewhere it stays a plain attribute.

    `adapters` registers its prefix pool in each attention too, and T5 its embedding in encoder and decoder.
    `functional_call` replaces parameters by name and puts back what it found: under a second name of the same module that
    is the first name's replacement, so a run's own tensors would stay behind, and ties to other modules be lost.
    Modules without parameters stay wherever they are: an adapter runs its activation as an item of a `Sequential`, and a
    `Sequential` runs what is registered in it.
    """
    seen: set[int] = set()
    for module in list(model.modules()):
        for name, child in list(module._modules.items()):
            if child is None:
                continue
            if id(child) in seen and any(True for _ in child.parameters()):
                module.__dict__[name] = module._modules.pop(name)
            seen.add(id(child))


def ordinary_entries(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """Ids of the vocabulary's entries that are text, ascending: no special tokens, none of T5's sentinels, no rows that only fill up an embedding."""
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    special = set(tokenizer.all_special_ids)
    return torch.tensor([i for i, token in enumerate(tokens) if i not in special and not _SENTINEL.fullmatch(token or "")])


def _fresh_prompt(model: TextModel, entries: Tensor, length: int, seed: int) -> Tensor:
    """Embeddings of `length` different ones of these vocabulary `entries` [P x D]; scaled as the PLM scales inputs."""
    if length > len(entries):
        raise StudyError(f"elements.prompt.length is {length}, and the PLM's vocabulary has {len(entries)} ordinary entries; allowed: no more")
    embedding = model.plm.get_encoder().get_input_embeddings()
    drawn = entries[torch.randperm(len(entries), generator=torch.Generator().manual_seed(seed))[:length]]
    with torch.no_grad():
        return embedding(drawn).detach().clone()
