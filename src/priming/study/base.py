"""A strategy as a value of the study file."""

from typing import Annotated

from pydantic import AfterValidator

from priming.errors import StudyError
from priming.strategies import Strategy


def canonical(text: str) -> str:
    """The strategy in its canonical spelling, for any spacing and order of elements."""
    try:
        return str(Strategy.parse(text))
    except StudyError as error:
        raise ValueError(str(error)) from error


StrategyText = Annotated[str, AfterValidator(canonical)]
