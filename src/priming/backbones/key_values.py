"""Keys and values of what a decoder has seen, kept so that the tokens after it can pass alone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer, EncoderDecoderCache


class KeyValues:
    """What the attentions of all layers keep; new keys and values are put behind them.

    `cache` is what the library's models take. It holds tensors of this pass alone, so that passes stay functions of
    their arguments, as `vmap` needs them.
    """

    def __init__(self, kept: Sequence[Tensor], with_encoder: bool) -> None:
        """Continue from what `tensors` gave, which at first is nothing.

        Args:
            kept: keys and values of each layer in turn [B x H x T x D]; with an encoder, then those of its states.
            with_encoder: whether the decoder attends to an encoder too.
        """
        self.parts = [_cache(own) for own in _halves(kept, 2 if with_encoder else 1)]
        self.cache: Any = EncoderDecoderCache(*self.parts) if with_encoder else self.parts[0]
        self.empty = not kept

    def tensors(self) -> tuple[Tensor, ...]:
        """All that is kept now."""
        layers: list[Any] = [layer for part in self.parts for layer in part.layers]
        return tuple(value for layer in layers for value in (layer.keys, layer.values))


def known_of(cache: Any, layer: int, of_encoder: bool) -> tuple[Tensor, Tensor] | None:
    """Keys and values of the encoder's states, where a cache with an encoder has a layer's; the decoder's grow."""
    if cache is None or not of_encoder or not cache.is_updated.get(layer):
        return None
    found = cache.cross_attention_cache.layers[layer]
    return found.keys, found.values


def keep(cache: Any, layer: int, of_encoder: bool, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Put new keys and values of a layer into a cache with an encoder: all that it has of them now."""
    part = cache.cross_attention_cache if of_encoder else cache.self_attention_cache
    if of_encoder:
        cache.is_updated[layer] = True
    found: tuple[Tensor, Tensor] = part.update(keys, values, layer)
    return found


class _Layer(DynamicLayer):
    """Keys and values of a layer, which it may begin with."""

    def __init__(self, *kept: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if kept:
            self._hold(*kept)

    def _hold(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values = keys, values
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True

    def update(
        self, key_states: Tensor, value_states: Tensor, cache_kwargs: dict[str, Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        """All keys and values, with the new ones."""
        if self.keys is not None and self.values is not None:
            key_states = torch.cat([self.keys, key_states], dim=-2)
            value_states = torch.cat([self.values, value_states], dim=-2)
        self._hold(key_states, value_states)
        return key_states, value_states


def _cache(kept: Sequence[Tensor]) -> Cache:
    cache = Cache(layer_class_to_replicate=_Layer)
    cache.layers.extend(_Layer(*kept[first : first + 2]) for first in range(0, len(kept), 2))
    return cache


def _halves(kept: Sequence[Tensor], parts: int) -> list[Sequence[Tensor]]:
    each = len(kept) // parts
    return [kept[part * each : (part + 1) * each] for part in range(parts)]
