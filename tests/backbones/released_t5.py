"""Checkpoints as Wu et al. (2022) release them, made by hand from a tiny T5 1.1 and random prompts."""

import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import T5ForConditionalGeneration

from tests.backbones.written_out_t5 import Deep, Sizes, logits
from tests.tiny_plms import FILLING, random_model, unigram_tokenizer

LENGTH = 12
"""Vectors of a prompt: more than the nearest distances, which have a bucket each."""
WRAPPED = "transformer.model."
EMBEDDINGS = ("shared", "encoder.embed_tokens", "decoder.embed_tokens")
TABLES = ("encoder.prefix_embed", "decoder.prefix_embed", "decoder.prefix_embed_cross")


class Released(NamedTuple):
    """A model's configuration and tokenizer, the tensors of its PLM, the prompt, and both as they are released."""

    like: Path
    entries: int
    plain: dict[str, Tensor]
    prompt: list[Tensor]
    state: dict[str, Tensor]

    def logits(self, ids: Tensor, mask: Tensor, outputs: Tensor, prompt: list[Tensor] | None = None) -> Tensor:
        """The plain reference, in float64: with the prompt in front of the inputs, or in every attention."""
        tensors = {name: value.double() for name, value in self.plain.items()}
        prompt = [table.double() for table in self.prompt] if prompt is None else prompt
        embedded, deep = tensors["shared.weight"][ids], None
        if len(prompt) == 1:
            embedded = torch.cat([prompt[0].expand(len(ids), -1, -1), embedded], dim=1)
            mask = torch.cat([mask.new_ones(len(ids), len(prompt[0])), mask], dim=1)
        elif prompt:
            deep = Deep(*prompt)
        return logits(tensors, Sizes(heads=3), embedded, mask, outputs, deep)


def released(folder: Path, deep: bool, wrapped: str = WRAPPED, length: int = LENGTH) -> Released:
    """A T5 1.1 with rows beyond its tokenizer's entries, as the authors' code stores it."""
    tokenizer = unigram_tokenizer(sentinels_as_text=False)
    model = random_model("t5-gated", len(tokenizer) + FILLING)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5).add_(0.5 * torch.randn(parameter.shape))
    assert isinstance(model, T5ForConditionalGeneration)
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    plain = {name: value.detach().clone() for name, value in model.state_dict().items()}
    config, state = model.config, dict(plain)
    if deep:
        both = 2 * config.d_kv * config.num_heads
        widths = [both * config.num_layers, both * config.num_decoder_layers, both * config.num_decoder_layers]
        prompt = [torch.randn(length, width) for width in widths]
        state |= {f"{name}.weight": table for name, table in zip(TABLES, prompt, strict=True)}
    else:
        prompt = [torch.randn(length, config.d_model)]
        for name in EMBEDDINGS:
            state[f"{name}.embed.weight"], state[f"{name}.new_embed.weight"] = state.pop(f"{name}.weight"), prompt[0]
    return Released(folder, len(tokenizer), plain, prompt, {f"{wrapped}{name}": t for name, t in state.items()})


def checkpoint(state: dict[str, Any], file: Path) -> Path:
    """What Lightning saves: the model's tensors beside the state of the training."""
    about = {"epoch": 0, "global_step": 7704, "pytorch-lightning_version": "1.5.5", "lr_schedulers": []}
    callbacks = {"ModelCheckpoint{'monitor': 'a'}": {"best_model_score": torch.tensor(0.5), "dirpath": "work"}}
    moments = {name: {"step": 3, "RMS": 0.5, "exp_avg_sq_row": torch.zeros(2)} for name in state}
    parts = {"state_dict": OrderedDict(state), "callbacks": callbacks, "custom_optimizer_states": moments}
    torch.save(about | parts, file)
    return file


def copied(folder: Path, to: Path) -> Path:
    """A folder of a PLM, to be changed."""
    return Path(shutil.copytree(folder, to))


def inputs(entries: int) -> tuple[Tensor, Tensor, Tensor]:
    """Three inputs with padding [3 x 20], their mask, and what the decoder is given [3 x 5]."""
    random = torch.Generator().manual_seed(3)
    ids = torch.randint(3, entries, (3, 20), generator=random)
    mask = torch.ones_like(ids)
    mask[1, 13:], mask[2, 4:] = 0, 0
    outputs = torch.randint(3, entries, (3, 5), generator=random)
    outputs[:, 0] = 0
    return ids.masked_fill(mask == 0, 0), mask, outputs
