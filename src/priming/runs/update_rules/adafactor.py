"""Adafactor."""

from torch import Tensor

from priming.runs.parameters import Block
from priming.runs.update_rules.interface import Memory, UpdateRule

DECAY = -0.8
"""Of the mean over earlier squares: at step t it counts 1 - t^DECAY."""
LEAST_SQUARE = 1e-30
LARGEST = 1.0
"""Root mean square of a parameter's update, before the rate; larger updates are scaled down."""


class Adafactor(UpdateRule):
    """Adafactor (Shazeer and Stern, 2018), equal to that of transformers a run at a time.

    It has no first moment, and moves by the rate that it is given: neither relative to the size of a parameter nor to
    the number of steps (`scale_parameter` and `relative_step` off there). The second moments of a matrix are kept as
    those of its rows and columns. Weight decay is decoupled; matrices are decayed, vectors (biases, norms) are not.
    """

    shaped = True

    def start(self, block: Block) -> Memory:
        """Second moments: of rows [R x ... x m] and columns [R x ... x n] of matrices, of each number of a vector."""
        zeros = block.gradient.new_zeros(block.gradient.shape)
        return (zeros[..., 0].clone(), zeros[..., 0, :].clone()) if _is_matrix(block) else (zeros,)

    def move(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Update in place."""
        squares, new = block.gradient.square().add_(LEAST_SQUARE), self.steps**DECAY
        if _is_matrix(block):
            rows, columns = memory
            rows.lerp_(squares.mean(dim=-1), new)
            columns.lerp_(squares.mean(dim=-2), new)
            rows = rows / rows.mean(dim=-1, keepdim=True)
            update = block.gradient * rows.rsqrt()[..., None] * columns.rsqrt()[..., None, :]
        else:
            update = block.gradient * memory[0].lerp_(squares, new).rsqrt()
        update.div_((_root_mean_square(update) / LARGEST).clamp_(min=1.0))
        if self.weight_decay and block.decayed:
            block.values.sub_(block.values * (rate * self.weight_decay))
        block.values.sub_(update * rate)


def _is_matrix(block: Block) -> bool:
    return block.gradient.dim() > 2


def _root_mean_square(tensor: Tensor) -> Tensor:
    """Of each run's own [R x 1 x ...]."""
    return tensor.square().mean(dim=tuple(range(1, tensor.dim())), keepdim=True).sqrt_()


RULE = Adafactor
