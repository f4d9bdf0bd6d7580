"""Run one job twice at the same time, several times over, in forks of one process; print what each pair left."""

import json
import os
import shutil
import sys
from pathlib import Path

import priming.backbones.loading
import priming.training.downstream
import priming.training.tuner  # noqa: F401 - imported once for all forks
from priming.digests import content
from priming.jobs.graph import graph
from priming.running import steps
from priming.tasks.names import open_study

FILE = Path("config.yaml")


def fork(step: str, out: str) -> int:
    if child := os.fork():
        return child
    try:
        steps.run(step, FILE, out)
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0)


def main(pairs: int) -> None:
    jobs = graph(open_study(FILE))
    for step in ("prepare", "pretrain"):
        for out in jobs.outs(step):
            os.waitpid(fork(step, out), 0)
    out = jobs.outs("tune")[0]
    results = [result.path for result in jobs.jobs[out].results]
    seen = []
    for _ in range(pairs):
        shutil.rmtree(Path(out).parents[1], ignore_errors=True)
        both = [fork("tune", out) for _ in range(2)]
        status = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in both]
        recipes = {path: json.loads((Path(path) / "recipe.json").read_text()) for path in results}
        seen.append(
            {
                "status": status,
                "whole": all(recipe["content"] == content(Path(path)) for path, recipe in recipes.items()),
            }
        )
    print(json.dumps({"results": len(results), "pairs": seen}))


main(int(sys.argv[1]))
