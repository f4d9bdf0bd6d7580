"""The elements: which parameters they are, how they are attached and how they begin."""

from collections.abc import Iterable, Iterator
from typing import Any

import adapters
import torch
from adapters import BnConfig, DoubleSeqBnConfig, ParBnConfig, PrefixTuningConfig, SeqBnConfig
from adapters.methods.prefix_tuning import PrefixTuningLayer
from torch import Tensor, nn

from priming.models.device import device_of
from priming.models.plm import LoadedPlm
from priming.models.text_model import TextModel
from priming.study.compute import Compute
from priming.study.plm import Elements

_BOTTLENECKS: dict[str, type[BnConfig]] = {"seq_bn": SeqBnConfig, "double_seq_bn": DoubleSeqBnConfig, "par_bn": ParBnConfig}


def attach(loaded: LoadedPlm, names: Iterable[str], sizes: Elements, seed: int, compute: Compute | None = None) -> TextModel:
    """The PLM with fresh elements of these `names`, all in use, on the device and in the precision of `compute`; the CPU and float32 without it.

    A fresh adapter begins near the identity (the library's `bert` initialisation), a prefix as N(0, 0.02), a prompt as
    the embeddings of random vocabulary entries; each draws from a generator of its own made from `seed`.
    """
    names = [name for name in names if name != "plm"]
    adapters.init(loaded.model)
    model = TextModel(loaded, compute.precision if compute else "float32")
    plm: Any = loaded.model
    library = [name for name in names if name != "prompt"]
    for name in library:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            plm.add_adapter(name, config=_library_config(name, model, sizes))
    _unshare_prefix_pool(model)
    model.activate(library)
    if "prompt" in names:
        model.prompt = nn.Parameter(_fresh_prompt(model, sizes.prompt.length, seed))
    for _, parameter in parameters_of(model, "prefix"):
        parameter.data.copy_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)))
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


def _library_config(name: str, model: TextModel, sizes: Elements) -> BnConfig | PrefixTuningConfig:
    if name == "prefix":
        return PrefixTuningConfig(flat=True, prefix_length=sizes.prefix.length)
    adapter = sizes.adapter
    return _BOTTLENECKS[adapter.config](reduction_factor=model.width / adapter.bottleneck, non_linearity=adapter.nonlinearity)


def _unshare_prefix_pool(model: TextModel) -> None:
    """Leave the library's prefix pool as a submodule of the model alone.

    Each attention layer registers the pool as its own submodule too; `functional_call`, which replaces parameters by
    name, then leaves run-specific tensors behind in it.
    """
    for module in model.modules():
        if isinstance(module, PrefixTuningLayer) and "pool" in module._modules:
            module.__dict__["pool"] = module._modules.pop("pool")


def _fresh_prompt(model: TextModel, length: int, seed: int) -> Tensor:
    """Embeddings of `length` different vocabulary entries, special tokens apart [P x D]; scaled as the PLM scales inputs."""
    embedding = model.plm.get_encoder().get_input_embeddings()
    special = 5
    drawn = torch.randperm(embedding.weight.shape[0] - special, generator=torch.Generator().manual_seed(seed))[:length] + special
    with torch.no_grad():
        return embedding(drawn).detach().clone()
