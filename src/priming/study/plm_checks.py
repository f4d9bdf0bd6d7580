"""Consistency checks between the PLMs of a study file and what they are asked for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from priming.backbones.interface import complaints
from priming.backbones.table import BACKBONES
from priming.elements.table import ELEMENTS, in_place
from priming.errors import StudyError
from priming.forms.table import forms_on
from priming.strategies import Strategy
from priming.study.packaged import model_folder
from priming.study.problems import Problem

if TYPE_CHECKING:
    from priming.study.study import Study


def problems_of_plms(study: "Study") -> Iterator[Problem]:
    """Seeds and architectures, and PLMs without a strategy."""
    yield from _members(study)
    yield from _architectures(study)
    yield from _packages(study)
    yield from _brought(study)
    yield from _end_tokens(study)
    for name, plm in study.plms.items():
        if not study.strategies_of(name):
            without = [*plm.leave_out, *(() if plm.prime else ("primings",))]
            text = f"no strategy is left for PLM {name!r} without {', '.join(without)}"
            key = plm.restricts or "leave_out"
            yield Problem(("plms", name, key), f"{text}; add one to 'strategies', or remove the PLM")


def _members(study: "Study") -> Iterator[Problem]:
    """Each seed of a PLM has its own folders; PLMs whose scores are paired have the same number of seeds."""
    names = [member.name for member in study.members]
    for member in study.members:
        if names.count(member.name) > 1 and member.name in study.plms and member.seed is None:
            yield Problem(
                ("plms", member.name), f"{member.name!r} is also the folder of a seed of another PLM; rename this one"
            )
    scoring = study.scoring
    paired = [list(study.plms)] if scoring.arg_plm else [list(lots) for lots in scoring.published.chosen.values()]
    for plms in paired:
        seeds = {plm: study.plms[plm].seeds for plm in plms if plm in study.plms}
        if len({len(found or (0,)) for found in seeds.values()}) > 1:
            several = next(plm for plm, found in seeds.items() if found)
            what = "scoring.arg_plm" if scoring.arg_plm else "scoring.published"
            text = f"{what} pairs the scores of {', '.join(seeds)}; allowed: as many seeds of pretraining for each"
            yield Problem(("plms", several, "seeds"), text)


def _packages(study: "Study") -> Iterator[Problem]:
    """Packages that are not installed, or ship no model."""
    for name, plm in study.plms.items():
        try:
            if plm.package:
                model_folder(plm.package)
        except StudyError as error:
            yield Problem(("plms", name, "package"), str(error))


def _brought(study: "Study") -> Iterator[Problem]:
    """Strategies with another element than the PLM brings, where it could have brought that too."""
    for name, plm in study.plms.items():
        vectors = plm.brings is not None and ELEMENTS[plm.brings].brought
        for index, strategy in enumerate(study.parsed_strategies if vectors else ()):
            others = [element for element in strategy.moved if ELEMENTS[element].brought and element != plm.brings]
            if others and strategy in study.strategies_of(name):
                text = f"{str(strategy)!r} has {others[0]!r}, and PLM {name!r} brings {plm.brings!r}; name that instead"
                yield Problem(("strategies", index), f"{text}, or let this PLM go without: {_without(name, others[0])}")


def _without(plm: str, element: str) -> str:
    """What to write for a PLM to go without an element."""
    return f"plms.{plm}.leave_out: [{element}]"


def _end_tokens(study: "Study") -> Iterator[Problem]:
    """PLMs of families that cannot go without end tokens."""
    for name, plm in study.plms.items():
        if plm.model_type and (why := BACKBONES[plm.model_type].unfit_ends(plm.end_tokens)):
            yield Problem(("plms", name, "end_tokens"), why)


def _architectures(study: "Study") -> Iterator[Problem]:
    for name, plm in study.plms.items():
        if plm.generate is None:
            continue
        used = {element for strategy in study.strategies_of(name) for element in strategy.moved}
        at, size = ("plms", name, "generate", "architecture"), plm.generate.architecture
        added = sum(ELEMENTS[element].added_inputs(study.elements.of(element)) for element in used)
        with_prompt = f" and a prompt of {added}" if added else ""
        lengths = {
            f"max_input {plm.max_input}{with_prompt}": plm.max_input + added,
            f"max_output {plm.max_output}": plm.max_output,
        }
        for text in complaints(BACKBONES[size.family], size, lengths):
            yield Problem((*at, "positions"), text)
        for element in ELEMENTS:
            if element in used:
                yield from _misfits(study, element, size.d_model, name)


def _misfits(study: "Study", element: str, width: int, plm: str) -> Iterator[Problem]:
    """Options of an element that do not fit a PLM."""
    for option, text in ELEMENTS[element].misfits(study.elements.of(element), width):
        yield Problem(("elements", element, option), f"{text} (PLM {plm!r})")


def of_forms(study: "Study") -> Iterator[Problem]:
    """Strategies that a PLM cannot have, and decoders that it has not."""
    for name, plm in study.plms.items():
        if not plm.passes:
            continue
        form = forms_on(plm.passes)[0]
        for index, strategy in enumerate(study.parsed_strategies):
            if strategy in study.strategies_of(name):
                yield from (Problem(("strategies", index), text) for text in _unsuited(study, name, strategy))
        if study.scoring.decoder not in form.decoders:
            text = f"{study.scoring.decoder!r} selects, and PLM {name!r} answers by {', '.join(form.decoders)} alone"
            yield Problem(("scoring", "decoder"), f"{text}; allowed: {', '.join(form.decoders)}")


def _unsuited(study: "Study", name: str, strategy: Strategy) -> Iterator[str]:
    """What a strategy moves that a PLM has not, or leaves it without."""
    plm = study.plms[name]
    assert plm.model_type
    primed = {str(strategy.priming): strategy.priming.elements} if strategy.priming else {}
    for where, elements in (primed | {str(strategy): strategy.elements}).items():
        if lacking := forms_on(plm.passes)[0].lacking(elements, where, name):
            yield lacking
    if strategy.tuned and not in_place(strategy.tuned, plm.passes):
        text = f"{str(strategy)!r} tunes nothing of PLM {name!r}, which has no place for {'+'.join(strategy.tuned)}"
        yield f"{text}; name another element, or leave it out"
    for element in strategy.moved:
        options = study.elements.of(element)
        if why := ELEMENTS[element].misplaced(BACKBONES[plm.model_type], plm.model_type, options):
            text = f"{element!r} in {str(strategy)!r} has no place in PLM {name!r}, a {plm.model_type}: {why}"
            yield f"{text}; name another element, or let this PLM go without: {_without(name, element)}"
