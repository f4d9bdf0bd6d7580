"""Scoring and figures that contradict the rest of a study are refused, with what to change."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from priming.study import Study, load_study

from .conftest import LAST, MTL, RATES, Changed, problem, with_strategy


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            ((MTL, "  mtl:\n"), ("name: ", "figures: {draw: [charts]}\nname: ")),
            "figures.draw: lists charts, but there are none; add some under figures.charts.panels",
        ),
        (
            (
                (
                    "name: ",
                    "figures: {charts: {panels: [{title: t, bars: [{plm: tniy, strategy: none -> plm}]}]}}\nname: ",
                ),
            ),
            "is not a PLM of this study",
        ),
        (
            (("strategies:", "scoring: {decoder: greedy, decoders: [ranking]}\nstrategies:"),),
            "line 12, scoring.decoder: 'greedy' selects but is not reported; add it to scoring.decoders (ranking)",
        ),
        (
            (("strategies:", "scoring: {compare: [{first: none -> plm, second: none -> plm}]}\nstrategies:"),),
            "line 12, scoring.compare[0]: compares 'none -> plm' with itself; use another strategy as second",
        ),
        (
            (("strategies:", "scoring: {arg_over: groups}\nstrategies:"),),
            "line 12, scoring.arg_over: 'groups' is over chance, and scoring.arg_baseline is 'none -> plm'; "
            "set it to chance",
        ),
        (
            (("strategies:", "scoring: {metric: exact_match, metrics: [accuracy]}\nstrategies:"),),
            "line 12, scoring.metric: 'exact_match' selects but is not reported; add it to scoring.metrics (accuracy)",
        ),
        (
            (("strategies:", "scoring: {published: {adl2022: {tin: BART}}}\nstrategies:"),),
            "line 12, scoring.published.adl2022.tin: 'tin' is not a PLM of this study; did you mean 'tiny'?; "
            "allowed: tiny",
        ),
        (
            (("strategies:", "scoring: {published: {adl2022: {tiny: BERT}}}\nstrategies:"),),
            "line 12, scoring.published.adl2022.tiny: 'BERT' is not allowed; did you mean 'BART'?; "
            "allowed: 'BART', 'T5' or 'mT5'",
        ),
        (
            (("strategies:", "scoring: {published: {adl2021: {tiny: BART}}}\nstrategies:"),),
            "line 12, scoring.published.adl2021: unknown key 'adl2021'; did you mean 'adl2022'",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: none -> prompt}\nstrategies:"),),
            "line 12, scoring.arg_baseline: 'none -> prompt' is not a strategy of this study; did you mean",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: same algorithm}\nstrategies:"),),
            "'same algorithm' compares 'mtl[plm+adapter] -> adapter' with the PLM primed and tuned in full, "
            "of which there are 0; add one such as 'mtl[plm] -> plm' to strategies",
        ),
        (
            (
                *with_strategy("maml[plm | plm x1] -> plm", f"  maml: {{{RATES}, inner_{RATES}}}\n"),
                (
                    "strategies:",
                    "scoring: {arg_baseline: same algorithm}\nstrategies:\n  - maml[plm | plm x2] -> plm\n"
                    "  - maml[plm | plm x3] -> adapter",
                ),
            ),
            "there are 2; keep one of 'maml[plm | plm x2] -> plm', 'maml[plm | plm x1] -> plm'",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: chance, metric: macro_f1_free}\nstrategies:"),),
            "scoring.arg_baseline: 'chance' is a fraction of correct rows, but scoring.metric is 'macro_f1_free'; "
            "allowed with: accuracy, exact_match",
        ),
        (
            (("strategies:", "scoring: {arg_plm: tin}\nstrategies:"),),
            "line 12, scoring.arg_plm: 'tin' is not a PLM of this study; did you mean 'tiny'?; allowed: tiny",
        ),
        (
            (("strategies:", "scoring: {arg_plm: tiny, arg_baseline: majority}\nstrategies:"),),
            "line 12, scoring.arg_plm: 'majority' does not depend on a PLM; remove this",
        ),
        (
            (("strategies:", "scoring: {arg_plm: tiny}\nstrategies:"), ("  - none -> plm\n", "")),
            "line 12, scoring.arg_plm: the study has no ARG baseline (scoring.arg_baseline: none); remove this, "
            "or set a baseline",
        ),
        (
            (("strategies:", "scoring: {arg_baseline: none -> plm}\nstrategies:"), ("  - none -> plm\n", "")),
            "line 12, scoring.arg_baseline: 'none -> plm' is not a strategy of this study",
        ),
        (
            (("strategies:", "figures: {tasks: {strategies: [none -> prefix]}}\nstrategies:"),),
            "line 12, figures.tasks.strategies[0]: 'none -> prefix' is not a strategy of this study",
        ),
        (
            (("strategies:", "figures: {compute: {strategies: [none -> plm]}}\nstrategies:"),),
            "line 12, figures.compute.strategies[0]: 'none -> plm' is un-primed; allowed: primed strategies",
        ),
        (
            (
                (LAST, f"{LAST}  - mtl[plm] -> nothing\n"),
                ("strategies:", "figures: {convergence: {strategies: ['mtl[plm] -> nothing']}}\nstrategies:"),
            ),
            "figures.convergence.strategies[0]: 'mtl[plm] -> nothing' tunes nothing, so it has no curve; leave it out",
        ),
    ],
)
def test_names_a_contradiction(changed: Changed, changes: tuple[tuple[str, str], ...], expected: str) -> None:
    assert expected in problem(changed(*changes))


def test_a_study_that_is_made_in_python_is_checked_too(study_file: Path) -> None:
    settings = load_study(study_file).model_dump()
    with pytest.raises(ValidationError, match="scoring.decoder: 'greedy' selects but is not reported"):
        Study.model_validate({**settings, "scoring": {"decoder": "greedy", "decoders": ["ranking"]}})
