"""What part of the study file each result depends on: all of the keys that matter to it, and no other.

A slice is JSON and goes into the result's recipe, so a key that is missing here would leave results stale, and one
too many would make them again for nothing. What comes in through another result (the PLM, the priming, a task) is in
that result's own slice.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any

from pydantic import BaseModel

from priming.contents import of_json
from priming.published.numbers import numbers
from priming.strategies import Priming, Strategy
from priming.study import Study
from priming.study.plm import Member, Plm
from priming.study.tasks import Tasks
from priming.tasks.crossfit import registry
from priming.tasks.groups import groups

Slice = dict[str, Any]

SELECTING = frozenset({"decoder", "metric", "length_normalised"})


def plm_slice(study: Study, member: Member) -> Slice:
    """A pretrained language model: where it is from, or how it is trained (`max_input` cuts the texts then)."""
    plm = study.plms[member.plm].of_seed(member.seed)
    return _json(plm, exclude={"seeds", "max_output"} if plm.generate else {"seeds", "max_input", "max_output"})


def task_slice(study: Study, name: str, part: str) -> Slice:
    """A prepared task: its rows, and what is drawn from them for the part it plays."""
    tasks = study.tasks
    if tasks.in_gym(name):
        return _gym_slice(tasks, name, part)
    defined = tasks.define.get(name)
    slice_: Slice = {"task": name, "part": part} | ({"define": _json(defined)} if defined else {"generated": _json(tasks.generated)})
    if part == "source":
        return slice_ | {"source_limit": tasks.source_limit}
    shots = "shots_in_all" if defined and defined.kind == "text_to_text" else "shots"
    return slice_ | {shots: getattr(tasks, shots), "samples": tasks.samples, "test_limit": tasks.test_limit}


def _gym_slice(tasks: Tasks, name: str, part: str) -> Slice:
    """One of CrossFit's tasks: its own entry of the registry, not the registry as a whole, and how it is drawn from."""
    entry = registry.described(name, tasks.fidelity)
    slice_: Slice = {"task": name, "part": part, "fidelity": tasks.fidelity, "entry": entry}
    if part == "source" and tasks.source_rows == "pool":
        return slice_ | {"source_limit": tasks.source_limit}
    shots = "shots" if entry["shots"] == "per_class" else "shots_in_all"
    slice_ |= {shots: getattr(tasks, shots), "samples": tasks.samples}
    return slice_ | ({"source_rows": "samples"} if part == "source" else {"test_limit": tasks.test_limit})


def priming_slice(study: Study, member: Member, priming: Priming, seed: int) -> Slice:
    """A priming: the algorithm's settings with the rates of the elements it moves, and how its checkpoint is chosen."""
    settings = study.priming.of(priming.section, member.plm)
    algorithm = _json(settings, exclude={"validation"})
    for key, elements in (("learning_rates", priming.outer), ("inner_learning_rates", priming.inner)):
        if key in algorithm:
            algorithm[key] = {element: algorithm[key][element] for element in elements}
    slice_: Slice = {
        "priming": str(priming),
        "algorithm": algorithm,
        "elements": elements_slice(study, priming.elements),
        "limits": limits(study.plms[member.plm]),
        "task_prefix": study.tasks.task_prefix,
        "source": study.tasks.source,
        **_seeds(member, seed),
        "precision": study.compute.precision,
    }
    return slice_ | ({"validation": validation_slice(study, member.plm, priming)} if settings.keep == "best" else {})


def _seeds(member: Member, seed: int) -> Slice:
    """The seeds that fix the random numbers of a priming, and of the tunings from it."""
    return {"seed": seed} | ({} if member.seed is None else {"plm_seed": member.seed})


def validation_slice(study: Study, plm: str, priming: Priming) -> Slice:
    """Choosing a priming's checkpoint: the tunings of the development tasks by which it is judged."""
    validation, scoring = study.priming.of(priming.section, plm).validation, study.scoring
    generator = {"generator": scoring.generator} if scoring.decoder == "ranking" else {}
    judged = [strategy for strategy in study.parsed_strategies if strategy.priming == priming]
    return _json(validation) | {
        "development": study.tasks.development,
        "samples": study.tasks.samples[: validation.samples],
        "scoring": scoring_slice(study, [scoring.decoder, *generator.values()]) | generator,
        "downstream": [tuning_slice(study, plm, strategy, exclude={"steps", "ties", "save_plm"}) for strategy in judged],
    }


def tuning_slice(study: Study, plm: str, strategy: Strategy, exclude: Set[str] = frozenset()) -> Slice:
    """Tuning by a strategy: the grid of the elements it tunes, the sizes of those in the model."""
    tuning = study.tuning.of(plm, strategy)
    return {
        "strategy": str(strategy),
        "tuning": _json(tuning, exclude={"chunk", "bank_tasks", "learning_rates", "exceptions", *exclude}),
        "learning_rates": {element: getattr(tuning.learning_rates, element) for element in strategy.tuned},
        "elements": elements_slice(study, strategy.elements),
    }


def cell_slice(study: Study, member: Member, strategy: Strategy, seed: int, together: Sequence[str]) -> Slice:
    """A target task tuned by a strategy, over all samples, side by side with those of its group, and the scores that its results hold."""
    return tuning_slice(study, member.plm, strategy, exclude=frozenset() if "plm" in strategy.tuned else {"save_plm"}) | {
        "scoring": scoring_slice(study, study.scoring.decoders) | _json(study.scoring, include={"decoders", "metrics"}),
        "limits": limits(study.plms[member.plm]),
        "task_prefix": study.tasks.task_prefix,
        "samples": study.tasks.samples,
        **_seeds(member, seed),
        "together": list(together),
        "precision": study.compute.precision,
    }


def scoring_slice(study: Study, decoders: Sequence[str]) -> Slice:
    """How runs are scored by `decoders`."""
    return _json(study.scoring, include={*SELECTING, "beam"} if "beam" in decoders else SELECTING)


def tables_slice(study: Study) -> Slice:
    """The tables: what is listed and in which order, how it is scored, what the front page says, a digest of published numbers."""
    return {
        "title": study.title,
        "question": study.question,
        "plms": [member.name for member in study.members],
        "strategies": [str(strategy) for strategy in study.parsed_strategies],
        "source": study.tasks.source,
        "development": study.tasks.development,
        "target": study.tasks.target,
        "groups": groups(study.tasks),
        "seeds": study.seeds,
        "samples": study.tasks.samples,
        "shots": [study.tasks.shots, study.tasks.shots_in_all],
        "scoring": _json(study.scoring),
        "published": {paper: _published(paper, lots.values()) for paper, lots in study.scoring.published.chosen.items()},
    }


def figure_slice(study: Study, figure: str) -> Slice:
    """A figure: its own section, and the style of all."""
    return {"figure": figure, "style": _json(study.figures.style), "options": _json(getattr(study.figures, figure))}


def elements_slice(study: Study, elements: tuple[str, ...]) -> Slice:
    """The sizes of the named elements; the PLM has none."""
    return {element: _json(getattr(study.elements, element)) for element in elements if element != "plm"}


def limits(plm: Plm) -> Slice:
    """How long inputs and outputs may be."""
    return {"max_input": plm.max_input, "max_output": plm.max_output}


def _published(paper: str, lots: Iterable[str]) -> str:
    return of_json([str(number) for lot in lots for number in numbers(paper, lot)])


def _json(section: BaseModel, include: Set[str] | None = None, exclude: Set[str] = frozenset()) -> Slice:
    return section.model_dump(mode="json", include=None if include is None else set(include), exclude=set(exclude))
