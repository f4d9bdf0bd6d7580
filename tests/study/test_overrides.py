"""Settings for one of several PLMs, and other grids for some strategies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.errors import StudyError
from priming.strategies import Strategy
from priming.study import Study, load_study

Changed = Callable[..., Path]
TWO = ("  tiny:\n    generate: {}\n", "  tiny:\n    generate: {}\n  other:\n    generate: {}\n")
MTL = "  mtl:\n"


def settings(text: str) -> tuple[str, str]:
    return MTL, f"{text}{MTL}"


def tuned(text: str) -> tuple[str, str]:
    return "strategies:", f"tuning: {{exceptions: [{text}]}}\nstrategies:"


@pytest.fixture
def study(changed: Changed) -> Study:
    of_other = '    other: {mtl: {learning_rates: {plm: 5e-4}}, maml: {query: 3}, "maml:first": {support: 5}}\n'
    variants = '  variants: {"maml:first": {order: first, support: 4}}\n'
    return load_study(changed(TWO, settings(f"  plms:\n{of_other}{variants}")))


def test_a_plm_has_its_own_settings_key_by_key(study: Study) -> None:
    rates = {plm: study.priming.of("mtl", plm).learning_rates for plm in study.plms}
    assert [(found.plm, found.adapter) for found in rates.values()] == [(1e-3, 1e-2), (5e-4, 1e-2)]
    assert study.priming.of("mtl").learning_rates.plm == 1e-3


def test_those_of_a_variant_go_before_those_of_its_algorithm(study: Study) -> None:
    found = [study.priming.of("maml:first", plm) for plm in study.plms]
    assert all(isinstance(one, Maml) and one.order == "first" for one in found)
    assert [(one.support, one.query) for one in found if isinstance(one, Maml)] == [(4, 16), (5, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{tin: {mtl: {batch: 3}}}",
            "priming.plms.tin: 'tin' is not a PLM of this study; did you mean 'tiny'?; allowed: tiny",
        ),
        ("{tiny: {mlt: {batch: 3}}}", "priming.plms.tiny.mlt: 'mlt' is not defined; did you mean 'mtl'"),
        ("{tiny: {mtl: {bach: 3}}}", "priming.plms.tiny.mtl.bach: unknown key 'bach'; did you mean 'batch'"),
        ("{tiny: {mtl: {batch: 0}}}", "priming.plms.tiny.mtl.batch: 0 is not allowed; allowed: more than 0"),
    ],
)
def test_mistakes_in_the_settings_of_a_plm_are_named(changed: Changed, text: str, expected: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(changed(settings(f"  plms: {text}\n")))
    assert expected in str(caught.value)


def test_each_plm_is_checked(changed: Changed) -> None:
    with pytest.raises(StudyError, match=r"tasks.source has 2; allowed: no more"):
        load_study(
            changed(
                TWO,
                settings(
                    "  plms: {other: {maml: {tasks: 3}}}\n"
                    "  maml: {learning_rates: {plm: 1}, inner_learning_rates: {plm: 1}}\n"
                ),
                ("  - mtl[plm+adapter] -> adapter\n", "  - maml[plm | plm x1] -> adapter\n"),
            )
        )


def test_the_length_of_an_exception_replaces_the_other(changed: Changed) -> None:
    study = load_study(changed(tuned("{elements: [adapter], epochs: [3, 10]}")))
    lengths = {
        strategy.tunes: [str(length) for length in study.tuning_of("tiny", strategy).lengths]
        for strategy in study.parsed_strategies
        if strategy.tuned
    }
    assert lengths["adapter"] == ["3 epochs", "10 epochs"]
    assert lengths["plm"] == [f"{study.tuning.steps} steps"]
    with pytest.raises(StudyError, match="give no more than one of steps, epochs"):
        load_study(changed(tuned("{elements: [adapter], epochs: 3, steps: 5}")))
    with pytest.raises(StudyError, match=r"epochs: \[\] is not allowed; .*1 or more entries"):
        load_study(changed(tuned("{elements: [adapter], epochs: []}")))


def test_exceptions_fit_by_plm_algorithm_and_element(changed: Changed) -> None:
    first = "{algorithms: [mtl], learning_rates: {adapter: [1.0, 2.0]}, batch_sizes: [2]}"
    second = "{plms: [other], elements: [adapter], learning_rates: {adapter: [3.0]}, bank: 5}"
    tuning = load_study(changed(TWO, tuned(f"{first}, {second}"))).tuning
    none, mtl, plm = (
        Strategy.parse(text) for text in ("none -> adapter", "mtl[plm+adapter] -> adapter", "none -> plm")
    )
    of = {(name, str(s)): tuning.of(name, s) for name in ("tiny", "other") for s in (none, mtl, plm)}
    assert [of["tiny", str(s)].learning_rates.adapter for s in (none, mtl, plm)] == [[1e-2], [1.0, 2.0], [1e-2]]
    assert [of["other", str(s)].learning_rates.adapter for s in (none, mtl, plm)] == [[3.0], [3.0], [1e-2]]
    assert [(of["other", str(s)].batch_sizes, of["other", str(s)].bank) for s in (none, mtl, plm)] == [
        ([16], 5),
        ([2], 5),
        ([16], 64),
    ]
    assert tuning.of("tiny", mtl).learning_rates.plm == tuning.learning_rates.plm


def test_an_algorithm_names_its_variants(changed: Changed) -> None:
    strategy = '  - "maml:first[plm | plm x1] -> plm"\n'
    maml = (
        "  maml: {learning_rates: {plm: 1}, inner_learning_rates: {plm: 1}}\n"
        '  variants: {"maml:first": {order: first}}\n'
    )
    changes = (settings(maml), ("  - mtl[plm+adapter] -> adapter\n", strategy))
    for name in ("maml", '"maml:first"'):
        study = load_study(changed(*changes, tuned(f"{{algorithms: [{name}], batch_sizes: [2]}}")))
        assert [study.tuning.of("tiny", s).batch_sizes for s in study.parsed_strategies] == [[16], [16], [2]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{plms: [tin], bank: 3}",
            "tuning.exceptions[0].plms[0]: 'tin' is not a PLM of this study; did you mean 'tiny'",
        ),
        (
            "{algorithms: [maml], bank: 3}",
            "tuning.exceptions[0].algorithms[0]: 'maml' is not an algorithm of this study's primings; "
            "did you mean 'mtl'?; allowed: none, mtl",
        ),
        (
            "{elements: [adaptr], bank: 3}",
            "tuning.exceptions[0].elements[0]: 'adaptr' is not allowed; did you mean 'adapter'",
        ),
        (
            "{elements: [adapter]}",
            "tuning.exceptions[0]: changes nothing; "
            "set learning_rates, batch_sizes, steps, epochs or bank, or remove it",
        ),
    ],
)
def test_mistakes_in_exceptions_are_named(changed: Changed, text: str, expected: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(changed(tuned(text)))
    assert expected in str(caught.value)


def test_the_schedule_of_a_plm_reaches_its_jobs(study: Study) -> None:
    from priming.jobs.graph import prime_jobs

    real = study.model_copy(update={"tasks": study.tasks.model_copy(update={"source": ["film_verdict", "day_mood"]})})
    results = [job.results[0] for job in prime_jobs(real)]
    rates = {result.plm: result.settings["algorithm"]["learning_rates"]["plm"] for result in results}
    assert rates == {"tiny": 1e-3, "other": 5e-4}
    assert isinstance(study.priming.of("mtl", "other"), Mtl)
