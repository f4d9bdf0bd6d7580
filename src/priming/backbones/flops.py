"""Floating-point operations of training, by the shape of the model: a multiply and an add count as two.

Counted per token and layer: the forward pass; the gradient of activations, which flows through every layer, but where
all tuned elements stand on top of the last; and the gradient of weights, in tuned matrices alone. Norms, activations,
soft-maxes, T5's relative position biases and look-ups are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn
from transformers.pytorch_utils import Conv1D

from priming.backbones.text_model import TextModel


@dataclass(frozen=True)
class Cost:
    """Operations of one example, in parts."""

    forward: float
    activations: float
    weights: float

    @property
    def gradient(self) -> float:
        """Forward pass and both gradients."""
        return self.forward + self.activations + self.weights

    def hessian_vector(self, frozen: float) -> float:
        """What differentiating through that gradient once more costs.

        Each of its products has two factors to differentiate, but for those with matrices that are `frozen` (their
        forward cost), which are no factors.
        """
        return 2 * (self.gradient - frozen)


class Counter:
    """Counts the cost of examples for a model with its elements."""

    def __init__(self, model: TextModel, known: bool = False) -> None:
        """With `known` the states of the PLM's last layer are looked up, and cost nothing."""
        self.known = known
        config = model.plm.config
        self.width, self.vocabulary = config.hidden_size, config.vocab_size
        self.backbone, self.shape = model.backbone, model.backbone.attention(config)
        self.prompt = 0 if model.prompt is None else model.prompt.shape[0]
        self.prefix = _prefix_length(model, self.shape.encoder * self.shape.inner)
        self.matrices = _matrices(model)
        self.on_top = model.on_top

    def example(self, source: float, target: float, tuned: Iterable[str]) -> Cost:
        """The cost of one example of `source` input and `target` output tokens with the elements `tuned` trained."""
        tuned = set(tuned)
        products = self.products(source, target)
        if self.known:
            products = {element: products.get(element, 0.0) for element in self.on_top}
        dense, weights = sum(products.values()), sum(cost for element, cost in products.items() if element in tuned)
        attention = 0.0 if self.known else self._attention(source + self.prompt, target)
        below = dense + 2 * attention
        if tuned <= self.on_top:
            below = sum(products.get(element, 0.0) for element in self.on_top)
        return Cost(dense + attention, below if tuned else 0.0, weights if tuned else 0.0)

    def products(self, source: float, target: float) -> dict[str, float]:
        """The forward cost of one example in the matrices of each element."""
        source += self.prompt
        tokens = {"encoder": source, "cross": source, "decoder": target, "both": source + target - 1, "example": 1.0}
        found = {"plm": 2.0 * self.width * self.vocabulary * self.backbone.projected(target)}
        for (part, element), size in self.matrices.items():
            found[element] = found.get(element, 0.0) + 2.0 * size * tokens[part]
        return found

    def _attention(self, source: float, target: float) -> float:
        """Scores and weighted sums of every attention."""
        return 4.0 * self.shape.inner * self.backbone.pairs(self.shape, source, target, self.prefix)


def _matrices(model: TextModel) -> dict[tuple[str, str], int]:
    """Sizes of all weight matrices by (which tokens pass through, element); embeddings and the output layer apart."""
    sizes: dict[tuple[str, str], int] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | Conv1D) and "lm_head" not in name:
            where = (model.backbone.part(name), model.owner(f"{name}.weight"))
            sizes[where] = sizes.get(where, 0) + module.weight.numel()
    if model.head is not None:
        sizes["example", model.owner("head.weight")] = model.head.operated
    return sizes


def _prefix_length(model: TextModel, keys: int) -> int:
    """Vectors of the prefix in an attention; `keys` is the size of one of them over all layers of the encoder."""
    sizes = [
        p.numel()
        for name, p in model.named_parameters()
        if ".prefix_tunings." in name and model.backbone.first_prefix in name
    ]
    return sizes[0] // (2 * keys) if sizes else 0
