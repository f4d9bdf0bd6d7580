"""What processes that were killed just after their results were in place have left: notes on attempts, and states.

Nobody runs their jobs again, since they are done. So each job of the study clears what others have left, and so does
`priming run` at its end.
"""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from priming.jobs.recipes import Recipes
from priming.running.killed_attempts import forget, noted
from priming.study.paths import root


def clear_done(recipes: Recipes, away: Path) -> None:
    """Remove the notes on jobs that are done, and the states of results that are there, by way of a folder `away`."""
    jobs = recipes.graph
    for out in noted(jobs.study.name):
        job = jobs.jobs.get(out)
        if job and all(recipes.current(result.path) for result in job.results):
            forget(jobs.study.name, out)
    for state in Path("work", jobs.study.name, "state").glob("*"):
        path = f"{root(jobs.study)}/{state.name.replace('~', '/')}"
        if path in jobs.results and recipes.current(path):
            drop_state(state, away)


def drop_state(state: Path, away: Path) -> None:
    """Remove the state of a training that is done, moved `away` first, so that no half of it is ever found.

    States in it that were refused are kept beside its place.
    """
    if not state.is_dir():
        return
    from priming.runs.checkpoints import REFUSED

    for refused in state.glob(f"{REFUSED}*"):
        kept = state.with_name(f"{REFUSED}{state.name}~{refused.name.removeprefix(REFUSED)}")
        shutil.rmtree(kept, ignore_errors=True)
        refused.rename(kept)
        print(f"the state that was not used is now kept as {kept}", file=sys.stderr, flush=True)
    going = away / f"{state.name}.done"
    with suppress(OSError):  # the next job removes it
        state.rename(going)
    shutil.rmtree(going, ignore_errors=True)
