"""The front page of the report, as reStructuredText: the question, the settings, the answer in numbers."""

from collections.abc import Iterator

import pandas as pd

from priming.protocol.draws.table import DRAWS
from priming.reporting import wording
from priming.reporting.answer import count_clear, gain, gains
from priming.reporting.collect import Row
from priming.reporting.group_arg import above_chance
from priming.reporting.groups import group_sentences
from priming.reporting.restructured import heading, list_table, literal, paragraphs, plain, title
from priming.study import Study
from priming.study.plm import Plm
from priming.study.tasks import Tasks

Frames = dict[str, pd.DataFrame]


def front_page(study: Study, frames: Frames) -> str:
    """The whole page; `frames` are the CSV tables by their names."""
    parts = [
        *title(study.title if study.title.strip() else f"Study {study.name}"),
        "",
        *_question(study),
        *heading("Answer"),
        *_answer(study, frames),
        *group_sentences(study, frames),
    ]
    parts += [*heading("Settings"), *_settings(study), *heading("Runs without a score"), *_missing(frames)]
    return "\n".join(parts) + "\n"


def _question(study: Study) -> list[str]:
    return paragraphs(study.question) or ["Which way of priming makes parameter-efficient tuning work best?"]


def _answer(study: Study, frames: Frames) -> Iterator[str]:
    """For each PLM and downstream element, the strategy with the best dev score; then every gain over a twin."""
    spread = f"± the {wording.deviation(study)} over crossed pairs of seed and sample"
    spread = f"± the {wording.deviation(study)} over crossed pairs of seed and sample"
    yield f"Scores are {wording.selecting_score(study)}, means over {wording.size(study)}, {spread}."
    yield ""
    for plm in study.plms:
        rows = frames["strategies"][frames["strategies"]["plm"] == plm]
        effects = {
            row["strategy"]: row for row in frames["effects"][frames["effects"]["plm"] == plm].to_dict("records")
        }
        for downstream, group in rows.groupby("downstream", sort=False):
            yield f"- Tuning {literal(str(downstream))} of {plain(plm)}: {_best(group, effects)}"
        yield f"- {_above_majority(plm, frames)}"
        if "arg_of_groups" in frames:
            yield from (f"- {sentence}" for sentence in above_chance(frames, plm))
    yield ""
    yield from gains(frames)


def _above_majority(plm: str, frames: Frames) -> str:
    """The number of a PLM's cells that score above always giving the most frequent label, or that none does."""
    cells, majority = frames["per_task"], frames["majority"].set_index("task")["score"]
    known = cells[(cells["plm"] == plm) & cells["task"].isin(majority.index)].dropna(subset=["mean"])
    above = int((known["mean"].astype(float) > known["task"].map(majority).astype(float)).sum())
    line = "always giving the most frequent label of the test set"
    if not above:
        return f"**No cell of {plain(plm)} scores above {line}**: nothing here shows that it learnt a task."
    return f"{above} of {wording.plural(len(known), 'cell')} (strategy x task) of {plain(plm)} score above {line}."


def _best(group: pd.DataFrame, effects: dict[str, Row]) -> str:
    """The strategy of a group with the best dev score, its test score and gain, and how many primings help or hurt."""
    if group["mean"].isna().all():
        return "no strategy has a score."
    if group["dev"].isna().all():
        return "there is no dev score to choose a strategy by." + _clear(group, effects)
    best = group.loc[group["dev"].idxmax()]
    text = (
        f"{literal(best['strategy'])} has the best dev score; "
        f"on the test set {wording.mean_deviation(best['mean'], best['deviation'])}"
    )
    if best["strategy"] in effects:
        text += f", {gain(effects[best['strategy']])} over its twin"
    return text + "." + _clear(group.dropna(subset=["dev"]), effects)


def _clear(group: pd.DataFrame, effects: dict[str, Row]) -> str:
    return count_clear([effects[name] for name in group["strategy"] if name in effects])


def _settings(study: Study) -> Iterator[str]:
    settings = {
        "PLM": ", ".join(map(_plm, study.plms, study.plms.values())),
        "Source tasks": str(len(study.tasks.source)),
        "Development tasks": ", ".join(study.tasks.development) or "none",
        "Target tasks": ", ".join(study.tasks.target),
        "Shots": _shots(study.tasks),
        "Samples": ", ".join(map(str, study.tasks.samples)),
        "Priming seeds": ", ".join(map(str, study.seeds)),
        "Strategies": str(len(study.strategies)),
        "Tuning": _tuning(study),
        "Score": wording.selecting_score(study),
    }
    arg = literal(wording.baseline(study)) if study.scoring.has_arg else f"none. {wording.NO_ARG}"
    yield from list_table([*([key, plain(value)] for key, value in settings.items()), ["ARG baseline", arg]])


def _shots(tasks: Tasks) -> str:
    """How many examples train, and where development sets are from, if they are not drawn beside them."""
    text = f"{tasks.shots} a class, {tasks.shots_in_all} in all for text-to-text tasks"
    if tasks.draw:
        draw = DRAWS[tasks.draw]
        text = draw.said.format(getattr(tasks, draw.size_key) if draw.size_key else "")
    changed = tasks.settings({"dev_set", "duplicates"})
    return "; ".join([text, *(f"{key.replace('_', ' ')}: {value}" for key, value in changed.items())])


def _tuning(study: Study) -> str:
    """How long tunings last, what else is not as usual, and when they are evaluated."""
    tuning = study.tuning
    changed = (f"{key}: {value}" for key, value in tuning.settings({"keep", "optimizer"}).items())
    text = "; ".join([" or ".join(map(str, tuning.lengths)), *changed])
    return f"{text}, dev score every {tuning.evaluate_every} steps" if study.tasks.develops else text


def _plm(name: str, plm: Plm) -> str:
    seeds = [f"pretraining seeds {', '.join(map(str, plm.seeds))}"] if plm.seeds else []
    said = [*seeds, *(f"{key.replace('_', ' ')}: {value}" for key, value in plm.settings({"end_tokens"}).items())]
    return f"{name} ({'; '.join(said)})" if said else name


def _missing(frames: Frames) -> Iterator[str]:
    failures = frames["failures"]
    if failures.empty:
        yield "None: every run has a score."
        return
    for (plm, strategy, status), runs in failures.groupby(["plm", "strategy", "status"], sort=False):
        tasks = wording.plural(runs["task"].nunique(), "task")
        first = literal(runs["reason"].iloc[0])
        yield (
            f"- {literal(strategy)} of {plain(plm)}: {wording.plural(len(runs), 'run')} {status} on {tasks}; "
            f"first reason: {first}"
        )
