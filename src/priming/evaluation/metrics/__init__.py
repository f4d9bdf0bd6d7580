"""Scores of decoded predictions against references, as defined in CrossFit (Ye et al., 2021); one file per metric.

The table is filled by name rather than by imports, so that a result's recipe only has the code of the metrics it uses.
"""

from priming.entries import Table
from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.study.tuning import TASK_METRICS

METRICS: Table[Metric] = Table("METRIC", "priming.evaluation.metrics", TASK_METRICS)
"""A module has its metric as `METRIC`."""


def score(metric: str, predictions: Predictions, references: References) -> float:
    """The score by a metric of METRICS.

    Raises ValueError without rows, if the numbers of rows differ, and for a row without references.
    """
    if not predictions or len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions for {len(references)} rows of references")
    if not all(references):
        raise ValueError(f"row {[bool(row) for row in references].index(False)} has no reference")
    return METRICS[metric].score(predictions, references)


def own_metric(metric: str, of_task: str) -> str:
    """The metric of METRICS that is meant where a study names `metric`: each task's own by `task`."""
    return of_task if metric == "task" else metric
