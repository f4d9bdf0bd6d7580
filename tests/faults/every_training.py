"""Kill pretrainings, primings and tunings at random steps, and print whether they ended with the same bytes.

There is a study for each form of tasks, update rule and algorithm, all of them read from their tables: a new entry is
covered. States are saved at each step; dropout is on, and numbers are float32.
"""

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from priming.algorithms.table import ALGORITHMS
from priming.backbones.table import BACKBONES
from priming.errors import StudyError
from priming.forms.interface import Form
from priming.forms.table import FORMS, form_on, forms_on
from priming.jobs.graph import Job, graph
from priming.running import steps
from priming.runs.checkpoints import Checkpointer
from priming.runs.update_rules.table import MODULES as RULES
from priming.study.load import load_study
from tests.faults.attempts import contents, ended, forget, fork

WORDS = ("red", "blue", "green", "white", "house", "tree", "stone", "river")
ROWS = [
    {
        "text": f"a {one} {other}",
        "label": ("good", "bad")[(i + j) % 2],
        "wrong": WORDS[i - 1],
        "right": one,
        "tokens": ["a", one, other],
        "tags": ["O", "B-X", "O"] if i % 2 else ["O", "O", "B-Y"],
    }
    for i, one in enumerate(WORDS)
    for j, other in enumerate(WORDS)
]
ASKED: dict[str, dict[str, Any]] = {
    "classification": {"input": "{text}", "output": "label"},
    "text_to_text": {"input": "copy {text}", "output": "text"},
    "multiple_choice": {"input": "{text}", "choices": ["right", "wrong"], "output": "right"},
    "tagging": {"input": "{tokens}", "output": "tags"},
}
"""How tasks of each kind are read from the rows."""
SETTINGS = {"budget": {"steps": 6}, "dropout": 0.1, "learning_rates": {"plm": 1e-3, "adapter": 1e-2, "head": 1e-2}}
INNER = {"inner_learning_rates": {"adapter": 0.1, "head": 0.1}, "support": 2, "query": 2}


def families(form: Form) -> list[str]:
    """Those whose tasks have the form."""
    able = {name: family.passes for name, family in BACKBONES.items() if form in forms_on(family.passes)}
    return [name for name, passes in able.items() if form_on(passes, form.kinds, name) is form]


def generated(family: str) -> dict[str, Any]:
    """A PLM of a family."""
    sizes = {"d_model": 16, "layers": 1, "ffn": 16, "heads": 2, "positions": 64, "vocabulary": 300}
    pretraining = {"texts": "source_tasks", "number": 40, "steps": 6, "batch": 4}
    made = {"architecture": sizes | {"family": family}, "pretraining": pretraining}
    return {"generate": made, "max_input": 24, "max_output": 8}


def tried(algorithm: str, form: Form) -> str:
    """A priming by an algorithm; the inner loop, if it has one, moves heads too."""
    more = "".join(f"+{element}" for element in form.elements)
    inner = f"[adapter | adapter{more} x2]"
    return f"{algorithm}{inner if ALGORITHMS[algorithm].has_inner_loop else f'[adapter{more}]'} -> adapter{more}"


def study(form: Form, rule: str, algorithm: str, plm: str, more: dict[str, Any]) -> dict[str, Any]:
    files = {"train": "rows.jsonl", "test": "rows.jsonl"}
    asked = {kind: {"files": files, "kind": kind, **ASKED[kind]} for kind in form.kinds}
    source = {f"{kind}_{number}": task for kind, task in asked.items() for number in (1, 2)}
    rates = {element: [1e-2] for element in ("adapter", *form.elements)}
    section = SETTINGS | (INNER if ALGORITHMS[algorithm].has_inner_loop else {"batch": 4}) | more
    strategies = [f"none -> {'+'.join(('adapter', *form.elements))}", tried(algorithm, form)]
    return {
        "name": f"{form.name}-{plm}",
        "plms": {plm: generated(plm)},
        "elements": {"adapter": {"bottleneck": 4}},
        "tasks": {
            "define": source | {"target": next(iter(source.values()))}, "source": [*source], "target": ["target"],
            "shots_in_all": 4, "samples": [1], "duplicates": "keep",
        },
        "priming": {algorithm: section},
        "strategies": strategies,
        "seeds": [1],
        "tuning": {
            "steps": 6, "evaluate_every": 2, "dropout": 0.1, "batch_sizes": [4, 2], "optimizer": rule,
            "learning_rates": rates,
        },
        "figures": {"draw": []},
    }  # fmt: skip


def written(form: Form, rule: str, algorithm: str, plm: str) -> Path:
    """The first study file that is allowed: with the rule for outer and inner steps, or for outer ones alone."""
    file, refused = Path(f"{form.name}-{rule}-{algorithm}-{plm}.yaml"), []
    both = {"optimizer": rule, "inner_optimizer": rule}
    for more in (both, both | {"order": "first"}, both | {"update": "full_step"}, {"optimizer": rule}, {}):
        file.write_text(yaml.safe_dump(study(form, rule, algorithm, plm, more)))
        try:
            load_study(file)
        except StudyError as error:
            refused.append(str(error))
        else:
            return file
    raise AssertionError("\n".join(refused))


def training(file: Path) -> list[Job]:
    """The jobs of a study that train, once what they need is there."""
    jobs = graph(load_study(file))
    for job in jobs.jobs.values():
        if job.step in ("prepare", "pretrain", "prime"):
            assert not ended(fork(lambda job=job: steps.run(job.step, file, job.out))), (file, job.out)
    tunes = [job for job in jobs.jobs.values() if job.step == "tune"]
    return [*(job for job in jobs.jobs.values() if job.step in ("pretrain", "prime")), *tunes[:1]]


def counted(job: Job, file: Path, dies_at: int = 0, *, saved: bool = False) -> tuple[int, int]:
    """Run a job that is killed at its n-th step, before or after its state is saved; its status and its steps."""
    reads, writes = os.pipe()
    noted = Checkpointer.after_step

    def after_step(self: Checkpointer, step: int, losses: Any) -> None:
        os.write(writes, b".")
        done[0] += 1
        if saved:
            noted(self, step, losses)
        if done[0] == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if not saved:
            noted(self, step, losses)

    done = [0]

    def does() -> None:
        Checkpointer.after_step = after_step  # type: ignore[method-assign]
        steps.run(job.step, file, job.out)

    child = fork(does)
    os.close(writes)
    with os.fdopen(reads, "rb") as said:
        taken = len(said.read())
    return ended(child), taken


def survives(job: Job, file: Path, number: int, chosen: random.Random) -> Iterator[bool]:
    """Whether it ended with the same bytes after each kill, and took up the steps where they were.

    Its resumption is killed too, before its first step is saved.
    """
    forget(job)
    status, whole = counted(job, file)
    before = contents(job)
    assert not status
    assert whole >= 6, (job.out, whole)
    for _ in range(number):
        forget(job)
        step, saved = chosen.randint(1, whole), chosen.random() < 0.5
        killed, _ = counted(job, file, step, saved=saved)
        if step < whole:
            assert counted(job, file, 1) == (-signal.SIGKILL, 1)
        status, rest = counted(job, file)
        kept = step if saved else step - 1
        yield killed == -signal.SIGKILL and not status and rest == whole - kept and contents(job) == before


def studies(everything: bool) -> Iterator[tuple[Form, str, str, str]]:
    """Form, rule, algorithm and family: all there are, or each form, rule, algorithm and family at least once."""
    for number, form in enumerate(FORMS.values()):
        able = cycle(families(form))
        for place, rule in enumerate(RULES):
            for turn, algorithm in enumerate(ALGORITHMS):
                if everything or (number + place + turn) % len(RULES) == 0:
                    yield form, rule, algorithm, next(able)


def main(number: int, everything: bool) -> None:
    found: dict[str, list[bool]] = {}
    covered: dict[str, set[str]] = {"form": set(), "rule": set(), "algorithm": set(), "family": set()}
    pretrained: set[str] = set()
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for form, rule, algorithm, plm in studies(everything):
        file, chosen = written(form, rule, algorithm, plm), random.Random(f"{form.name} {rule} {algorithm} {plm}")
        for job in training(file):
            if job.step == "pretrain" and job.out in pretrained:
                continue
            pretrained.add(job.out)
            survived = list(survives(job, file, number, chosen))
            found.setdefault(f"kill -9 at a step, {job.step}", []).extend(survived)
            if not all(survived):
                print("lost:", file, job.out, survived, file=sys.stderr)
        for key, one in zip(covered, (form.name, rule, algorithm, plm), strict=True):
            covered[key].add(one)
    print(json.dumps({"found": found, "covered": {key: sorted(names) for key, names in covered.items()}}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "all")
