"""A soft prompt (Lester et al., 2021): vectors in front of the input embeddings."""

import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priming.elements.interface import Element, Shape
from priming.errors import StudyError
from priming.section import Positive, Section

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from priming.backbones.text_model import TextModel

_SENTINEL = re.compile(r"▁?<extra_id_\d+>")


class Prompt(Section):
    """Soft vectors before the input embeddings of the encoder."""

    later = frozenset({"init", "entries"})

    length: Positive = Field(10, description="Number of vectors.")
    init: Literal["vocabulary", "random"] = Field(
        "vocabulary",
        description="How they begin: as the embeddings of different random entries of the vocabulary (`vocabulary`), "
        "or normally distributed with mean and standard deviation of all embeddings (`random`).",
    )
    entries: Positive | None = Field(
        None,
        description="With `init: vocabulary`, the vocabulary's first entries from which they are drawn. Wu et al. "
        "(2022): 5,000. Default: all.",
    )


class SoftPrompt(Element):
    """It begins as embeddings of the vocabulary, or as random vectors like them."""

    name, noun, options, rates, colour = "prompt", "soft prompts", Prompt, (0.5,), "#E69F00"
    brought = True

    def attach(self, model: "TextModel", options: Prompt, seed: int) -> None:
        """Put [P x D] before all inputs; raises StudyError if the vocabulary has fewer than P entries to begin as."""
        import torch

        if options.init == "random":
            model.prompt = torch.nn.Parameter(_like(model.backbone.embedding(model.plm).weight, options.length, seed))
            return
        entries = ordinary_entries(model.tokenizer)
        if options.entries is not None:
            entries = entries[entries < options.entries]
        if options.length > len(entries):
            among = "" if options.entries is None else f" among its first {options.entries}"
            has = f"the PLM's vocabulary has {len(entries)} ordinary entries{among}"
            problem = f"{options.length}, and {has}; allowed: no more"
            raise StudyError(f"elements.prompt.length is {problem}")
        embedding = model.backbone.embedding(model.plm)
        order = torch.randperm(len(entries), generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            model.prompt = torch.nn.Parameter(embedding(entries[order[: options.length]]).detach().clone())

    def size(self, options: Prompt, shape: Shape) -> int:
        """P x D."""
        return options.length * shape.width

    def added_inputs(self, options: Prompt) -> int:
        """P."""
        return options.length


def _like(embeddings: "Tensor", length: int, seed: int) -> "Tensor":
    """Random vectors [P x D] with the mean and the standard deviation of embeddings [V x D]."""
    import torch

    drawn = torch.randn(length, embeddings.shape[1], generator=torch.Generator().manual_seed(seed))
    return (embeddings.mean().item() + embeddings.std().item() * drawn).to(embeddings)


def ordinary_entries(tokenizer: "PreTrainedTokenizerBase") -> "Tensor":
    """Ids of the vocabulary's entries that are text, ascending.

    Special tokens are none, nor T5's sentinels, nor rows that only fill up an embedding.
    """
    import torch

    tokens, special = tokenizer.convert_ids_to_tokens(range(len(tokenizer))), set(tokenizer.all_special_ids)
    return torch.tensor([i for i, t in enumerate(tokens) if i not in special and not _SENTINEL.fullmatch(t or "")])


ELEMENT = SoftPrompt()
