"""A few inputs, and what a model says of them: by these an exported folder is compared with the model in hand."""

from dataclasses import dataclass

import torch
from torch import Tensor

from priming.backbones.text_model import TextModel
from priming.elements.prompt import ordinary_entries

ROWS, LONGEST = 3, 7
TOLERANCE = 5e-5
"""Of float32 logits, as a part of the largest, or as a number where all are below 1: what other kernels of attention
change in a model whose weights are badly conditioned. A wrong format changes a hundred times as much and more."""


@dataclass(frozen=True)
class Questions:
    """Inputs by the names of transformers, where in the logits to look, counted from their end, and what is there."""

    inputs: dict[str, Tensor]
    places: Tensor | None
    expected: Tensor

    def difference(self, logits: Tensor) -> float:
        """The largest difference of logits from what is expected, as a part of the largest; infinite if unfit."""
        if self.places is not None and logits.dim() == 3:
            places = logits.shape[1] + self.places
            if places.min() < 0:
                return torch.inf
            logits = logits.gather(1, places[..., None].expand(*places.shape, logits.shape[-1]))
        if logits.shape != self.expected.shape:
            return torch.inf
        difference = (logits - self.expected).abs().max().item()
        return difference / max(1.0, self.expected.abs().max().item())


@torch.no_grad()
def ask(model: TextModel, by_word: bool = False) -> Questions:
    """Ask a model about random texts of different lengths."""
    random = torch.Generator().manual_seed(0)
    entries = ordinary_entries(model.tokenizer)
    ids = entries[torch.randint(len(entries), (ROWS, LONGEST), generator=random)].to(model.device)
    outputs = entries[torch.randint(len(entries), (ROWS, LONGEST - 2), generator=random)].to(model.device)
    lengths = LONGEST - torch.arange(ROWS)[:, None]
    mask = (torch.arange(LONGEST) < lengths).long().to(model.device)
    ids = ids.masked_fill(mask == 0, model.pad_id)
    if "decode" in model.backbone.passes:
        return _of_text(model, ids, mask, outputs)
    return _of_encoder(model, ids, mask, by_word)


def _of_text(model: TextModel, ids: Tensor, mask: Tensor, outputs: Tensor) -> Questions:
    """Logits after each token of an output."""
    outputs = torch.cat([torch.full_like(outputs[:, :1], model.start_id), outputs], dim=1)
    expected = model(ids, mask, outputs).cpu()
    target = outputs.shape[1]
    if "encode" in model.backbone.passes:
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": outputs}
        return Questions(_on_cpu(inputs), torch.arange(-target, 0).expand(len(ids), -1), expected)
    rows = [torch.cat([own[: int(m.sum())], out[1:]]) for own, m, out in zip(ids, mask, outputs, strict=True)]
    whole = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=model.pad_id)
    lengths = torch.tensor([len(row) for row in rows])
    places = lengths[:, None] - whole.shape[1] + torch.arange(-target, 0)
    inputs = {"input_ids": whole, "attention_mask": (torch.arange(whole.shape[1]) < lengths[:, None]).long()}
    return Questions(_on_cpu(inputs), places, expected)


def _of_encoder(model: TextModel, ids: Tensor, mask: Tensor, by_word: bool) -> Questions:
    """Logits of classes, of each token where words have them; states where there is no head."""
    inputs, heads = _on_cpu({"input_ids": ids, "attention_mask": mask}), torch.zeros(len(ids), dtype=torch.long).to(ids)
    if model.head is not None and not by_word:
        return Questions(inputs, None, model.classify(ids, mask, heads).cpu())
    tokens = ids.shape[1]
    found = model.encode(ids, mask)[0][:, -tokens:] if model.head is None else model.tag(ids, mask, heads)
    # What stands at padding is nobody's.
    last = mask.sum(dim=1, keepdim=True).cpu() - 1
    places = torch.minimum(torch.arange(tokens).expand(len(ids), -1), last) - tokens
    at = (places + tokens)[..., None].expand(*places.shape, found.shape[-1])
    return Questions(inputs, places, found.cpu().gather(1, at))


def _on_cpu(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.cpu() for name, value in inputs.items()}
