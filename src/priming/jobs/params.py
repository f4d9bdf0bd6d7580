"""The parameters of each result: exactly the keys of the study file that affect it.

Parameters are JSON and part of the result's recipe. A missing key would leave stale results undetected; a superfluous
key would rebuild results needlessly. Keys that act through another result (the PLM, the priming, a task) are among that
result's own parameters.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any

from priming.algorithms.table import ALGORITHMS
from priming.digests import of_json
from priming.elements.interface import NoOptions
from priming.elements.table import ELEMENTS
from priming.forms.decoders import DECODERS
from priming.forms.table import KINDS
from priming.published.numbers import numbers
from priming.section import Section, remembered
from priming.strategies import Priming, Strategy
from priming.study import Study
from priming.study.plm import Member, Plm
from priming.study.tuning import Scoring
from priming.tasks.declared import kind_of
from priming.tasks.groups import groups
from priming.tasks.sources.table import source_of

Params = dict[str, Any]

SELECTING = frozenset({"decoder", "metric", "length_normalised"})
PREDICTED = "predicted"
"""The key of a cell's parameters with the predicting decoders; predictions by additional decoders stay current."""


def plm_params(study: Study, member: Member) -> Params:
    """A pretrained language model: its source, or how it is trained (`max_input` then truncates the texts)."""
    plm = study.plms[member.plm].of_seed(member.seed)
    elsewhere = {"seeds", "max_output", "family", "leave_out", "prime", "end_tokens"}
    return _json(plm, exclude=elsewhere if plm.generate else {*elsewhere, "max_input"})


def task_params(study: Study, name: str, part: str) -> Params:
    """A prepared task: its rows, and the draws from them for its role."""
    return source_of(study.tasks, name).params(part)


def priming_params(study: Study, member: Member, priming: Priming, seed: int) -> Params:
    """A priming: the algorithm's settings, with the rates of the elements it trains, and how a checkpoint is chosen."""
    settings = study.settings_of(priming.section, member.plm)
    algorithm = _json(settings, exclude={"validation"})
    for key, elements in (("learning_rates", priming.outer), ("inner_learning_rates", priming.inner)):
        if key in algorithm:
            algorithm[key] = {element: algorithm[key][element] for element in elements}
    params_: Params = {
        "priming": str(priming),
        "algorithm": algorithm,
        "elements": elements_params(study, priming.elements),
        "limits": limits(study.plms[member.plm]),
        "task_prefix": study.tasks.task_prefix,
        "source": study.tasks.source,
        **_seeds(member, seed),
        **study.compute.of_results,
    }
    return params_ | ({"validation": validation_params(study, member.plm, priming)} if settings.chooses else {})


def _seeds(member: Member, seed: int) -> Params:
    """The seeds of the random numbers of a priming and of the tunings from it."""
    return {"seed": seed} | ({} if member.seed is None else {"plm_seed": member.seed})


def validation_params(study: Study, plm: str, priming: Priming) -> Params:
    """Choosing a priming's checkpoint: the tunings on the development tasks that judge it."""
    settings, scoring = study.settings_of(priming.section, plm), study.scoring
    validation = settings.validation
    if not settings.tunes_to_choose:
        return {
            "every": validation.every,
            "development": study.tasks.development,
            "samples": study.tasks.samples,
        }
    generator = {"generator": scoring.generator} if not DECODERS[scoring.decoder].generates else {}
    judged = study.tuned_from(plm, priming)
    return _json(validation) | {
        "development": study.tasks.development,
        "samples": study.tasks.samples[: validation.samples],
        "scoring": scoring_params(study, [scoring.decoder, *generator.values()]) | generator,
        "downstream": [
            tuning_params(study, plm, strategy, exclude=frozenset({"steps", "epochs", "ties", "save_plm"}))
            for strategy in judged
        ],
    }


@remembered
def tuning_params(study: Study, plm: str, strategy: Strategy, exclude: frozenset[str] = frozenset()) -> Params:
    """Tuning by a strategy: settings, learning rates of the elements it tunes, and sizes of all its elements."""
    tuning = study.tuning_of(plm, strategy)
    how = _json(tuning, exclude={"chunk", "bank_tasks", "learning_rates", "exceptions", *exclude})
    return {
        "strategy": str(strategy),
        "tuning": how if strategy.tuned else {},
        "learning_rates": {element: tuning.learning_rates.of(element) for element in strategy.tuned},
        "elements": elements_params(study, study.plms[plm].elements_of(strategy)),
    }


def cell_params(study: Study, member: Member, strategy: Strategy, seed: int, together: Sequence[str]) -> Params:
    """A target task tuned by a strategy over all samples, side by side with its group, and the winners' predictions."""
    scoring, labelled = study.scoring, _labelled(study, tuple(together))
    unsaved = frozenset() if any(ELEMENTS[name].is_base for name in strategy.tuned) else frozenset({"save_plm"})
    return tuning_params(study, member.plm, strategy, exclude=unsaved) | {
        "scoring": scoring_params(study, [scoring.decoder]),
        PREDICTED: {name: _options(scoring, [name]) for name in sorted(scoring.decoders)},
        **({} if labelled else {"generator": scoring.generator}),
        "limits": limits(study.plms[member.plm]),
        "task_prefix": study.tasks.task_prefix,
        "samples": study.tasks.samples,
        **_seeds(member, seed),
        "together": list(together),
        **study.compute.of_results,
    }


@remembered
def _labelled(study: Study, tasks: tuple[str, ...]) -> bool:
    """Whether all tasks have labels."""
    return all(KINDS[kind_of(study.tasks, task)].labelled for task in tasks)


def score_params(study: Study, member: Member, seed: int, task: str) -> Params:
    """The scores of a cell: the reported metrics of its samples' predictions."""
    return {
        "scoring": _reported(study),
        "task": task,
        "samples": study.tasks.samples,
        **_seeds(member, seed),
    }


@remembered
def _reported(study: Study) -> Params:
    """What is reported of every cell."""
    return _json(study.scoring, include={"decoders", "metrics"}) | {"generator": study.scoring.generator}


def scoring_params(study: Study, decoders: Sequence[str]) -> Params:
    """How runs are scored by `decoders`."""
    return _json(study.scoring, include=SELECTING) | _options(study.scoring, decoders)


def _options(scoring: Scoring, decoders: Sequence[str]) -> Params:
    return {"beam": scoring.beam} if any(DECODERS[name].beams for name in decoders) else {}


def tables_params(study: Study) -> Params:
    """The tables: contents and order, scoring, the text of the front page, and a digest of published numbers."""
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
        "published": {
            paper: _published(paper, lots.values()) for paper, lots in study.scoring.published.chosen.items()
        },
    }


def figure_params(study: Study, figure: str) -> Params:
    """A figure: its own section, the common style, and the looks of what the study primes and tunes."""
    options = getattr(study.figures, figure, None)
    tuned = {element: ELEMENTS[element].colour for strategy in study.parsed_strategies for element in strategy.tuned}
    used = {priming.algorithm: ALGORITHMS[priming.algorithm] for priming in study.primings}
    return {
        "figure": figure,
        "style": _json(study.figures.style),
        "options": _json(options) if options else {},
        "looks": tuned | {name: [algorithm.colour, algorithm.fill] for name, algorithm in used.items()},
    }


def elements_params(study: Study, elements: tuple[str, ...]) -> Params:
    """The sizes of the named elements; the PLM has none."""
    return {
        element: _json(study.elements.of(element)) for element in elements if ELEMENTS[element].options is not NoOptions
    }


def limits(plm: Plm) -> Params:
    """How long inputs and outputs may be, and which of them end with the end token."""
    return plm.settings({"max_input", "max_output", "end_tokens"})


def _published(paper: str, lots: Iterable[str]) -> str:
    return of_json([str(number) for lot in lots for number in numbers(paper, lot)])


def _json(section: Section, include: Set[str] | None = None, exclude: Set[str] = frozenset()) -> Params:
    return section.settings(include, exclude)
