"""What the sections of a study file must agree on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from priming.errors import nearest
from priming.strategies import META_ALGORITHMS, Priming
from priming.study.baselines import CHANCE, CONSTANT, COUNTS_HITS, SAME_ALGORITHM, in_full
from priming.study.plm import Architecture
from priming.study.priming import ALGORITHM_SECTIONS, Meta, Mtl, Reptile, Upstream
from priming.study.problems import Problem, found_by

if TYPE_CHECKING:
    from priming.study.study import Study


def problems(study: "Study") -> list[Problem]:
    """Everything that well-formed sections disagree on, in the order of the study file."""
    wrong = [*_variants(study), *_of_plms(study)]
    if not wrong:
        wrong = list(dict.fromkeys(problem for priming in study.primings for plm in study.plms for problem in _priming(study, plm, priming)))
    rest = (_normalised, _strategies, _seeds, _exceptions, _scoring, _figures)
    return [*_members(study), *_architectures(study), *wrong, *(problem for check in rest for problem in check(study))]


def _members(study: "Study") -> Iterator[Problem]:
    """Each seed of a PLM has folders of its own; and PLMs whose scores are paired have as many seeds as each other."""
    names = [member.name for member in study.members]
    for member in study.members:
        if names.count(member.name) > 1 and member.name in study.plms and member.seed is None:
            yield Problem(("plms", member.name), f"{member.name!r} is also the folder of a seed of another PLM; name this one otherwise")
    scoring = study.scoring
    paired = [list(study.plms)] if scoring.arg_plm else [list(lots) for lots in scoring.published.chosen.values()]
    for plms in paired:
        seeds = {plm: study.plms[plm].seeds for plm in plms if plm in study.plms}
        if len({len(found or (0,)) for found in seeds.values()}) > 1:
            several = next(plm for plm, found in seeds.items() if found)
            what = "scoring.arg_plm" if scoring.arg_plm else "scoring.published"
            text = f"{what} pairs the scores of {', '.join(seeds)}; allowed: as many seeds of pretraining for each"
            yield Problem(("plms", several, "seeds"), text)


def _architectures(study: "Study") -> Iterator[Problem]:
    used = {element for strategy in study.parsed_strategies for element in strategy.elements}
    used |= {element for priming in study.primings for element in priming.elements}
    for name, plm in study.plms.items():
        if plm.generate is None:
            continue
        at, size = ("plms", name, "generate", "architecture"), plm.generate.architecture
        prompt = study.elements.prompt.length if "prompt" in used else 0
        if size.family == "bart" and plm.max_input + prompt > size.positions:
            with_prompt = f" and a prompt of {prompt}" if prompt else ""
            text = f"{size.positions} positions do not hold max_input {plm.max_input}{with_prompt}; allowed: {plm.max_input + prompt} or more"
            yield Problem((*at, "positions"), text)
        if size.family == "bart" and plm.max_output > size.positions:
            text = f"{size.positions} positions do not hold max_output {plm.max_output}; allowed: {plm.max_output} or more"
            yield Problem((*at, "positions"), text)
        if "adapter" in used:
            yield from _bottleneck(study.elements.adapter.bottleneck, size, name)


def _bottleneck(width: int, size: Architecture, plm: str) -> Iterator[Problem]:
    if width >= size.d_model or size.d_model % width:
        divisors = [str(d) for d in range(1, size.d_model) if size.d_model % d == 0]
        text = f"{width} is no bottleneck of PLM {plm!r} with d_model {size.d_model}; allowed: {', '.join(divisors)}"
        yield Problem(("elements", "adapter", "bottleneck"), text)


def _variants(study: "Study") -> Iterator[Problem]:
    """Variants that override nothing known, and strategies that name no variant."""
    for name in study.priming.variants:
        at = ("priming", "variants", name)
        algorithm, _, variant = name.partition(":")
        if algorithm not in ALGORITHM_SECTIONS or not (variant.isascii() and variant.isalnum() and variant == variant.lower()):
            example = f"{algorithm if algorithm in ALGORITHM_SECTIONS else 'maml'}:first"
            allowed = f"an algorithm ({', '.join(ALGORITHM_SECTIONS)}), ':', small letters and digits, as {example}"
            yield Problem(at, f"{name!r} is no variant; allowed: {allowed}")
            continue
        try:
            study.priming.of(name)
        except ValidationError as error:
            yield from found_by(error, ALGORITHM_SECTIONS[algorithm], study.priming.variants[name], at)
    known = [*ALGORITHM_SECTIONS, *study.priming.variants]
    for section in dict.fromkeys(priming.section for priming in study.primings):
        if section not in known:
            text = f"{section!r} is named by a strategy but not defined{nearest(section, known)}; add it under priming.variants"
            yield Problem(("priming", "variants"), text)


def _of_plms(study: "Study") -> Iterator[Problem]:
    """What is said for one of the PLMs, and is of no PLM, of no algorithm, or no setting of it."""
    sections = [*ALGORITHM_SECTIONS, *study.priming.variants]
    for plm, overrides in study.priming.plms.items():
        at: tuple[str, ...] = ("priming", "plms", plm)
        if plm not in study.plms:
            yield Problem(at, _no_plm(study, plm))
            continue
        for section, override in overrides.items():
            if section not in sections:
                yield Problem((*at, section), f"{section!r} is not defined{nearest(section, sections)}; allowed: {', '.join(sections)}")
                continue
            try:
                study.priming.of(section, plm)
            except ValidationError as error:
                yield from found_by(error, ALGORITHM_SECTIONS[section.partition(":")[0]], override, (*at, section))


def _no_plm(study: "Study", name: str) -> str:
    return f"{name!r} is no PLM of this study{nearest(name, study.plms)}; allowed: {', '.join(study.plms)}"


def _exceptions(study: "Study") -> Iterator[Problem]:
    """Exceptions that name no PLM or no algorithm of the study, or that change nothing."""
    algorithms = list(dict.fromkeys(["none", *(name for priming in study.primings for name in (priming.algorithm, priming.section))]))
    for index, exception in enumerate(study.tuning.exceptions):
        at = ("tuning", "exceptions", index)
        for place, name in enumerate(exception.plms):
            if name not in study.plms:
                yield Problem((*at, "plms", place), _no_plm(study, name))
        for place, name in enumerate(exception.algorithms):
            if name not in algorithms:
                text = f"{name!r} primes nothing in this study{nearest(name, algorithms)}; allowed: {', '.join(algorithms)}"
                yield Problem((*at, "algorithms", place), text)
        if not exception.rates and not exception.rest:
            yield Problem(at, "changes nothing; name learning_rates, batch_sizes or bank, or leave it out")


def _priming(study: "Study", plm: str, priming: Priming) -> Iterator[Problem]:
    """Settings that a priming of a PLM needs, and primings that its settings rule out."""
    settings = study.priming.of(priming.section, plm)
    at = ("priming", "variants", priming.section) if priming.variant else ("priming", priming.section)
    yield from _rates(priming, settings, at)
    if settings.keep == "best" and not study.tasks.development:
        yield Problem((*at, "keep"), "'best' is chosen on development tasks, and there are none; name some in tasks.development, or keep 'last'")
    if settings.keep == "best" and settings.validation.samples > len(study.tasks.samples):
        text = f"{settings.validation.samples} samples of {len(study.tasks.samples)}; allowed: as many as tasks.samples has"
        yield Problem((*at, "validation", "samples"), text)
    yield from _shares(study, priming, settings, at)
    if isinstance(settings, Meta):
        yield from _meta_batch(study, priming, settings, at)
    if isinstance(settings, Reptile) and settings.update == "standard":
        yield from _unmoved(priming)


def _shares(study: "Study", priming: Priming, settings: Upstream, at: tuple[str, ...]) -> Iterator[Problem]:
    """Each GPU of a priming, and each part that it computes, takes its share of the batch, or of the tasks of a meta-batch."""
    most, of = (settings.batch, "batch") if isinstance(settings, Mtl) else (settings.tasks, "tasks") if isinstance(settings, Meta) else (1, "")
    gpus, parts = study.compute.gpus, settings.parts
    if gpus * parts > most:
        shared = f"{gpus} GPUs share" if parts == 1 else f"{parts} parts on {gpus} GPU{'s' if gpus > 1 else ''} share"
        text = f"{shared} the {of} of {str(priming)!r}, and priming.{priming.section}.{of} is {most}; allowed: no more"
        yield Problem(("compute", "gpus") if parts == 1 else (*at, "parts"), text)


def _rates(priming: Priming, settings: Upstream, at: tuple[str, ...]) -> Iterator[Problem]:
    full_step = isinstance(settings, Reptile) and settings.update == "full_step"
    inner = priming.elements if full_step else priming.inner
    outer = () if isinstance(settings, Reptile) and not full_step else priming.outer
    for element in outer:
        if settings.learning_rates.of(element) is None:
            yield _no_rate(priming, element, (*at, "learning_rates"))
    for element in inner:
        if isinstance(settings, Meta) and settings.inner_learning_rates.of(element) is None:
            yield _no_rate(priming, element, (*at, "inner_learning_rates"))


def _no_rate(priming: Priming, element: str, at: tuple[str, ...]) -> Problem:
    return Problem((*at, element), f"is missing, and {str(priming)!r} moves {element}; add '{element}: <rate>'")


def _meta_batch(study: "Study", priming: Priming, settings: Meta, at: tuple[str, ...]) -> Iterator[Problem]:
    if settings.tasks > len(study.tasks.source):
        text = f"{settings.tasks} tasks a meta-batch, and tasks.source has {len(study.tasks.source)}; allowed: no more"
        yield Problem((*at, "tasks"), text)
    sets = min(priming.inner_steps, 1) if settings.same_support else priming.inner_steps
    needed = sets * settings.support + settings.query
    if needed > study.tasks.source_limit:
        text = f"{str(priming)!r} takes {needed} different examples of a task at once, and tasks.source_limit is {study.tasks.source_limit}"
        yield Problem((*at, "support"), f"{text}; allowed: no more")


def _unmoved(priming: Priming) -> Iterator[Problem]:
    """Standard Reptile moves the start towards where the inner loop ends: what the inner loop leaves alone never moves."""
    still = [element for element in priming.outer if element not in priming.inner or not priming.inner_steps]
    if still:
        names, inner = "+".join(still), "+".join(priming.elements)
        fix = f"write {priming.section}[{'+'.join(priming.outer)} | {inner} x5], or set update: full_step"
        yield Problem(("strategies",), f"{str(priming)!r} would never move {names}: with update 'standard' only the inner steps move anything; {fix}")


def _normalised(study: "Study") -> Iterator[Problem]:
    for algorithm in META_ALGORITHMS:
        if getattr(study.priming, algorithm).normalise_inner:
            text = f"a normalised inner gradient is no published {algorithm}; set it in a variant, under priming.variants.{algorithm}:<name>"
            yield Problem(("priming", algorithm, "normalise_inner"), text)


def _strategies(study: "Study") -> Iterator[Problem]:
    for index, strategy in enumerate(study.strategies):
        if (first := study.strategies.index(strategy)) < index:
            yield Problem(("strategies", index), f"{strategy!r} is the same as strategies[{first}]; keep one")


def _seeds(study: "Study") -> Iterator[Problem]:
    if twice := sorted({str(seed) for seed in study.seeds if study.seeds.count(seed) > 1}):
        yield Problem(("seeds",), f"names {', '.join(twice)} twice; keep one")


def _scoring(study: "Study") -> Iterator[Problem]:
    scoring = study.scoring
    for key, chosen, reported in (("decoder", scoring.decoder, scoring.decoders), ("metric", scoring.metric, scoring.metrics)):
        if chosen not in reported:
            yield Problem(("scoring", key), f"{chosen!r} selects but is not reported; add it to scoring.{key}s ({', '.join(reported)})")
    yield from _baseline(study)
    for number, pair in enumerate(scoring.compare):
        at = ("scoring", "compare", number)
        yield from _known_strategy(study, pair.first, (*at, "first"))
        yield from _known_strategy(study, pair.second, (*at, "second"))
        if pair.first == pair.second:
            yield Problem(at, f"compares {pair.first!r} with itself; name another strategy as second")
    for paper, lots in scoring.published.chosen.items():
        for name in lots:
            if name not in study.plms:
                yield Problem(("scoring", "published", paper, name), _no_plm(study, name))


def _baseline(study: "Study") -> Iterator[Problem]:
    """A baseline of relative gains that there is, for each strategy."""
    scoring, at = study.scoring, ("scoring", "arg_baseline")
    if scoring.arg_plm and (scoring.arg_plm not in study.plms or scoring.arg_baseline in CONSTANT):
        text = f"{scoring.arg_baseline!r} is of no PLM; leave this out" if scoring.arg_plm in study.plms else _no_plm(study, scoring.arg_plm)
        yield Problem(("scoring", "arg_plm"), text)
    if scoring.arg_baseline == CHANCE and scoring.metric not in COUNTS_HITS:
        yield Problem(at, f"'chance' is a share of right rows, and scoring.metric is {scoring.metric!r}; allowed with: {', '.join(COUNTS_HITS)}")
    if scoring.arg_baseline == SAME_ALGORITHM:
        yield from _same_algorithm(study, at)
    elif scoring.arg_baseline not in CONSTANT:
        yield from _known_strategy(study, scoring.arg_baseline, at)


def _same_algorithm(study: "Study", at: tuple[str, ...]) -> Iterator[Problem]:
    """For each algorithm exactly one strategy that primes and tunes the PLM in full."""
    seen: set[str] = set()
    for strategy in study.parsed_strategies:
        section, found = strategy.priming.section if strategy.priming else "none", in_full(strategy, study.parsed_strategies)
        if len(found) == 1 or section in seen:
            continue
        seen.add(section)
        inner = " | plm x5" if strategy.priming and strategy.priming.inner else ""
        full = f"{section}[plm{inner}] -> plm" if strategy.priming else "none -> plm"
        fix = f"add one such as {full!r} to strategies" if not found else f"keep one of {', '.join(map(repr, map(str, found)))}"
        yield Problem(
            at, f"'same algorithm' compares {str(strategy)!r} with the PLM primed and tuned in full, of which there are {len(found)}; {fix}"
        )


def _figures(study: "Study") -> Iterator[Problem]:
    yield from _charts(study)
    for figure in ("convergence", "tasks", "groups", "compute"):
        for index, strategy in enumerate(getattr(study.figures, figure).strategies):
            at = ("figures", figure, "strategies", index)
            yield from _known_strategy(study, strategy, at)
            if figure != "tasks" and strategy.startswith("none "):
                yield Problem(at, f"{strategy!r} is un-primed; allowed: primed strategies")


def _charts(study: "Study") -> Iterator[Problem]:
    charts = study.figures.charts.panels
    if "charts" in study.figures.draw and not charts:
        yield Problem(("figures", "draw"), "names charts, and there is none; add some under figures.charts.panels, or leave it out")
    for number, chart in enumerate(charts):
        for place, bar in enumerate(chart.bars):
            at = ("figures", "charts", "panels", number, "bars", place)
            yield from _known_strategy(study, bar.strategy, (*at, "strategy"))
            if bar.plm not in study.plms:
                yield Problem((*at, "plm"), _no_plm(study, bar.plm))


def _known_strategy(study: "Study", strategy: str, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if strategy not in study.strategies:
        yield Problem(at, f"{strategy!r} is no strategy of this study{nearest(strategy, study.strategies)}; add it to strategies, or name one")
