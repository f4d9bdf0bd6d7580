"""Formatting of numbers and settings, common to all tables, figures and texts."""

import pandas as pd

from priming.study import Study
from priming.study.baselines import MAJORITY, SAME_ALGORITHM

METRIC_NAMES = {
    "accuracy": "accuracy",
    "macro_f1_free": "macro-F1 over free strings",
    "macro_f1_labels": "macro-F1 over gold classes",
    "exact_match": "exact match",
    "qa_f1": "QA-F1",
    "rouge_l": "ROUGE-L",
    "matthews": "Matthews correlation",
    "pearson": "Pearson correlation",
    "entity_f1": "F1 of entities",
    "entity_f1_strict": "F1 of entities, strict",
    "task": "each task's own metric",
}
AXIS_NAMES = METRIC_NAMES | {
    "macro_f1_free": "macro-F1 (free)",
    "macro_f1_labels": "macro-F1 (gold)",
    "task": "score (own metrics)",
}
DECODER_NAMES = {"ranking": "label ranking", "greedy": "greedy decoding", "beam": "beam search"}
LEVEL = "95 %"
NOTHING = "-"
NO_ARG = "No average relative gain (ARG) is given: the study has no baseline for it (scoring.arg_baseline: none)."
_IN_FULL = "primed and tuned in full by the same algorithm"


def score_name(metric: str, decoder: str) -> str:
    """For example `accuracy, label ranking`."""
    return f"{METRIC_NAMES.get(metric, _spaced(metric))}, {DECODER_NAMES[decoder]}"


def axis_name(metric: str) -> str:
    """The name of a metric at an axis."""
    return AXIS_NAMES.get(metric, _spaced(metric))


def _spaced(metric: str) -> str:
    """The name of a metric of the user's own."""
    return metric.replace("_", " ")


def selecting_score(study: Study) -> str:
    """The name of the score used for selection and gains."""
    return score_name(study.scoring.metric, study.scoring.decoder)


def baseline(study: Study) -> str:
    """The baseline of ARG, or `none` without ARG.

    For example `none -> plm`, `none -> plm of bart`, or `bart primed and tuned in full by the same algorithm`.
    """
    scoring = study.scoring
    if scoring.arg_baseline == SAME_ALGORITHM:
        return f"{scoring.arg_plm or 'the PLM'} {_IN_FULL}"
    if scoring.arg_baseline == MAJORITY:
        return "the majority class"
    return f"{scoring.arg_baseline} of {scoring.arg_plm}" if scoring.arg_plm else scoring.arg_baseline


def setting(study: Study) -> str:
    """The score, the baseline of ARG and the size of a study, for captions."""
    over = f"ARG baseline {baseline(study)}" if study.scoring.has_arg else "no ARG baseline"
    return f"{selecting_score(study)}; {over}; {size(study)}"


def deviation(study: Study) -> str:
    """For example `standard deviation (n-1)`."""
    return "standard deviation (n-1)" if study.scoring.deviation == "sample" else "standard deviation (n)"


def size(study: Study) -> str:
    """For example `12 target tasks, 2 samples, 2 seeds`, or `12 target tasks, 3 PLMs x 3 priming seeds x 3 samples`."""
    tasks, samples = plural(len(study.tasks.target), "target task"), plural(len(study.tasks.samples), "sample")
    if any(plm.seeds for plm in study.plms.values()):
        return f"{tasks}, {_pretrained(study)} x {plural(len(study.seeds), 'priming seed')} x {samples}"
    return f"{tasks}, {samples}, {plural(len(study.seeds), 'seed')}"


def _pretrained(study: Study) -> str:
    """`3 PLMs`; for a study with several PLMs, `3 pretraining seeds`, or `1 to 3` of them."""
    numbers = sorted({len(study.members_of(plm)) for plm in study.plms})
    noun = "PLM" if len(study.plms) == 1 else "pretraining seed"
    return plural(numbers[0], noun) if len(numbers) == 1 else f"{numbers[0]} to {plural(numbers[-1], noun)}"


def runs_a_cell(study: Study) -> str:
    """The number of runs per cell, such as `4`; `4 or 12` if PLMs have different numbers of seeds."""
    numbers = sorted({len(study.primed_seeds(plm)) * len(study.tasks.samples) for plm in study.plms})
    return " or ".join(map(str, numbers))


def plural(number: int, noun: str) -> str:
    """For example `1 seed`, `2 seeds`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def fixed(value: float | None, decimals: int = 3) -> str:
    """`0.853`, or a dash for a missing number."""
    return NOTHING if _missing(value) else f"{_unsigned_zero(value, decimals):.{decimals}f}"


def signed(value: float | None, decimals: int = 3) -> str:
    """`+0.304`, or a dash for a missing number."""
    return NOTHING if _missing(value) else f"{_unsigned_zero(value, decimals):+.{decimals}f}"


def mean_deviation(mean: float | None, deviation: float | None) -> str:
    """`0.853 ± 0.021`; without the deviation for a single value."""
    return fixed(mean) if _missing(deviation) else f"{fixed(mean)} ± {fixed(deviation)}"


def gain_interval(gain: float | None, low: float | None, high: float | None, decimals: int = 3) -> str:
    """`+0.304 [+0.190, +0.410]`; without the brackets if there is no interval."""
    interval = "" if _missing(low) else f" [{signed(low, decimals)}, {signed(high, decimals)}]"
    return signed(gain, decimals) + interval


def p(value: float | None) -> str:
    """`0.012`, `<0.001`, or a dash if there is none."""
    return NOTHING if _missing(value) else "<0.001" if value < 0.0005 else f"{value:.3f}"  # type: ignore[operator]


def percent(share: float | None) -> str:
    """A fraction of parameters with three significant digits, `5.61 %`."""
    return NOTHING if _missing(share) else f"{100 * share:#.3g} %".replace(". ", " ")  # type: ignore[operator]


def _missing(value: float | None) -> bool:
    return bool(pd.isna(value))


def _unsigned_zero(value: float | None, decimals: int) -> float:
    return round(float(value), decimals) + 0.0  # type: ignore[arg-type]
