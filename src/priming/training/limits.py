"""Outputs longer than a PLM's `max_output`: labels are refused, other targets counted."""

import sys
from collections.abc import Mapping, Sequence

from priming.errors import DataError
from priming.models.encoding import Encoder
from priming.tasks.labels import unfit_labels


def check_labels(labels: Mapping[str, Sequence[str]], encoder: Encoder, plm: str) -> None:
    """Raise DataError where labels of tasks, as they are written, would be cut or are the same tokens to the PLM of this name."""
    if wrong := unfit_labels(labels, encoder.whole, plm, encoder.max_output):
        raise DataError(wrong)


def warn_of_cut(where: str, task: str, number: int, plm: str, longest: int) -> None:
    """Say how many targets of a text-to-text task are cut."""
    more = f"plms.{plm}.max_output is {longest} tokens"
    print(f"warning: {where}: {number} target{'s' if number > 1 else ''} of task {task} cut, since {more}", file=sys.stderr, flush=True)
