"""Sections that contradict each other are refused, with what to change."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from priming.errors import StudyError
from priming.study import Study, load_study

Changed = Callable[..., Path]
MTL = "  mtl:\n"
LAST = "  - mtl[plm+adapter] -> adapter\n"
RATES = "learning_rates: {plm: 1, adapter: 1, prompt: 1}"


def with_strategy(strategy: str, settings: str = "") -> tuple[tuple[str, str], ...]:
    """Changes that replace the primed strategy, and put `settings` before those of MTL."""
    return (LAST, f'  - "{strategy}"\n'), (MTL, f"{settings}{MTL}")


def problem(path: Path) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(path)
    _, *listed, _ = str(caught.value).splitlines()
    assert len(listed) == 1, "\n".join(listed)
    return listed[0].strip()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (((MTL, "  mtl:\n"), ("name: ", "figures: {draw: [charts]}\nname: ")), "figures.draw: names charts, and there is none; add some under figures.charts.panels"),
        (
            (("name: ", "figures: {charts: {panels: [{title: t, bars: [{plm: tniy, strategy: none -> plm}]}]}}\nname: "),),
            "is no PLM of this study",
        ),
        ((("generate: {}", "generate: {}\n    seeds: [1, 2, 1]"),), "line 3, plms.tiny: 'seeds' names one twice; keep one"),
        (
            (("generate: {}", "hub: a/b\n    revision: c\n    seeds: [1]"),),
            "line 3, plms.tiny: 'seeds' are of pretraining, and this PLM is not pretrained here; leave them out, or make it with 'generate'",
        ),
        (
            (("generate: {}", "generate: {}\n    seeds: [1]\n  tiny-seed-1:\n    generate: {}"),),
            "line 6, plms.tiny-seed-1: 'tiny-seed-1' is also the folder of a seed of another PLM; name this one otherwise",
        ),
        (
            (("generate: {}", "generate: {}\n    seeds: [1, 2]\n  big:\n    generate: {}"), ("strategies:", "scoring: {arg_plm: big}\nstrategies:")),
            "line 5, plms.tiny.seeds: scoring.arg_plm pairs the scores of tiny, big; allowed: as many seeds of pretraining for each",
        ),
        (((LAST, f"{LAST}  - none  ->  plm\n"),), "line 16, strategies[3]: 'none -> plm' is the same as strategies[0]; keep one"),
        (
            with_strategy("mtl:long[plm] -> plm"),
            "line 9, priming.variants: 'mtl:long' is named by a strategy but not defined; did you mean 'mtl'?; add it under priming.variants",
        ),
        (
            with_strategy("mtl:long[plm] -> plm", "  variants:\n    mtl:long: {batchs: 64}\n"),
            "line 11, priming.variants.mtl:long.batchs: unknown key 'batchs'; did you mean 'batch' or 'parts'?; allowed: budget, learning_rates",
        ),
        (
            with_strategy("mtl:long[plm] -> plm", "  variants:\n    mtl:long: {batch: 0}\n"),
            "line 11, priming.variants.mtl:long.batch: 0 is not allowed; allowed: more than 0",
        ),
        (
            with_strategy("mtl[plm] -> plm", "  variants:\n    mlt:long: {}\n"),
            "line 11, priming.variants.mlt:long: 'mlt:long' is no variant; allowed: an algorithm (mtl, maml, reptile), ':', small letters and digits",
        ),
        (
            with_strategy("mtl[plm+prompt] -> prompt"),
            "line 11, priming.mtl.learning_rates.prompt: is missing, and 'mtl[plm+prompt]' moves prompt; add 'prompt: <rate>'",
        ),
        (
            with_strategy("maml[plm | adapter x1] -> adapter", "  maml: {learning_rates: {plm: 1}}\n"),
            "line 10, priming.maml.inner_learning_rates.adapter: is missing, and 'maml[plm | adapter x1]' moves adapter",
        ),
        (
            with_strategy("reptile[plm+adapter | adapter x5] -> adapter", "  reptile: {inner_learning_rates: {adapter: 1}}\n"),
            "strategies: 'reptile[plm+adapter | adapter x5]' would never move plm: with update 'standard' only the inner steps move anything; "
            "write reptile[plm+adapter | plm+adapter x5], or set update: full_step",
        ),
        (
            with_strategy("reptile[plm | plm x0] -> adapter", "  reptile: {inner_learning_rates: {plm: 1}}\n"),
            "'reptile[plm | plm x0]' would never move plm",
        ),
        (
            with_strategy("reptile[plm+adapter | adapter x5] -> adapter", f"  reptile: {{update: full_step, {RATES}, inner_learning_rates: {{adapter: 1}}}}\n"),
            "priming.reptile.inner_learning_rates.plm: is missing, and 'reptile[plm+adapter | adapter x5]' moves plm",
        ),
        (
            with_strategy("mtl[plm] -> plm", "  maml: {normalise_inner: true}\n"),
            "line 10, priming.maml.normalise_inner: a normalised inner gradient is no published maml; "
            "set it in a variant, under priming.variants.maml:<name>",
        ),
        (
            (("learning_rates: {plm: 1e-3, adapter: 0.01}", "learning_rates: {plm: 1e-3, adapter: 0.01}\n    keep: best"), ("  development: [c]\n", "")),
            "line 11, priming.mtl.keep: 'best' is chosen on development tasks, and there are none; name some in tasks.development, or keep 'last'",
        ),
        (
            (("{plm: 1e-3, adapter: 0.01}", "{plm: 1e-3, adapter: 0.01}\n    keep: best\n    validation: {samples: 9}"),),
            "line 13, priming.mtl.validation.samples: 9 samples of 5; allowed: as many as tasks.samples has",
        ),
        (
            (("learning_rates: {plm: 1e-3, adapter: 0.01}", "learning_rates: {plm: 1e-3, adapter: 0.01}\n    batch: 3\n    parts: 4"),),
            "line 13, priming.mtl.parts: 4 parts on 1 GPU share the batch of 'mtl[plm+adapter]', and priming.mtl.batch is 3; allowed: no more",
        ),
        (
            with_strategy("maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}, tasks: 3}}\n"),
            "line 10, priming.maml.tasks: 3 tasks a meta-batch, and tasks.source has 2; allowed: no more",
        ),
        (
            with_strategy("maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}, support: 1999, query: 2}}\n"),
            "line 10, priming.maml.support: 'maml[plm | plm x1]' takes 2001 different examples of a task at once, and tasks.source_limit is 2000",
        ),
        (
            with_strategy("maml[plm | plm x9] -> plm", f"  maml: {{{RATES}, inner_{RATES}, support: 222, query: 3, same_support: false}}\n"),
            "'maml[plm | plm x9]' takes 2001 different examples of a task at once",
        ),
        (
            (("strategies:", "elements: {adapter: {bottleneck: 36}}\nstrategies:"),),
            "line 12, elements.adapter.bottleneck: 36 is no bottleneck of PLM 'tiny' with d_model 96; allowed: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48",
        ),
        (
            (("strategies:", "elements: {adapter: {bottleneck: 96}}\nstrategies:"),),
            "elements.adapter.bottleneck: 96 is no bottleneck of PLM 'tiny' with d_model 96",
        ),
        (
            (("generate: {}", "generate: {architecture: {positions: 73}}"), ("none -> adapter", "none -> prompt")),
            "line 4, plms.tiny.generate.architecture.positions: 73 positions do not hold max_input 64 and a prompt of 10; allowed: 74 or more",
        ),
        (
            (("generate: {}", "generate: {architecture: {positions: 64}}\n    max_output: 65"),),
            "line 4, plms.tiny.generate.architecture.positions: 64 positions do not hold max_output 65; allowed: 65 or more",
        ),
        (
            (("strategies:", "scoring: {decoder: greedy, decoders: [ranking]}\nstrategies:"),),
            "line 12, scoring.decoder: 'greedy' selects but is not reported; add it to scoring.decoders (ranking)",
        ),
        (
            (("strategies:", "scoring: {compare: [{first: none -> plm, second: none -> plm}]}\nstrategies:"),),
            "line 12, scoring.compare[0]: compares 'none -> plm' with itself; name another strategy as second",
        ),
        (
            (("strategies:", "scoring: {metric: exact_match, metrics: [accuracy]}\nstrategies:"),),
            "line 12, scoring.metric: 'exact_match' selects but is not reported; add it to scoring.metrics (accuracy)",
        ),
        (
            (("strategies:", "scoring: {published: {adl2022: {tin: BART}}}\nstrategies:"),),
            "line 12, scoring.published.adl2022.tin: 'tin' is no PLM of this study; did you mean 'tiny'?; allowed: tiny",
        ),
        (
            (("strategies:", "scoring: {published: {adl2022: {tiny: BERT}}}\nstrategies:"),),
            "line 12, scoring.published.adl2022.tiny: 'BERT' is not allowed; did you mean 'BART'?; allowed: 'BART', 'T5' or 'mT5'",
        ),
        (
            (("strategies:", "scoring: {published: {adl2021: {tiny: BART}}}\nstrategies:"),),
            "line 12, scoring.published.adl2021: unknown key 'adl2021'; did you mean 'adl2022'",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: none -> prompt}\nstrategies:"),),
            "line 12, scoring.arg_baseline: 'none -> prompt' is no strategy of this study; did you mean",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: same algorithm}\nstrategies:"),),
            "'same algorithm' compares 'mtl[plm+adapter] -> adapter' with the PLM primed and tuned in full, of which there are 0; "
            "add one such as 'mtl[plm] -> plm' to strategies",
        ),
        (
            (
                *with_strategy("maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}}}\n"),
                ("strategies:", "scoring: {arg_baseline: same algorithm}\nstrategies:\n  - maml[plm | plm x2] -> plm\n  - maml[plm | plm x3] -> adapter"),
            ),
            "there are 2; keep one of 'maml[plm | plm x2] -> plm', 'maml[plm | plm x1] -> plm'",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: chance, metric: macro_f1_free}\nstrategies:"),),
            "scoring.arg_baseline: 'chance' is a share of right rows, and scoring.metric is 'macro_f1_free'; allowed with: accuracy, exact_match",
        ),
        (
            (("strategies:", "scoring: {arg_plm: tin}\nstrategies:"),),
            "line 12, scoring.arg_plm: 'tin' is no PLM of this study; did you mean 'tiny'?; allowed: tiny",
        ),
        (
            (("strategies:", "scoring: {arg_plm: tiny, arg_baseline: majority}\nstrategies:"),),
            "line 12, scoring.arg_plm: 'majority' is of no PLM; leave this out",
        ),
        (
            (("strategies:", "figures: {tasks: {strategies: [none -> prefix]}}\nstrategies:"),),
            "line 12, figures.tasks.strategies[0]: 'none -> prefix' is no strategy of this study",
        ),
        (
            (("strategies:", "figures: {compute: {strategies: [none -> plm]}}\nstrategies:"),),
            "line 12, figures.compute.strategies[0]: 'none -> plm' is un-primed; allowed: primed strategies",
        ),
    ],
)  # fmt: skip
def test_names_a_contradiction(changed: Changed, changes: tuple[tuple[str, str], ...], expected: str) -> None:
    assert expected in problem(changed(*changes))


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [
        ("maml[plm | adapter x0] -> adapter", f"  maml: {{{RATES}, inner_{RATES}}}\n"),
        ("reptile[plm | plm+adapter x3] -> adapter", f"  reptile: {{inner_{RATES}}}\n"),
        ("reptile[plm+prompt | prompt x0] -> prompt", f"  reptile: {{update: full_step, {RATES}, inner_{RATES}}}\n"),
        ("maml:normalised[prompt | prompt x1] -> prompt", f"  maml: {{{RATES}}}\n  variants:\n    maml:normalised: {{normalise_inner: true, inner_{RATES}}}\n"),
    ],
)  # fmt: skip
def test_accepts(changed: Changed, strategy: str, settings: str) -> None:
    assert load_study(changed(*with_strategy(strategy, settings))).strategies[2] == strategy


def test_a_variant_overrides_rates_key_by_key(changed: Changed) -> None:
    study = load_study(changed(*with_strategy("mtl:slow[plm+adapter] -> adapter", "  variants:\n    mtl:slow: {learning_rates: {plm: 1e-4}}\n")))
    rates = study.priming.of("mtl:slow").learning_rates
    assert (rates.plm, rates.adapter) == (0.0001, 0.01)
    assert study.priming.mtl.learning_rates.plm == 0.001


def test_sizes_of_elements_that_are_not_used_do_not_matter(changed: Changed) -> None:
    study = load_study(changed(("strategies:", "elements: {prompt: {length: 1000}}\nstrategies:")))
    assert study.elements.prompt.length == 1000


def test_a_study_that_is_made_in_python_is_checked_too(study_file: Path) -> None:
    settings = load_study(study_file).model_dump()
    with pytest.raises(ValidationError, match="scoring.decoder: 'greedy' selects but is not reported"):
        Study.model_validate({**settings, "scoring": {"decoder": "greedy", "decoders": ["ranking"]}})
