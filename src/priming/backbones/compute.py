"""The study file on the machine: on what priming and tuning run, and in which precision."""

from typing import Any, Literal

from pydantic import Field

from priming.section import Positive, Section

Device = Literal["auto", "cpu"]
Precision = Literal["float32", "bfloat16"]


class Compute(Section):
    """What trainings run on. Results are made anew for another precision or split, not for other devices or GPUs."""

    later = frozenset({"checkpointing"})

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

    @property
    def of_results(self) -> dict[str, Any]:
        """What results are made anew for, as an entry of their recipes."""
        return self.settings(include={"precision", "checkpointing"})
