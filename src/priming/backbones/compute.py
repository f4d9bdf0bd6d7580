"""The study file on the machine: on what priming and tuning run, and in which precision."""

from typing import Any, Literal, Self

from pydantic import Field

from priming.section import Positive, Section

Device = Literal["auto", "cpu"]
Attention = Literal["auto", "eager", "fused"]
Compilation = Literal["auto", "on", "off"]
Precision = Literal["float32", "bfloat16"]


class Compute(Section):
    """What trainings run on. Results are made anew for another precision or split, not for other devices or GPUs."""

    later = frozenset({"checkpointing", "attention", "compile"})

    device: Device = Field("auto", description="`auto`: a GPU where there is one, else the CPU.")
    precision: Precision = Field(
        "float32",
        description="Precision of forward and backward passes while priming, tuning and scoring; parameters and "
        "updates are always float32.",
    )
    gpus: Positive = Field(
        1,
        description="GPUs per priming, which share each batch or meta-batch (data parallel); pretraining and tuning "
        "use one.",
    )
    split: Positive = Field(
        1,
        description="For GPUs with less memory: divides `tuning.bank`, and multiplies the `accumulation_steps` of each "
        "priming, as far as its batch allows. Results change by rounding only.",
    )
    checkpointing: bool = Field(
        False,
        description="Compute the activations of each layer of the PLM again in the backward pass, instead of holding "
        "them, while priming and tuning: less memory for about a third more time. Dropout masks stay the same.",
    )

    attention: Attention = Field(
        "auto",
        description="`eager`: attention step by step. `fused`: one operation, which holds no scores; where attention "
        "weights are dropped, and in pretraining, step by step still. `auto`: `fused` on GPUs, but not for "
        "second-order meta-learners, which differentiate it twice; `eager` on CPUs.",
    )

    compile: Compilation = Field(
        "auto",
        description="`on`: a layer is compiled, for all layers like it, while priming and tuning; seconds to minutes "
        "for each length of inputs, of which there are few. `auto`: on GPUs with Triton and a C compiler, but not with "
        "`checkpointing` or second-order meta-learners; not on CPUs, where it needs a C++ compiler.",
    )

    @property
    def differentiated_twice(self) -> Self:
        """The same, without what has no second derivative."""
        return self.model_copy(update={"attention": "eager", "compile": "off"})

    @property
    def of_results(self) -> dict[str, Any]:
        """What results are made anew for, as an entry of their recipes."""
        return self.settings(include={"precision", "checkpointing", "attention", "compile"})
