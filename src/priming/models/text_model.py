"""A PLM with its elements as one module, whose parameters can be replaced for each run."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import torch
from adapters.composition import Stack
from adapters.context import ForwardContext
from torch import FloatTensor, Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from priming.models.plm import LoadedPlm
from priming.study.compute import Precision


class TextModel(nn.Module):
    """A sequence-to-sequence PLM with elements attached.

    Parameters are named `plm.*` (adapters and prefixes included) and `prompt`; which element
    each belongs to is told by `priming.models.elements`.
    """

    def __init__(self, loaded: LoadedPlm, precision: Precision = "float32") -> None:
        """Wrap a PLM; with `precision` bfloat16, passes run in it where that is safe (autocast), parameters stay float32."""
        super().__init__()
        self.precision = precision
        self.plm: Any = loaded.model  # the adapters library adds methods when it is attached
        self.prompt: nn.Parameter | None = None

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def width(self) -> int:
        """D, the model width."""
        return int(self.plm.config.d_model)

    @property
    def pad_id(self) -> int:
        """The padding token."""
        return int(self.plm.config.pad_token_id)

    @property
    def start_id(self) -> int:
        """The token from which outputs are generated."""
        return int(self.plm.config.decoder_start_token_id)

    @property
    def end_id(self) -> int:
        """The token that ends an output."""
        return int(self.plm.config.eos_token_id)

    def activate(self, names: list[str]) -> None:
        """Let the adapters and prefixes of these names take part in the forward pass."""
        self.plm.set_active_adapters(Stack(*names) if names else None)

    def encode(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encode `input_ids` [B x S], with `mask` [B x S] 1 where there is a token.

        Returns the states [B x (P + S) x D] and their mask [B x (P + S)], with P prompt vectors in front.
        """
        embeddings, mask = self._embed(input_ids, mask)
        with self._passing(embeddings.device), ForwardContext(self.plm, attention_mask=mask):
            states = self.plm.get_encoder()(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return states, mask

    def decode(self, states: Tensor, mask: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Logits [B x T x V] of the tokens after each of `decoder_input_ids` [B x T], in float32 at the least."""
        encoded = BaseModelOutput(last_hidden_state=cast(FloatTensor, states))
        with self._passing(states.device):
            output = self.plm(encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=decoder_input_ids, use_cache=False)
        logits: Tensor = output.logits
        return logits.float() if logits.dtype == torch.bfloat16 else logits

    def decode_next(self, states: Tensor, mask: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Logits [B x V] of the token after all of `decoder_input_ids` [B x T]; the output layer leaves out the other positions."""
        # Contiguous: under vmap and autocast the product with a slice copies the vocabulary's matrix for every row.
        hook = self.plm.lm_head.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:].contiguous(),))
        try:
            return self.decode(states, mask, decoder_input_ids)[:, -1]
        finally:
            hook.remove()

    def forward(self, input_ids: Tensor, mask: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Logits [B x T x V]."""
        return self.decode(*self.encode(input_ids, mask), decoder_input_ids)

    @contextmanager
    def _passing(self, device: torch.device) -> Iterator[None]:
        """Within it passes run in the precision asked for."""
        casting = torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if self.precision == "bfloat16" else nullcontext()
        with casting, nullcontext() if self.plm.config.model_type == "bart" else _unwarned():
            yield

    def _embed(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.plm.get_encoder().get_input_embeddings()(input_ids)
        if self.prompt is None:
            return embeddings, mask
        prompt = self.prompt.expand(input_ids.shape[0], -1, -1).to(embeddings.dtype)
        ones = torch.ones((input_ids.shape[0], prompt.shape[1]), dtype=mask.dtype, device=mask.device)
        return torch.cat([prompt, embeddings], dim=1), torch.cat([ones, mask], dim=1)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without the warning that the adapters library calls T5's blocks by an argument's old name, of which users can mend nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`past_key_value` is deprecated", FutureWarning)
        yield
