"""Reading the tables that figures are drawn from."""

from pathlib import Path

import pandas as pd

from priming.checked import checked
from priming.errors import DataError

_NAMES = (
    "plm",
    "plm_seed",
    "strategy",
    "twin",
    "task",
    "baseline",
    "priming",
    "downstream",
    "label",
    "reason",
    "group",
    "task_names",
)


def stored(tables: Path, name: str) -> pd.DataFrame:
    """The table `name` in the folder `tables`; empty cells are NaN, all other words stay text. Raises DataError."""
    path = tables / f"{name}.csv"
    try:
        return pd.read_csv(checked(path), keep_default_na=False, na_values=[""], dtype=dict.fromkeys(_NAMES, str))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; run snakemake to build it") from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read ({error}); delete {tables} and run snakemake again") from error
