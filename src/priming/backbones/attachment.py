"""Attaching elements to a PLM, and which element each parameter belongs to."""

from collections.abc import Iterable

import adapters

from priming.backbones.brought import take_over
from priming.backbones.compilation import compile_layers
from priming.backbones.compute import Compute
from priming.backbones.device import compiles, device_of, fuses
from priming.backbones.loading import LoadedPlm
from priming.backbones.recomputation import recompute_layers
from priming.backbones.text_model import TextModel
from priming.elements.sections import Elements
from priming.elements.table import ELEMENTS, in_place
from priming.errors import StudyError

BASE = "plm"
"""The element of all parameters that are there before any is attached."""


def attach(
    loaded: LoadedPlm, names: Iterable[str], sizes: Elements, seed: int, compute: Compute | None = None
) -> TextModel:
    """The PLM with fresh elements of these `names`, all in use, on the device and in the precision of `compute`.

    Those that have no place in it are left out. Without `compute`, on the CPU and in float32. Each element draws from
    random numbers of its own made from `seed`, but for one that the PLM brings, which begins as that is.

    Raises:
        StudyError: the sizes do not fit this PLM, or `compute` asks for what cannot be had.
        DataError: the sizes are not those of the element that it brings.
    """
    adapters.init(loaded.model)
    model = TextModel(loaded, compute.precision if compute else "float32")
    named = in_place(names, model.backbone.passes)
    wanted = [ELEMENTS[name] for name in ELEMENTS if name in named and name != BASE]
    owners = dict.fromkeys(map(id, model.parameters()), BASE)
    for element in wanted:
        owners |= {id(parameter): element.name for parameter in element.claims(model)}
        element.attach(model, sizes.of(element.name), seed)
        owners |= {id(p): element.name for p in model.parameters() if id(p) not in owners}
    model.on_top = frozenset(e.name for e in wanted if e.reach_of(sizes.of(e.name)) == "top")
    _register_once(model)
    model.activate([element.name for element in wanted if element.name in model.plm.adapters_config])
    model.owners = {name: owners[id(parameter)] for name, parameter in model.named_parameters()}
    for element in wanted:
        element.fill(
            model, [parameter for _, parameter in model.owned_by((element.name,))], sizes.of(element.name), seed
        )
    if loaded.brought and loaded.brought.element in named:
        take_over(model, loaded.brought, sizes.of(loaded.brought.element))
    if compute:
        _set_passes(model, compute)
    return model.to(device_of(compute)) if compute else model


def _set_passes(model: TextModel, compute: Compute) -> None:
    """Let the PLM's layers be computed as `compute` says; raises StudyError where its attention cannot be."""
    why = model.backbone.unfusable(model.plm.config)
    if why and compute.attention == "fused":
        raise StudyError(f"compute.attention is 'fused', and this PLM's cannot be: {why}; allowed: auto, eager")
    if fuses(compute) and not why:
        model.backbone.fuse_attention(model.plm)
        model.fused = True
    if compiles(compute):
        compile_layers(model)
    if compute.checkpointing:
        recompute_layers(model)


def _register_once(model: TextModel) -> None:
    """Leave each submodule that has parameters registered at one place, the highest.

    Elsewhere it stays a plain attribute. `adapters` registers its prefix pool in each attention too, and T5 its
    embedding in encoder and decoder. `functional_call` replaces parameters by name and puts back what it found: under a
    second name of the same module that is the first name's replacement, so a run's own tensors would stay behind, and
    ties to other modules be lost. Modules without parameters stay wherever they are: an adapter runs its activation as
    an item of a `Sequential`, and a `Sequential` runs what is registered in it.
    """
    seen: set[int] = set()
    for module in list(model.modules()):
        for name, child in list(module._modules.items()):
            if child is None:
                continue
            if id(child) in seen and any(True for _ in child.parameters()):
                module.__dict__[name] = module._modules.pop(name)
            seen.add(id(child))
