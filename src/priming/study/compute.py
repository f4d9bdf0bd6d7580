"""The study file on the machine: on what priming and tuning run, and in which precision."""

from typing import Literal

from pydantic import Field

from priming.study.base import Positive, Section

Device = Literal["auto", "cpu"]
Precision = Literal["float32", "bfloat16"]


class Compute(Section):
    """What trainings run on. Only the precision is part of what a result is made from."""

    device: Device = Field("auto", description="`auto`: a GPU where there is one, else the CPU.")
    precision: Precision = Field(
        "float32",
        description="Of forward and backward passes while priming, tuning and scoring; parameters and their updates are float32 in any case.",
    )
    gpus: Positive = Field(
        1, description="GPUs of one priming, which then share each batch or meta-batch (data parallel). Pretraining and tuning use one."
    )
