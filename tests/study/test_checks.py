"""Sections that contradict each other are refused, with what to change."""

import pytest

from priming.errors import StudyError
from priming.study import Study, load_study
from priming.study.checks import notes

from .conftest import LAST, MTL, RATES, Changed, problem, with_strategy

WITHOUT_DEV = (("  target: [d, e]\n", "  target: [d, e]\n  dev_set: none\n"),)
ONE_POINT = "{learning_rates: {plm: [0.001], adapter: [0.01]}}"
ENCODER = ("generate: {}", "generate: {architecture: {family: bert}}")
CARRIED = "order: first, inner_optimizer: adafactor, inner_state: carried"
HEADED = (
    ("  - none -> plm\n", "  - none -> plm+head\n"),
    (LAST, "  - mtl[plm+adapter+head] -> adapter+head\n"),
    ("adapter: 0.01}", "adapter: 0.01, head: 0.01}"),
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            (("generate: {}", "generate: {}\n    seeds: [1, 2, 1]"),),
            "line 3, plms.tiny: 'seeds' lists a seed twice; keep one",
        ),
        (
            (
                ("generate: {}", "generate: {architecture: {family: t5}}"),
                ("  - none -> adapter\n", "  - none -> bitfit\n"),
            ),
            "line 14, strategies[1]: 'bitfit' in 'none -> bitfit' has no place in PLM 'tiny', a t5: it has no biases; "
            "name another element, or let this PLM go without: plms.tiny.leave_out: [bitfit]",
        ),
        (
            (
                ("generate: {}", "generate: {architecture: {family: gpt2}}"),
                ("  - none -> adapter\n", "  - none -> prefix\n"),
            ),
            "line 14, strategies[1]: 'prefix' in 'none -> prefix' has no place in PLM 'tiny', a gpt2: the library's",
        ),
        (
            (("generate: {}", "generate: {}\n    leave_out: [plm, adapter]"),),
            "line 5, plms.tiny.leave_out: no strategy is left for PLM 'tiny' without plm, adapter; add one",
        ),
        (
            (("generate: {}", "generate: {}\n    brings: prompt"),),
            "line 3, plms.tiny: 'brings' is for PLMs that come trained, and this one is made here; remove it",
        ),
        (
            (("generate: {}", "path: .\n    brings: head"),),
            "line 5, plms.tiny.brings: 'head' is not allowed; allowed: 'adapter', 'prompt', 'prefix', 'lora' or 'ia3'",
        ),
        (
            (("generate: {}", "path: .\n    brings: prompt"), ("  - none -> adapter\n", "  - none -> prefix\n")),
            "line 15, strategies[1]: 'none -> prefix' has 'prefix', and PLM 'tiny' brings 'prompt'; name that instead, "
            "or let this PLM go without: plms.tiny.leave_out: [prefix]",
        ),
        (
            (("generate: {}", "generate: {}\n    family: t5"),),
            "line 3, plms.tiny: 'family' of a generated PLM stands under generate.architecture; remove it here",
        ),
        (
            (("generate: {}", "path: .\n    family: gpt"),),
            "line 5, plms.tiny.family: 'gpt' is not allowed; did you mean 'gpt2'?; allowed: 'bart', 't5'",
        ),
        (
            (ENCODER, *HEADED, ("  - none -> adapter\n", "  - none -> lora\n")),
            "line 14, strategies[1]: 'none -> lora' has no head, and PLM 'tiny' answers by one; "
            "tune one with the others: '... -> adapter+head', 'mtl[plm+head]', 'maml[plm | plm+head x5]'",
        ),
        (
            (ENCODER, *HEADED, ("  - none -> adapter\n", "  - mtl[plm] -> adapter+head\n")),
            "line 14, strategies[1]: 'mtl[plm]' has no head, and PLM 'tiny' answers by one",
        ),
        (
            (
                ENCODER,
                *HEADED,
                ("  - none -> adapter\n", ""),
                ("strategies:", "scoring: {decoder: greedy}\nstrategies:"),
            ),
            "line 12, scoring.decoder: 'greedy' selects, and PLM 'tiny' answers by ranking alone; allowed: ranking",
        ),
        (
            (("  - none -> adapter\n", "  - none -> head\n"),),
            "line 14, strategies[1]: 'none -> head' tunes nothing of PLM 'tiny', which has no place for head",
        ),
        (
            (
                ENCODER,
                *HEADED,
                ("  - none -> adapter\n", "  - mtl[plm+adapter+head] -> adapter (with head)\n"),
                (MTL, f"{MTL}    keep: best\n"),
            ),
            "line 11, priming.mtl.keep: 'best' cannot be chosen for 'mtl[plm+adapter+head] -> adapter (with head)', "
            "which keeps head in place; keep 'last'",
        ),
        (
            (("generate: {}", "hub: a/b\n    revision: c\n    seeds: [1]"),),
            "line 3, plms.tiny: 'seeds' are pretraining seeds, but this PLM is not pretrained here; "
            "remove them, or use 'generate'",
        ),
        (
            (("generate: {}", "generate: {}\n    seeds: [1]\n  tiny-seed-1:\n    generate: {}"),),
            "line 6, plms.tiny-seed-1: 'tiny-seed-1' is also the folder of a seed of another PLM; rename this one",
        ),
        (
            (
                ("generate: {}", "generate: {}\n    seeds: [1, 2]\n  big:\n    generate: {}"),
                ("strategies:", "scoring: {arg_plm: big}\nstrategies:"),
            ),
            "line 5, plms.tiny.seeds: scoring.arg_plm pairs the scores of tiny, big; "
            "allowed: as many seeds of pretraining for each",
        ),
        (
            ((LAST, f"{LAST}  - none  ->  plm\n"),),
            "line 16, strategies[3]: 'none -> plm' is the same as strategies[0]; keep one",
        ),
        (
            with_strategy("mtl:long[plm] -> plm"),
            "line 9, priming.variants: 'mtl:long' is named by a strategy but not defined; did you mean 'mtl'?; "
            "add it under priming.variants",
        ),
        (
            with_strategy("mtl:long[plm] -> plm", "  variants:\n    mtl:long: {batchs: 64}\n"),
            "line 11, priming.variants.mtl:long.batchs: unknown key 'batchs'; did you mean 'batch'?; "
            "allowed: budget, learning_rates",
        ),
        (
            with_strategy("mtl:long[plm] -> plm", "  variants:\n    mtl:long: {batch: 0}\n"),
            "line 11, priming.variants.mtl:long.batch: 0 is not allowed; allowed: more than 0",
        ),
        (
            with_strategy("mtl[plm] -> plm", "  variants:\n    mlt:long: {}\n"),
            "line 11, priming.variants.mlt:long: 'mlt:long' is not a variant; "
            "allowed: an algorithm (mtl, maml, reptile), ':', small letters and digits",
        ),
        (
            with_strategy("mtl[plm+prompt] -> prompt"),
            "line 11, priming.mtl.learning_rates.prompt: is missing, and 'mtl[plm+prompt]' moves prompt; "
            "add 'prompt: <rate>'",
        ),
        (
            with_strategy("maml[plm | adapter x1] -> adapter", "  maml: {learning_rates: {plm: 1}}\n"),
            "line 10, priming.maml.inner_learning_rates.adapter: is missing, "
            "and 'maml[plm | adapter x1]' moves adapter",
        ),
        (
            with_strategy(
                "reptile[plm+adapter | adapter x5] -> adapter", "  reptile: {inner_learning_rates: {adapter: 1}}\n"
            ),
            "strategies: 'reptile[plm+adapter | adapter x5]' would never move plm: "
            "with update 'standard' only the inner steps move anything; write reptile[plm+adapter | plm+adapter x5], "
            "or set update: full_step",
        ),
        (
            with_strategy("reptile[plm | plm x0] -> adapter", "  reptile: {inner_learning_rates: {plm: 1}}\n"),
            "'reptile[plm | plm x0]' would never move plm",
        ),
        (
            with_strategy(
                "reptile[plm+adapter | adapter x5] -> adapter",
                f"  reptile: {{update: full_step, {RATES}, inner_learning_rates: {{adapter: 1}}}}\n",
            ),
            "priming.reptile.inner_learning_rates.plm: is missing, and 'reptile[plm+adapter | adapter x5]' moves plm",
        ),
        (
            with_strategy("mtl[plm] -> plm", "  maml: {normalise_inner: true}\n"),
            "line 10, priming.maml.normalise_inner: a normalised inner gradient is no published maml; "
            "set it in a variant, under priming.variants.maml:<name>",
        ),
        (
            (
                (
                    "learning_rates: {plm: 1e-3, adapter: 0.01}",
                    "learning_rates: {plm: 1e-3, adapter: 0.01}\n    keep: best",
                ),
                ("  development: [c]\n", ""),
            ),
            "line 11, priming.mtl.keep: 'best' is chosen on development tasks, but there are none; "
            "add some to tasks.development, or use 'last'",
        ),
        (
            (
                (
                    "{plm: 1e-3, adapter: 0.01}",
                    "{plm: 1e-3, adapter: 0.01}\n    keep: best\n    validation: {samples: 9}",
                ),
            ),
            "line 13, priming.mtl.validation.samples: 9 samples of 5; allowed: as many as tasks.samples has",
        ),
        (
            (
                (
                    "learning_rates: {plm: 1e-3, adapter: 0.01}",
                    "learning_rates: {plm: 1e-3, adapter: 0.01}\n    batch: 3\n    accumulation_steps: 4",
                ),
            ),
            "line 13, priming.mtl.accumulation_steps: 4 accumulation steps on 1 GPU share the batch of "
            "'mtl[plm+adapter]', but priming.mtl.batch is 3; allowed: no more",
        ),
        (
            (
                *with_strategy("maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}, {CARRIED}}}\n"),
                ("priming:\n", "compute: {gpus: 2}\npriming:\n"),
            ),
            "line 9, compute.gpus: 2 GPUs cannot share a step of 'maml[plm | plm x1]', which takes its tasks one after "
            "the other (inner_state: carried); allowed: 1, or another inner_state",
        ),
        (
            with_strategy("maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}, tasks: 3}}\n"),
            "line 10, priming.maml.tasks: 3 tasks a meta-batch, and tasks.source has 2; allowed: no more",
        ),
        (
            with_strategy(
                "maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}, support: 1999, query: 2}}\n"
            ),
            "line 10, priming.maml.support: 'maml[plm | plm x1]' takes 2001 different examples of a task at once, "
            "and tasks.source_limit is 2000",
        ),
        (
            with_strategy(
                "maml[plm | plm x9] -> plm",
                f"  maml: {{{RATES}, inner_{RATES}, support: 222, query: 3, same_support: false}}\n",
            ),
            "'maml[plm | plm x9]' takes 2001 different examples of a task at once",
        ),
        (
            (("strategies:", "elements: {adapter: {bottleneck: 36}}\nstrategies:"),),
            "line 12, elements.adapter.bottleneck: 36 is no bottleneck of a PLM with width 96; "
            "allowed: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48",
        ),
        (
            (("strategies:", "elements: {adapter: {bottleneck: 96}}\nstrategies:"),),
            "elements.adapter.bottleneck: 96 is no bottleneck of a PLM with width 96",
        ),
        (
            (("generate: {}", "generate: {architecture: {positions: 73}}"), ("none -> adapter", "none -> prompt")),
            "line 4, plms.tiny.generate.architecture.positions: 73 positions do not hold max_input 64 and a prompt of "
            "10; allowed: 74 or more",
        ),
        (
            (("generate: {}", "generate: {architecture: {positions: 64}}\n    max_output: 65"),),
            "line 4, plms.tiny.generate.architecture.positions: 64 positions do not hold max_output 65; "
            "allowed: 65 or more",
        ),
        (
            (("  target: [d, e]\n", "  target: [d, e]\n  draw: all\n"),),
            "line 9, tasks.draw: 'all' leaves no row to draw a development set from; "
            "allowed with tasks.dev_set: split, none",
        ),
        (
            (("  target: [d, e]\n", "  target: [d, e]\n  draw: per_clas\n"),),
            "line 9, tasks.draw: 'per_clas' is not allowed; did you mean 'per_class'?; "
            "allowed: 'per_class', 'in_all', 'balanced', 'all' or 'published'",
        ),
        (
            (("  target: [d, e]\n", "  target: [d, e]\n  dev_limit: 50\n"),),
            "line 9, tasks.dev_limit: limits a development split, and tasks.dev_set is 'drawn'; "
            "leave it out, or write dev_set: split",
        ),
        (
            (*WITHOUT_DEV, ("strategies:", f"tuning: {ONE_POINT}\nstrategies:")),
            "tuning.keep: 'best' compares development scores, and there are no development sets "
            "(tasks.dev_set: none); allowed: last",
        ),
        (
            (
                *WITHOUT_DEV,
                ("strategies:", f"tuning: {ONE_POINT[:-1]}, batch_sizes: [8, 16], keep: last}}\nstrategies:"),
            ),
            "line 13, tuning.batch_sizes: nothing chooses between 8, 16, since there are no development sets "
            "(tasks.dev_set: none); name one",
        ),
        (
            (
                *WITHOUT_DEV,
                (
                    "strategies:",
                    f"tuning: {ONE_POINT.replace('[0.01]', '[0.01, 0.1]')[:-1]}, keep: last}}\nstrategies:",
                ),
            ),
            "line 13, tuning.learning_rates.adapter: nothing chooses between 0.01, 0.1, "
            "since there are no development sets",
        ),
        (
            (
                *WITHOUT_DEV,
                ("{plm: 1e-3, adapter: 0.01}", "{plm: 1e-3, adapter: 0.01}\n    keep: best"),
                ("strategies:", f"tuning: {ONE_POINT[:-1]}, keep: last}}\nstrategies:"),
            ),
            "line 13, priming.mtl.keep: 'best' compares checkpoints on development sets, and there are no development "
            "sets (tasks.dev_set: none); keep 'last'",
        ),
        (
            (("strategies:", "tuning: {steps: 5, epochs: 2}\nstrategies:"),),
            "line 12, tuning: give exactly one of steps, epochs",
        ),
        (
            with_strategy("reptile[plm | plm x1] -> plm", f"  reptile: {{optimizer: sgd, {RATES}, inner_{RATES}}}\n"),
            "line 10, priming.reptile.optimizer: 'sgd' moves nothing, since update 'standard' goes a share of the way "
            "(step_size); leave it out, or set update: full_step",
        ),
    ],
)
def test_names_a_contradiction(changed: Changed, changes: tuple[tuple[str, str], ...], expected: str) -> None:
    assert expected in problem(changed(*changes))


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [
        ("maml[plm | adapter x0] -> adapter", f"  maml: {{{RATES}, inner_{RATES}}}\n"),
        ("mtl[plm] -> nothing", ""),
        ("reptile[plm | plm+adapter x3] -> adapter", f"  reptile: {{inner_{RATES}}}\n"),
        ("reptile[plm+prompt | prompt x0] -> prompt", f"  reptile: {{update: full_step, {RATES}, inner_{RATES}}}\n"),
        (
            "maml:normalised[prompt | prompt x1] -> prompt",
            f"  maml: {{{RATES}}}\n  variants:\n    maml:normalised: {{normalise_inner: true, inner_{RATES}}}\n",
        ),
    ],
)
def test_accepts(changed: Changed, strategy: str, settings: str) -> None:
    assert load_study(changed(*with_strategy(strategy, settings))).strategies[2] == strategy


def test_a_variant_overrides_rates_key_by_key(changed: Changed) -> None:
    study = load_study(
        changed(
            *with_strategy(
                "mtl:slow[plm+adapter] -> adapter", "  variants:\n    mtl:slow: {learning_rates: {plm: 1e-4}}\n"
            )
        )
    )
    rates = study.priming.of("mtl:slow").learning_rates
    assert (rates.plm, rates.adapter) == (0.0001, 0.01)
    assert study.priming.mtl.learning_rates.plm == 0.001


def test_sizes_of_elements_that_are_not_used_do_not_matter(changed: Changed) -> None:
    study = load_study(changed(("strategies:", "elements: {prompt: {length: 1000}}\nstrategies:")))
    assert study.elements.prompt.length == 1000


def test_a_study_that_tunes_nothing_needs_no_development_sets_and_no_choices(changed: Changed) -> None:
    zero_shot = ("  - none -> plm\n  - none -> adapter\n", "  - none -> nothing\n"), (LAST, "  - mtl[plm] -> nothing\n")
    study = load_study(changed(*WITHOUT_DEV, *zero_shot))
    assert [strategy.tuned for strategy in study.parsed_strategies] == [(), ()]
    assert not study.tasks.develops


def test_an_element_may_be_left_out_for_a_plm(changed: Changed) -> None:
    other = "generate: {}\n  other:\n    generate: {architecture: {family: t5}}\n    leave_out: [bitfit]"
    study = load_study(changed(("generate: {}", other), ("  - none -> adapter\n", "  - none -> bitfit\n")))
    assert [len(study.strategies_of(plm)) for plm in ("tiny", "other")] == [3, 2]
    assert study.cells == (3 + 2) * 2
    assert next(iter(notes(study))) == "PLM 'other' goes without 'none -> bitfit' (plms.other.leave_out)"


def test_the_family_of_a_model_that_is_not_generated_is_heeded(changed: Changed) -> None:
    path = changed(("generate: {}", "path: .\n    family: bert"))
    with pytest.raises(StudyError, match=r"'none -> plm' has no head, and PLM 'tiny' answers by one"):
        load_study(path)


def test_another_length_takes_the_place_of_steps(changed: Changed) -> None:
    study = load_study(changed(("strategies:", "tuning: {epochs: 3}\nstrategies:")))
    assert (study.tuning.steps, study.tuning.lengths[0].steps(32, 8)) == (None, 12)
    assert Study.model_validate(study.model_dump()) == study
    assert load_study(changed()).tuning.lengths[0].steps(32, 8) == 60


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            "reptile:\n    update: optimizer\n    step_size: 0.3",
            "reptile.step_size: does nothing with update 'optimizer'",
        ),
        ("reptile:\n    update: optimizer\n    query: 4", "reptile.query: does nothing with update 'optimizer'"),
        ("reptile:\n    keep: loss\n    validation: {steps: 3}", "validation.steps: does nothing with keep 'loss'"),
        ("maml:\n    keep: loss\n    validation: {samples: 1}", "validation.samples: does nothing with keep 'loss'"),
    ],
)
def test_keys_that_do_nothing_are_refused(changed: Changed, changes: str, said: str) -> None:
    algorithm = changes.partition(":")[0]
    rates = "\n    learning_rates: {plm: 1e-3}\n    inner_learning_rates: {plm: 0.1}\n"
    strategy = with_strategy(f"{algorithm}[plm | plm x2] -> plm", f"  {changes}{rates}")
    assert said in problem(changed(*strategy))
