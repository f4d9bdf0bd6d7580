"""Targets longer than a PLM's `max_output`: they are truncated and counted, except labels, which are refused."""

import sys


def warn_of_cut(where: str, task: str, number: int, plm: str, longest: int) -> None:
    """Warn that targets of a text-to-text task are truncated."""
    more = f"plms.{plm}.max_output is {longest} tokens"
    print(
        f"warning: {where}: {number} target{'s' if number > 1 else ''} of task {task} truncated, since {more}",
        file=sys.stderr,
        flush=True,
    )
