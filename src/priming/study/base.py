"""What every section of the study file shares."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from priming.errors import StudyError
from priming.strategies import Strategy


def canonical(text: str) -> str:
    """The strategy as it prints, whatever its spaces and the order of its elements."""
    try:
        return str(Strategy.parse(text))
    except StudyError as error:
        raise ValueError(str(error)) from error


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
StrategyText = Annotated[str, AfterValidator(canonical)]
Share = Annotated[float, Field(ge=0, lt=1)]
Reduction = Literal["mean", "sum"]


class Section(BaseModel):
    """A part of the study file: immutable, of exactly the declared types, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
