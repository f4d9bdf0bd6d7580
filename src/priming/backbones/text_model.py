"""A PLM with its elements as one module, whose parameters can be replaced for each run."""

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import torch
from adapters.composition import Stack
from torch import Tensor, nn
from torch.nn.functional import embedding, pad
from torch.nn.modules.dropout import _DropoutNd

from priming.backbones.compute import Precision
from priming.backbones.interface import Nodes
from priming.backbones.key_values import KeyValues
from priming.backbones.loading import LoadedPlm
from priming.backbones.table import BACKBONES
from priming.elements.after_last import AfterLast
from priming.elements.head_layers import HeadLayers
from priming.elements.table import ELEMENTS


class TextModel(nn.Module):
    """A PLM that answers a text by a text, by a class, or by one for each token, with elements attached.

    Parameters are named `plm.*` (adapters and prefixes in its layers included), `prompt`, `after_last.*` and `head.*`;
    `owner` tells which element each belongs to, and `on_top` has the elements that stand on the last layer's states.
    """

    def __init__(self, loaded: LoadedPlm, precision: Precision = "float32") -> None:
        """Wrap a PLM; `bfloat16` runs passes under autocast where that is safe, and parameters stay float32."""
        super().__init__()
        self.precision = precision
        self.fused = self.compiled = False
        self.plm: Any = loaded.model  # the adapters library adds methods when it is attached
        self.backbone = BACKBONES[self.plm.config.model_type]
        self.tokenizer = loaded.tokenizer
        self.owners: dict[str, str] = {}
        self.prompt: nn.Parameter | None = None
        self.head: HeadLayers | None = None
        self.after_last: AfterLast | None = None
        self.on_top: frozenset[str] = frozenset()
        self.places: dict[tuple[str, ...], int] = {}
        self.known: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def passes_as(self) -> dict[str, str | bool]:
        """How the PLM's layers are computed, for results."""
        return {"attention": "fused" if self.fused else "eager", "compiled": self.compiled}

    @property
    def width(self) -> int:
        """D, the model width."""
        return int(self.plm.config.hidden_size)

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

    def place(self, labels: tuple[str, ...] | None) -> int:
        """Which of several sets of task-specific parameters is that of a task with these labels."""
        return self.places.get(labels or (), 0)

    def owner(self, parameter: str) -> str:
        """The element that the parameter of this name belongs to; a KeyError where none owns it."""
        return self.owners[parameter]

    def saved_with(self, element: str) -> list[tuple[str, nn.Parameter]]:
        """The parameters in an element's checkpoint: its own, and those taken over by elements that are part of it."""
        parts = {name for name, part in ELEMENTS.items() if part.part_of == element}
        return self.owned_by({element, *parts})

    def owned_by(self, elements: Container[str]) -> list[tuple[str, nn.Parameter]]:
        """The parameters of these elements by name, in the model's order; tied ones once."""
        return [(name, parameter) for name, parameter in self.named_parameters() if self.owner(name) in elements]

    def attach_prefix(self, length: int) -> None:
        """Put a prefix of `length` vectors before every attention."""
        self.backbone.attach_prefix(self.plm, length)

    def activate(self, names: list[str]) -> None:
        """Let the adapters and prefixes of these names take part in the forward pass."""
        self.plm.set_active_adapters(Stack(*names) if names else None)

    def encode(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encode `input_ids` [B x S], with `mask` [B x S] 1 where there is a token.

        Returns the states [B x (P + S) x D] and their mask [B x (P + S)], with P prompt vectors in front.
        """
        states, mask = self.below(input_ids, mask)
        if self.after_last is None:
            return states, mask
        with self.passing(states.device):
            return self.after_last(states), mask

    def below(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """As `encode`, of the PLM alone: what stands on top of its last layer is left out.

        Within `knowing`, `input_ids` are rows of the states that are known, and the PLM is not run.
        """
        if self.known is not None:
            return embedding(input_ids, self.known), mask
        embeddings, mask = self._embed(input_ids, mask)
        more = self._added(mask.shape[1], 1)[0] if "encode" in self.backbone.passes else 0
        with self.passing(embeddings.device):
            if not more:
                return self.backbone.states(self.plm, embeddings, mask), mask
            longer = pad(embeddings, (0, 0, 0, more)), pad(mask, (0, more))
            return self.backbone.states(self.plm, *longer)[:, : mask.shape[1]], mask

    def _added(self, source: int, target: int) -> tuple[int, int]:
        """Tokens of padding by which inputs and outputs of these lengths become one of few; none if not compiled."""
        if not (self.compiled and torch.is_grad_enabled()):
            return 0, 0
        rounded = self.backbone.rounded(self.plm.config, source, target)
        return rounded[0] - source, rounded[1] - target

    @contextmanager
    def knowing(self, states: Tensor | None) -> Iterator[None]:
        """Within it these states [N x D] of the PLM's last layer are looked up, where there are any."""
        before, self.known = self.known, states
        try:
            yield
        finally:
            self.known = before

    def train(self, mode: bool = True) -> Self:
        """Training mode, which differs from evaluation mode by dropout alone and is left out where nothing drops."""
        own = any(module.p > 0 for module in self.modules() if isinstance(module, _DropoutNd))
        named = (vars(self.plm.config), *map(vars, self.modules()))
        return super().train(mode and (own or any(map(_positive, named))))

    @property
    def drops(self) -> bool:
        """Whether dropout acts in the PLM of an encoder."""
        return any(module.training and module.p > 0 for module in self.plm.modules() if isinstance(module, _DropoutNd))

    def decode(self, states: Tensor, mask: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Logits [B x T x V] of the tokens after each of `decoder_input_ids` [B x T], in float32 at the least."""
        target = decoder_input_ids.shape[1]
        more, beyond = self._added(mask.shape[1], target)
        if more or beyond:
            states, mask = pad(states, (0, 0, 0, more)), pad(mask, (0, more))
            decoder_input_ids = pad(decoder_input_ids, (0, beyond), value=self.pad_id)
        with self.passing(states.device):
            return _wide(self.backbone.logits(self.plm, states, mask, decoder_input_ids)[:, :target])

    def grow(
        self, states: Tensor, mask: Tensor, tokens: Tensor, depths: Tensor, seen: Tensor, *kept: Tensor
    ) -> tuple[Tensor, ...]:
        """Logits [B x N x V] after N new nodes of a tree of outputs; then what to give as `kept` with the next ones.

        See `Nodes` for `tokens`, `depths` and `seen`.
        """
        with self.passing(states.device):
            known = KeyValues(kept, "encode" in self.backbone.passes)
            hidden = self.backbone.tree_states(self.plm, states, mask, Nodes(tokens, depths, seen), known)
            return _wide(self.backbone.project(self.plm, hidden)), *known.tensors()

    def score_tree(
        self,
        states: Tensor,
        mask: Tensor,
        tokens: Tensor,
        depths: Tensor,
        seen: Tensor,
        nodes: Tensor,
        targets: Tensor,
        *,
        at_once: int,
    ) -> Tensor:
        """Log-probabilities [B x P] of tokens `targets` [P] after `nodes` [P] of a tree of outputs; 0 after node -1.

        The tree of N nodes is the same for all inputs; see `Nodes` for `tokens`, `depths` and `seen`. The logits
        of `at_once` nodes of all inputs are made at once.
        """
        with self.passing(states.device):
            hidden = self.backbone.tree_states(self.plm, states, mask, Nodes(tokens, depths, seen))
            parts = hidden.split(max(1, at_once // len(tokens)))
            return torch.cat([self._after_nodes(part, nodes, targets, at_once) for part in parts])

    def _after_nodes(self, hidden: Tensor, nodes: Tensor, targets: Tensor, at_once: int) -> Tensor:
        """Those of some inputs, from what their nodes are before they are projected [b x N x D]."""
        found = torch.zeros((), device=hidden.device)
        first = 0
        for part in hidden.split(max(1, at_once // len(hidden)), dim=1):
            logp = _wide(self.backbone.project(self.plm, part)).log_softmax(dim=-1)
            here = (nodes >= first) & (nodes < first + part.shape[1])
            places = ((nodes - first) * logp.shape[-1] + targets).masked_fill(~here, 0)
            found = torch.where(here, logp.flatten(1).index_select(1, places), found)
            first += part.shape[1]
        return found

    def classify(self, input_ids: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        """Logits [B x C] of classes, by the head at the place [B] of each input; float32 at the least."""
        assert self.head is not None
        states, _ = self.encode(input_ids, mask)
        front = 0 if self.prompt is None else self.prompt.shape[0]
        with self.passing(states.device):
            return _wide(self.head(states[:, front], places))

    def tag(self, input_ids: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        """Logits [B x S x C] of classes of each token, by the head at the place [B] of its row."""
        assert self.head is not None
        states, _ = self.encode(input_ids, mask)
        with self.passing(states.device):
            return _wide(self.head.of_tokens(states[:, states.shape[1] - input_ids.shape[1] :], places))

    def forward(self, input_ids: Tensor, mask: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Logits [B x T x V]."""
        return self.decode(*self.encode(input_ids, mask), decoder_input_ids)

    @contextmanager
    def passing(self, device: torch.device) -> Iterator[None]:
        """Within it passes on this device run in the precision asked for."""
        casting = (
            torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
            if self.precision == "bfloat16"
            else nullcontext()
        )
        with casting, self.backbone.passing():
            yield

    def _embed(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.backbone.embedding(self.plm)(input_ids)
        if self.prompt is None:
            return embeddings, mask
        prompt = self.prompt.expand(input_ids.shape[0], -1, -1).to(embeddings.dtype)
        ones = torch.ones((input_ids.shape[0], prompt.shape[1]), dtype=mask.dtype, device=mask.device)
        return torch.cat([prompt, embeddings], dim=1), torch.cat([ones, mask], dim=1)


def _wide(logits: Tensor) -> Tensor:
    """In float32 where they are in bfloat16."""
    return logits.float() if logits.dtype == torch.bfloat16 else logits


def _positive(named: Mapping[str, Any]) -> bool:
    """Whether a rate of dropout, of a configuration or of a module that hands it to a function, is above 0."""
    rates = (value for name, value in named.items() if "drop" in name)
    return any(isinstance(rate, float | int) and rate > 0 for rate in rates)
