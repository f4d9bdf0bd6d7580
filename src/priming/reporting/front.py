"""The front page of the report, as reStructuredText: the question, the settings, the answer in numbers."""

from collections.abc import Iterator

import pandas as pd

from priming.reporting import wording
from priming.reporting.answer import count_clear, gain, gains
from priming.reporting.collect import Row
from priming.reporting.groups import group_sentences
from priming.reporting.restructured import heading, list_table, literal
from priming.study import Study
from priming.study.plm import Plm

Frames = dict[str, pd.DataFrame]


def front_page(study: Study, frames: Frames) -> str:
    """The whole page; `frames` are the CSV tables by their names."""
    title = study.title or f"Study {study.name}"
    parts = [title, "=" * len(title), "", *_question(study), *heading("Answer"), *_answer(study, frames), *group_sentences(study, frames)]
    parts += [*heading("Settings"), *_settings(study), *heading("Runs without a score"), *_missing(frames)]
    return "\n".join(parts) + "\n"


def _question(study: Study) -> list[str]:
    return [study.question] if study.question else ["Which way of priming makes parameter-efficient tuning work best?"]


def _answer(study: Study, frames: Frames) -> Iterator[str]:
    """For each PLM and downstream element the strategy that the dev scores prefer; then every gain over a twin."""
    spread = f"± the {wording.deviation(study)} over crossed pairs of seed and sample"
    spread = f"± the {wording.deviation(study)} over crossed pairs of seed and sample"
    yield f"Scores are {wording.selecting_score(study)}, means over {wording.size(study)}, {spread}."
    yield ""
    for plm in study.plms:
        rows = frames["strategies"][frames["strategies"]["plm"] == plm]
        effects = {row["strategy"]: row for row in frames["effects"][frames["effects"]["plm"] == plm].to_dict("records")}
        for downstream, group in rows.groupby("downstream", sort=False):
            yield f"- Tuning {literal(str(downstream))} of {plm}: {_best(group.dropna(subset=['dev']), effects)}"
        yield f"- {_above_majority(plm, frames)}"
    yield ""
    yield from gains(frames)


def _above_majority(plm: str, frames: Frames) -> str:
    """How many cells of a PLM score above always giving the commonest label, or that none does."""
    cells, majority = frames["per_task"], frames["majority"].set_index("task")["score"]
    known = cells[(cells["plm"] == plm) & cells["task"].isin(majority.index)].dropna(subset=["mean"])
    above = int((known["mean"].astype(float) > known["task"].map(majority).astype(float)).sum())
    line = "always giving the most frequent label of the test set"
    if not above:
        return f"**No cell of {plm} scores above {line}**: nothing here shows that it learnt a task."
    return f"{above} of {wording.plural(len(known), 'cell')} (strategy x task) of {plm} score above {line}."


def _best(group: pd.DataFrame, effects: dict[str, Row]) -> str:
    """The strategy of a group with the best dev score, its test score and gain, and how many primings help or hurt."""
    if group.empty:
        return "no strategy has a score."
    best = group.loc[group["dev"].idxmax()]
    text = f"{literal(best['strategy'])} has the best dev score; on the test set {wording.mean_deviation(best['mean'], best['deviation'])}"
    if best["strategy"] in effects:
        text += f", {gain(effects[best['strategy']])} over its twin"
    return text + "." + count_clear([effects[name] for name in group["strategy"] if name in effects])


def _settings(study: Study) -> Iterator[str]:
    settings = {
        "PLM": ", ".join(map(_plm, study.plms, study.plms.values())),
        "Source tasks": str(len(study.tasks.source)),
        "Development tasks": ", ".join(study.tasks.development) or "none",
        "Target tasks": ", ".join(study.tasks.target),
        "Shots": f"{study.tasks.shots} a class, {study.tasks.shots_in_all} in all for text-to-text tasks",
        "Samples": ", ".join(map(str, study.tasks.samples)),
        "Priming seeds": ", ".join(map(str, study.seeds)),
        "Strategies": str(len(study.strategies)),
        "Tuning": f"{study.tuning.steps} steps, dev score every {study.tuning.evaluate_every} steps",
        "Score": wording.selecting_score(study),
        "ARG baseline": literal(wording.baseline(study)),
    }
    yield from list_table([[key, value] for key, value in settings.items()])


def _plm(name: str, plm: Plm) -> str:
    return f"{name} (pretraining seeds {', '.join(map(str, plm.seeds))})" if plm.seeds else name


def _missing(frames: Frames) -> Iterator[str]:
    failures = frames["failures"]
    if failures.empty:
        yield "None: every run has a score."
        return
    for (plm, strategy, status), runs in failures.groupby(["plm", "strategy", "status"], sort=False):
        tasks = wording.plural(runs["task"].nunique(), "task")
        first = literal(runs["reason"].iloc[0])
        yield f"- {literal(strategy)} of {plm}: {wording.plural(len(runs), 'run')} {status} on {tasks}; first reason: {first}"
