"""The typed study file: one source for defaults, validation, the JSON schema and the reference table of the docs."""

from priming.study.load import load_study
from priming.study.study import Study

__all__ = ["Study", "load_study"]
