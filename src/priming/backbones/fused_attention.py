"""Attention as one fused operation, whose scores and weights are not held for the backward pass.

torch's `scaled_dot_product_attention` runs a fused kernel where it has one (Dao et al., 2022). Under `vmap` it has no
rule on CPUs and takes the runs one by one; here the runs are folded into the batch, so one call is made for all. It has
no second derivative, and it draws dropout itself: where weights are dropped, attention is computed step by step, so
that masks are those of `priming.runs.dropout`.

Shapes: B examples, A heads, Q queries, K keys, E the width of a head.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.nn.functional import dropout, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

FUSED = "priming_fused"
"""What the configuration of a PLM calls this attention."""
_NOTHING = torch.finfo(torch.float32).min / 4
"""Where no key has more than this in a mask, nothing is to be read."""


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float, rate: float = 0.0) -> Tensor:
    """What each query reads [B x A x Q x E], of the keys and values [B x A x K x E].

    Args:
        query: [B x A x Q x E].
        key: [B x A x K x E].
        value: [B x A x K x E].
        mask: what is added to the scores, [B or 1 x A or 1 x Q or 1 x K].
        scale: what the scores are multiplied by before that.
        rate: the probability with which a weight is dropped.
    """
    if rate > 0:
        return _step_by_step(query, key, value, mask, scale, rate)
    dropout(query, 0.0, training=False)  # one call, as step by step: masks of later layers go by the number of calls
    return _of_runs(query, key, value, _finite(mask).expand(len(query), -1, query.shape[2], -1), scale)


def attend_by_interface(plm: Any) -> None:
    """Let the attentions of a PLM that asks transformers' `AttentionInterface` be fused."""
    for config in {id(module.config): module.config for module in plm.modules() if hasattr(module, "config")}.values():
        config._attn_implementation = FUSED


def rate_of(module: nn.Module, rate: float) -> float:
    """The rate at which a module drops now."""
    return rate if module.training else 0.0


def _finite(mask: Tensor) -> Tensor:
    """The mask with numbers that stay finite in kernels, which scale them, and in bfloat16; their weights are 0 still.

    A query to which everything is masked, as in an input without a token, keeps equal weights, instead of none. The
    kernel for CPUs forgets how many keys there are in its derivative, so such inputs are computed step by step there,
    but not in compiled layers.
    """
    return mask.clamp(min=torch.finfo(torch.float32).min / 2)


def _of_runs(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Of one run or, under `vmap`, of all."""
    if torch._C._are_functorch_transforms_active():
        found: Tensor = _Folded.apply(query, key, value, mask, scale)  # type: ignore[no-untyped-call]
        return found
    looks = mask.device.type == "cpu" and get_proxy_mode() is None  # neither waits for a GPU nor stops a trace
    if looks and bool((mask.amax(dim=-1) < _NOTHING).any()):
        return _step_by_step(query, key, value, mask, scale)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype), scale=scale)


def _step_by_step(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float, rate: float = 0.0) -> Tensor:
    weights = (torch.matmul(query, key.transpose(2, 3)) * scale + mask).softmax(dim=-1).to(value.dtype)
    return torch.matmul(dropout(weights, rate) if rate > 0 else weights, value)


class _Folded(torch.autograd.Function):
    """Fused attention that knows what to do under `vmap`; derivatives are taken outside of that."""

    @staticmethod
    def forward(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
        """What the queries read."""
        return _of_runs(query, key, value, mask, scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Hold nothing: under `vmap`, torch's own operation does."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Reached by derivatives inside of `vmap` alone, which nobody takes."""
        raise RuntimeError("fused attention has no derivative inside of vmap; set compute.attention: eager")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        """One call for all runs, as examples of one batch."""
        runs, *tensors = info.batch_size, *inputs[:4]
        query, key, value, mask = (
            (tensor.expand(runs, *tensor.shape) if dim is None else tensor.movedim(dim, 0)).flatten(0, 1)
            for tensor, dim in zip(tensors, in_dims, strict=False)
        )
        found = _of_runs(query, key, value, mask, inputs[4])
        return found.unflatten(0, (runs, -1)), 0


def _by_interface(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """As transformers calls it: returns what is read [B x Q x A x E], and no weights."""
    shared = getattr(module, "num_key_value_groups", 1)
    if shared > 1:
        key, value = (states.repeat_interleave(shared, dim=1) for states in (key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    mask = attention_mask[..., : key.shape[2]]
    found = attention(query, key, value, mask, scale, rate_of(module, dropout))
    return found.transpose(1, 2).contiguous(), None


AttentionInterface.register(FUSED, _by_interface)
AttentionMaskInterface.register(FUSED, eager_mask)
