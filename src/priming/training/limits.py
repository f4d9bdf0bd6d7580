"""Targets and sentences longer than a PLM allows: they are truncated and counted, except labels, which are refused."""

import sys

from priming.forms.interface import Form
from priming.study.plm import Plm


def warn_of_cut(where: str, task: str, number: int, form: Form, named: str, plm: Plm) -> None:
    """Warn that targets, or words, of a task are truncated; `named` is the name of the PLM."""
    what, key = form.cut
    more = f"plms.{named}.{key} is {getattr(plm, key)} tokens"
    print(
        f"warning: {where}: {number} {what}{'s' if number > 1 else ''} of task {task} truncated, since {more}",
        file=sys.stderr,
        flush=True,
    )
