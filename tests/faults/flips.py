"""Flip bits in every kind of file of a finished study, let the step run that reads it, and print what it noticed."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import priming.backbones.loading
import priming.evaluation.scoring
import priming.reporting.figures
import priming.reporting.tables
import priming.training.downstream
import priming.training.tuner
import priming.training.upstream  # noqa: F401 - imported once for all forks
from priming.digests import content
from priming.errors import DataError
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.jobs.verify import verify
from priming.running import steps
from priming.runs import checkpoints
from priming.tasks.names import open_study

FILE = Path("config.yaml")
BASE = "results/tiny"
CELL = "mini/mtl-plm+adapter--adapter/seed-1/dinner_review"
KINDS = {
    "weights of a PLM": (f"{BASE}/plm/mini/model.safetensors", f"tuned/{CELL}"),
    "configuration of a PLM": (f"{BASE}/plm/mini/config.json", f"tuned/{CELL}"),
    "tokenizer": (f"{BASE}/plm/mini/tokenizer.json", f"tuned/{CELL}"),
    "result of a PLM": (f"{BASE}/plm/mini/result.json", "tuned/mini/none--plm/seed-1/dinner_review"),
    "rows of a source task": (f"{BASE}/tasks/day_mood/pool.jsonl", "primed/mini/mtl-plm+adapter/seed-1"),
    "rows of a target task": (f"{BASE}/tasks/dinner_review/sample-13-train.jsonl", f"tuned/{CELL}"),
    "description of a task": (f"{BASE}/tasks/dinner_review/task.json", f"tuned/{CELL}"),
    "primed weights": (f"{BASE}/primed/mini/mtl-plm+adapter/seed-1/plm.safetensors", f"tuned/{CELL}"),
    "primed adapter": (f"{BASE}/primed/mini/mtl-plm+adapter/seed-1/adapter.safetensors", f"tuned/{CELL}"),
    "result of a priming": (f"{BASE}/primed/mini/mtl-plm+adapter/seed-1/result.json", f"tuned/{CELL}"),
    "predictions": (f"{BASE}/tuned/{CELL}/sample-13/predictions.jsonl", f"scores/{CELL}"),
    "result of a tuning": (f"{BASE}/tuned/{CELL}/sample-13/result.json", f"scores/{CELL}"),
    "scores": (f"{BASE}/scores/{CELL}/sample-13.json", "tables"),
    "table": (f"{BASE}/tables/per_task.csv", "figures/tasks"),
    "recipe": (f"{BASE}/primed/mini/mtl-plm+adapter/seed-1/recipe.json", ""),
    "tuned weights": (f"{BASE}/tuned/{CELL}/sample-13/elements.safetensors", "verify"),
}
"""Of each kind a file, and the result whose step reads it; nothing where Snakemake does."""
STATES = {"weights of a state": "step-*.safetensors", "pointer of a state": "state.json"}


def make_all() -> None:
    for job in graph(open_study(FILE)).jobs.values():
        steps.run(job.step, FILE, job.out)


def forked(program: str, *arguments: str) -> tuple[int, str]:
    """Run a function of this file in a fork; its exit status and what it said."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writes, 1)
        os.dup2(writes, 2)
        try:
            globals()[program](*arguments)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(4 if isinstance(error, DataError) else 1)
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as said:
        printed = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), printed


def build(path: str) -> None:
    """Build one result again, whatever Snakemake would say."""
    jobs = graph(open_study(FILE))
    job = jobs.jobs[jobs.maker[f"{BASE}/{path}"]]
    recipe = Path(f"{BASE}/{path}/recipe.json")
    recipe.unlink(missing_ok=True)
    steps.run(job.step, FILE, job.out)


def is_current(file: str) -> None:
    assert Recipes(graph(open_study(FILE)), Path()).current(str(Path(file).parent))


def is_whole(file: str) -> None:
    _, bad = verify(Path(file))
    if bad:
        raise DataError("\n".join(bad[0].reasons))


def noticed(file: Path, reader: str) -> bool:
    if not reader:
        status, said = forked("is_current", str(file))
        return status == 1 and said.startswith("AssertionError")
    if reader == "verify":
        status, said = forked("is_whole", str(file))
    else:
        status, said = forked("build", reader)
    return status == 4 and f"{file} is damaged" in said


def flips(name: str, number: int) -> Iterator[bool]:
    """Whether each of some flipped bits was noticed, of one kind of file."""
    file, reader = Path(KINDS[name][0]), KINDS[name][1]
    whole, random_bit = file.read_bytes(), Random(name)
    consumer = Path(BASE, reader)
    for _ in range(number):
        place = random_bit.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        recipe = consumer / "recipe.json"
        before = recipe.read_bytes() if reader and reader != "verify" else None
        if name == "recipe" and _same(whole, damaged):
            yield True
        else:
            yield noticed(file, reader)
        file.write_bytes(whole)
        if before:
            recipe.write_bytes(before)


def state_flips(name: str, number: int) -> Iterator[bool]:
    """Whether a state with a flipped bit was refused, and the training that found it ended as it had before."""
    kept, out = Path("kept"), Path(BASE, "primed/mini/mtl-plm+adapter/seed-1")
    before, state, random_bit = content(out), Path("work/tiny/state/primed~mini~mtl-plm+adapter~seed-1"), Random(name)
    if not kept.exists():
        forked("leave_state", str(out))
        state.rename(kept)
    (file,) = kept.glob(STATES[name])
    whole = file.read_bytes()
    for _ in range(number):
        place, damaged = random_bit.randrange(8 * len(whole)), bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        shutil.copytree(kept, state)
        (state / file.name).write_bytes(damaged)
        status, said = forked("build", out.relative_to(BASE).as_posix())
        refused = f"the state in {state} is not used, since" in said or _same(whole, damaged)
        yield status == 0 and refused and content(out) == before
        for left in state.parent.glob("*"):
            shutil.rmtree(left)


def leave_state(out: str) -> None:
    """Train to the end, and fail to put the result in place, so that the state stays."""

    def fails(made: Path, place: Path) -> None:
        raise OSError(f"{made} stays away from {place}")

    checkpoints.SOONEST, checkpoints.MAX_OVERHEAD, steps.put_in_place = 0.0, 1.0, fails
    build(Path(out).relative_to(BASE).as_posix())


def _same(whole: bytes, damaged: bytes) -> bool:
    """Whether JSON says the same in other white space."""
    try:
        return bool(json.loads(whole) == json.loads(damaged))
    except ValueError:
        return False


def main(number: int) -> None:
    forked("make_all")
    shutil.rmtree("work", ignore_errors=True)
    found = {name: [*flips(name, number)] for name in KINDS}
    print(json.dumps(found | {name: [*state_flips(name, number)] for name in STATES}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
