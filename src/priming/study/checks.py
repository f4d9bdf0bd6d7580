"""Consistency checks between the sections of a study file."""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from pydantic import ValidationError

from priming.algorithms.interface import Algorithm, Sources, Upstream
from priming.algorithms.table import ALGORITHMS
from priming.elements.table import ELEMENTS, in_place
from priming.errors import nearest
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.protocol.keeping.table import KEEPINGS
from priming.strategies import Priming, Strategy
from priming.study import paths
from priming.study.baselines import DEFAULT
from priming.study.plm_checks import of_forms, problems_of_plms
from priming.study.problems import Problem, found_by
from priming.study.report_checks import figure_problems, scoring_problems, unknown_plm

if TYPE_CHECKING:
    from priming.study.study import Study


def problems(study: "Study") -> list[Problem]:
    """All contradictions between well-formed sections, in the order of the study file."""
    wrong = [*_variants(study), *_of_plms(study)]
    if not wrong:
        each = (_priming(study, plm, priming) for plm in study.plms for priming in study.primings_of(plm))
        wrong = list(dict.fromkeys(chain.from_iterable(each)))
    rest = (
        _normalised,
        _passes,
        _protocol,
        _strategies,
        of_forms,
        _seeds,
        _folders,
        _exceptions,
        scoring_problems,
        figure_problems,
    )
    return [*problems_of_plms(study), *wrong, *(problem for check in rest for problem in check(study))]


def notes(study: "Study") -> Iterator[str]:
    """What a valid study leaves out, for the user's information."""
    for name in study.plms:
        used = [e for e in ELEMENTS if any(e in strategy.elements for strategy in study.strategies_of(name))]
        if left_out := [e for e in used if e not in in_place(used, study.plms[name].passes)]:
            yield f"PLM {name!r} has no place for {', '.join(left_out)}: strategies leave it out there"
        if gone := [str(s) for s in study.parsed_strategies if s not in study.strategies_of(name)]:
            yield f"PLM {name!r} goes without {', '.join(map(repr, gone))} (plms.{name}.{study.plms[name].restricts})"
    if not study.scoring.has_arg:
        text = "no average relative gain (ARG): scoring.arg_baseline is 'none'"
        without = f", the default of a study without the strategy {DEFAULT!r}"
        yield text if DEFAULT in study.strategies else text + without


def _variants(study: "Study") -> Iterator[Problem]:
    """Variants of unknown algorithms, and strategies with undefined variants."""
    for name in study.priming.variants:
        at = ("priming", "variants", name)
        algorithm, _, variant = name.partition(":")
        if algorithm not in ALGORITHMS or not (variant.isascii() and variant.isalnum() and variant == variant.lower()):
            example = f"{algorithm if algorithm in ALGORITHMS else 'maml'}:first"
            allowed = f"an algorithm ({', '.join(ALGORITHMS)}), ':', small letters and digits, as {example}"
            yield Problem(at, f"{name!r} is not a variant; allowed: {allowed}")
            continue
        try:
            study.priming.of(name)
        except ValidationError as error:
            yield from found_by(error, ALGORITHMS[algorithm].section, study.priming.variants[name], at)
    known = [*ALGORITHMS, *study.priming.variants]
    for section in dict.fromkeys(priming.section for priming in study.primings):
        if section not in known:
            text = (
                f"{section!r} is named by a strategy but not defined{nearest(section, known)}; "
                "add it under priming.variants"
            )
            yield Problem(("priming", "variants"), text)


def _of_plms(study: "Study") -> Iterator[Problem]:
    """Overrides for one PLM whose PLM, algorithm or setting does not exist."""
    sections = [*ALGORITHMS, *study.priming.variants]
    for plm, overrides in study.priming.plms.items():
        at: tuple[str, ...] = ("priming", "plms", plm)
        if plm not in study.plms:
            yield Problem(at, unknown_plm(study, plm))
            continue
        for section, override in overrides.items():
            if section not in sections:
                yield Problem(
                    (*at, section),
                    f"{section!r} is not defined{nearest(section, sections)}; allowed: {', '.join(sections)}",
                )
                continue
            try:
                study.priming.of(section, plm)
            except ValidationError as error:
                yield from found_by(error, ALGORITHMS[section.partition(":")[0]].section, override, (*at, section))


def _exceptions(study: "Study") -> Iterator[Problem]:
    """Exceptions with a PLM or algorithm that the study lacks, or without effect."""
    algorithms = list(
        dict.fromkeys(["none", *(name for priming in study.primings for name in (priming.algorithm, priming.section))])
    )
    for index, exception in enumerate(study.tuning.exceptions):
        at = ("tuning", "exceptions", index)
        for place, name in enumerate(exception.plms):
            if name not in study.plms:
                yield Problem((*at, "plms", place), unknown_plm(study, name))
        for place, name in enumerate(exception.algorithms):
            if name not in algorithms:
                text = (
                    f"{name!r} is not an algorithm of this study's primings{nearest(name, algorithms)}; "
                    f"allowed: {', '.join(algorithms)}"
                )
                yield Problem((*at, "algorithms", place), text)
        if not exception.rates and not exception.rest:
            yield Problem(at, "changes nothing; set learning_rates, batch_sizes, steps, epochs or bank, or remove it")


def _priming(study: "Study", plm: str, priming: Priming) -> Iterator[Problem]:
    """Settings that a PLM's priming lacks, and primings that its settings exclude."""
    algorithm = study.algorithm_of(priming, plm)
    settings: Upstream = algorithm.settings
    at = ("priming", "variants", priming.section) if priming.variant else ("priming", priming.section)
    yield from _rates(priming, algorithm, at, study.plms[plm].passes)
    if settings.chooses and not study.tasks.development:
        missing = f"{settings.keep!r} is chosen on development tasks, but there are none"
        text = f"{missing}; add some to tasks.development, or use 'last'"
        yield Problem((*_whence(study, plm, priming, "keep"), "keep"), text)
    if settings.tunes_to_choose and settings.validation.samples > len(study.tasks.samples):
        text = (
            f"{settings.validation.samples} samples of {len(study.tasks.samples)}; "
            "allowed: as many as tasks.samples has"
        )
        yield Problem((*_whence(study, plm, priming, "validation"), "validation", "samples"), text)
    if settings.chooses and not study.tasks.develops:
        text = f"{settings.keep!r} compares checkpoints on development sets, and {NO_DEV_SETS}; keep 'last'"
        yield Problem((*_whence(study, plm, priming, "keep"), "keep"), text)
    if settings.tunes_to_choose:
        yield from _kept_heads(study, plm, priming)
    yield from _shares(study, priming, algorithm, plm)
    yield from _differentiated_twice(study, priming, algorithm)
    for key, text, from_top in algorithm.complaints(str(priming), _sources(study)):
        yield Problem(key if from_top else (*_whence(study, plm, priming, key[0]), *key), text)


def _sources(study: "Study") -> Sources:
    """What all its primings see."""
    tasks = study.tasks
    samples = len(tasks.samples) if tasks.source_rows == "samples" else 0
    return Sources(len(tasks.source), tasks.source_limit, samples)


def _kept_heads(study: "Study", plm: str, priming: Priming) -> Iterator[Problem]:
    """The best checkpoint is not chosen with parameters of other tasks in place."""
    for strategy in study.parsed_strategies:
        of_tasks = [element for element in strategy.kept if not ELEMENTS[element].carried]
        if strategy.priming == priming and of_tasks:
            text = (
                f"'best' cannot be chosen for {str(strategy)!r}, which keeps {'+'.join(of_tasks)} in place; keep 'last'"
            )
            yield Problem((*_whence(study, plm, priming, "keep"), "keep"), text)


def _whence(study: "Study", plm: str, priming: Priming, key: str) -> tuple[str, ...]:
    """The section that sets a priming's setting: an override, or else the section of its algorithm."""
    settings, algorithm = study.priming, priming.algorithm
    of_plm: tuple[str, ...] = ("priming", "plms", plm)
    own = settings.plms.get(plm, {})
    places = [
        ((*of_plm, priming.section), own.get(priming.section, {})),
        (("priming", "variants", priming.section), settings.variants.get(priming.section, {})),
        ((*of_plm, algorithm), own.get(algorithm, {})),
    ]
    return next((at for at, given in places if key in given), ("priming", algorithm))


def _shares(study: "Study", priming: Priming, algorithm: Algorithm, plm: str) -> Iterator[Problem]:
    """GPUs and accumulation steps divide a batch, or the tasks of a meta-batch, so there must be enough of them."""
    settings, of = algorithm.settings, algorithm.divided
    most = getattr(settings, of)
    gpus, steps, key = study.compute.gpus, settings.accumulation_steps, "accumulation_steps"
    if (why := algorithm.one_process) and gpus > 1:
        text = f"{gpus} GPUs cannot share a step of {str(priming)!r}, which takes its {of} one after the other"
        yield Problem(("compute", "gpus"), f"{text} ({why}); allowed: 1, or another {why.partition(':')[0]}")
    if gpus * steps > most:
        on_each = f"{steps} accumulation steps on {gpus} GPU{'s' if gpus > 1 else ''} share"
        shared = f"{gpus} GPUs share" if steps == 1 else on_each
        text = f"{shared} the {of} of {str(priming)!r}, but priming.{priming.section}.{of} is {most}; allowed: no more"
        at = ("compute", "gpus") if steps == 1 else (*_whence(study, plm, priming, key), key)
        yield Problem(at, text)


def _differentiated_twice(study: "Study", priming: Priming, algorithm: Algorithm) -> Iterator[Problem]:
    """Layers that are computed again or compiled, and fused attention, have no second derivative."""
    if not algorithm.through_inner_steps:
        return
    text = f"{str(priming)!r} differentiates its inner steps once more, which"
    if study.compute.checkpointing:
        fix = "leave it out, or set order: first, with which they are computed again"
        yield Problem(("compute", "checkpointing"), f"{text} needs all their activations; {fix}")
    if study.compute.attention == "fused":
        why = "fused attention does not allow; allowed: auto, eager, or order: first"
        yield Problem(("compute", "attention"), f"{text} {why}")
    if study.compute.compile == "on":
        why = "compiled layers do not allow; allowed: auto, off, or order: first"
        yield Problem(("compute", "compile"), f"{text} {why}")


def _passes(study: "Study") -> Iterator[Problem]:
    """Layers that would be computed in two ways at once."""
    if study.compute.compile == "on" and study.compute.checkpointing:
        text = "'on', and with compute.checkpointing layers are computed again, which is not compiled"
        yield Problem(("compute", "compile"), f"{text}; allowed: auto, off, or checkpointing: false")


def _rates(priming: Priming, algorithm: Algorithm, at: tuple[str, ...], passes: Collection[str]) -> Iterator[Problem]:
    for key, elements in algorithm.rated.items():
        for element in in_place(elements, passes):
            if getattr(algorithm.settings, key).of(element) is None:
                yield _no_rate(priming, element, (*at, key))


def _no_rate(priming: Priming, element: str, at: tuple[str, ...]) -> Problem:
    return Problem((*at, element), f"is missing, and {str(priming)!r} moves {element}; add '{element}: <rate>'")


LONGEST_PATH = 230
"""Of the 255 bytes of a name, some are for what is added while a folder is written."""
_OF_REPORTS = (scoring_problems, figure_problems)
NO_DEV_SETS = "there are no development sets (tasks.dev_set: none)"


def _protocol(study: "Study") -> Iterator[Problem]:
    """Draws, development sets and rules for the kept step that do not go together."""
    tasks, tuning = study.tasks, study.tuning
    if tasks.draw and DRAWS[tasks.draw].size_key is None and DEV_SETS[tasks.dev_set].drawn:
        text = f"{tasks.draw!r} leaves no row to draw a development set from; allowed with tasks.dev_set: split, none"
        yield Problem(("tasks", "draw"), text)
    if tasks.dev_limit and not DEV_SETS[tasks.dev_set].split:
        text = f"limits a development split, and tasks.dev_set is {tasks.dev_set!r}"
        yield Problem(("tasks", "dev_limit"), f"{text}; leave it out, or write dev_set: split")
    tuned = [strategy for strategy in study.parsed_strategies if strategy.tuned]
    if tasks.develops or not tuned:
        return
    if KEEPINGS[tuning.keep].needs_dev:
        allowed = ", ".join(name for name, keeping in KEEPINGS.items() if not keeping.needs_dev)
        text = f"{tuning.keep!r} compares development scores, and {NO_DEV_SETS}; allowed: {allowed}"
        yield Problem(("tuning", "keep"), text)
    undecided = (problem for plm in study.plms for strategy in tuned for problem in _undecided(study, plm, strategy))
    yield from dict.fromkeys(undecided)


def _undecided(study: "Study", plm: str, strategy: Strategy) -> Iterator[Problem]:
    """Grids of several points between which nothing chooses."""
    tuning = study.tuning_of(plm, strategy)
    tried: dict[tuple[str, ...], list[float]] = {
        ("learning_rates", element): tuning.learning_rates.of(element) for element in strategy.tuned
    }
    tried["batch_sizes",] = [float(size) for size in tuning.batch_sizes]
    tried["epochs",] = [float(length.number) for length in tuning.lengths]
    for key, values in tried.items():
        if len(values) > 1:
            points = ", ".join(f"{value:g}" for value in values)
            text = f"nothing chooses between {points}, since {NO_DEV_SETS}; name one"
            yield Problem(("tuning", *key), text)


def _normalised(study: "Study") -> Iterator[Problem]:
    """Settings in an algorithm's own section that only a variant may have."""
    for name, algorithm in ALGORITHMS.items():
        for key, text, _ in algorithm.unpublished(getattr(study.priming, name)):
            yield Problem(("priming", name, *key), text.format(name))


def _strategies(study: "Study") -> Iterator[Problem]:
    for index, strategy in enumerate(study.strategies):
        if (first := study.strategies.index(strategy)) < index:
            yield Problem(("strategies", index), f"{strategy!r} is the same as strategies[{first}]; keep one")


def _folders(study: "Study") -> Iterator[Problem]:
    """Names that are too long together: jobs work in folders that are called as the whole path of their result."""
    member, task = max(study.members, key=lambda own: len(own.name)), max(study.tasks.target, key=len)
    strategy = max(study.parsed_strategies, key=lambda own: len(own.slug))
    longest = f"{paths.root(study)}/{paths.tuned(member, strategy, max(study.seeds), task)}"
    if len(longest) > LONGEST_PATH:
        text = f"results would be called {longest!r}, which has {len(longest)} characters; allowed: {LONGEST_PATH}"
        yield Problem(("name",), f"{text}; shorten the name of the study, a PLM, a target task or a variant")


def _seeds(study: "Study") -> Iterator[Problem]:
    if twice := sorted({str(seed) for seed in study.seeds if study.seeds.count(seed) > 1}):
        yield Problem(("seeds",), f"names {', '.join(twice)} twice; keep one")
