"""The front page of the report, as reStructuredText: the question, the settings, the answer in numbers."""

from collections.abc import Iterator

import pandas as pd

from priming.reporting import wording
from priming.reporting.collect import Row
from priming.study import Study
from priming.study.plm import Plm

Frames = dict[str, pd.DataFrame]


def front_page(study: Study, frames: Frames) -> str:
    """The whole page; `frames` are the CSV tables by their names."""
    title = study.title or f"Study {study.name}"
    parts = [title, "=" * len(title), "", *_question(study), *_heading("Answer"), *_answer(study, frames)]
    parts += [*_heading("Settings"), *_settings(study), *_heading("Runs without a score"), *_missing(frames)]
    return "\n".join(parts) + "\n"


def _heading(text: str) -> list[str]:
    return ["", text, "-" * len(text), ""]


def _question(study: Study) -> list[str]:
    return [study.question] if study.question else ["Which way of priming makes parameter-efficient tuning work best?"]


def _answer(study: Study, frames: Frames) -> Iterator[str]:
    """For each PLM and downstream element the strategy that the dev scores prefer; then every gain over a twin."""
    yield f"Scores are {wording.selecting_score(study)}, means over {wording.size(study)}."
    yield ""
    for plm in study.plms:
        rows = frames["strategies"][frames["strategies"]["plm"] == plm]
        effects = {row["strategy"]: row for row in frames["effects"][frames["effects"]["plm"] == plm].to_dict("records")}
        for downstream, group in rows.groupby("downstream", sort=False):
            yield f"- Tuning {_literal(str(downstream))} of {plm}: {_best(group.dropna(subset=['dev']), effects)}"
        yield f"- {_above_majority(plm, frames)}"
    yield ""
    yield from _effects(study, frames["effects"])


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
    text = f"{_literal(best['strategy'])} has the best dev score; on the test set {wording.mean_deviation(best['mean'], best['deviation'])}"
    if best["strategy"] in effects:
        text += f", {_gain(effects[best['strategy']])} over its twin"
    known = [effects[name] for name in group["strategy"] if name in effects and not pd.isna(effects[name]["low"])]
    above, below = sum(row["low"] > 0 for row in known), sum(row["high"] < 0 for row in known)
    return text + (f". Primed strategies clear of zero: {above} of {len(known)} gain, {below} lose." if known else ".")


def _effects(study: Study, effects: pd.DataFrame) -> Iterator[str]:
    """Every gain of priming as a table."""
    if effects.empty:
        yield "No strategy of this study is primed and has an un-primed twin."
        return
    yield f"Gains over the un-primed twin, paired by task, seed and sample; brackets hold {wording.LEVEL} intervals."
    yield ""
    rows = [["PLM", "strategy", "gain over twin", "tasks better", "interval"]]
    for row in effects.to_dict("records"):
        rows.append([row["plm"], _literal(row["strategy"]), _gain(row), f"{row['tasks_better']} of {row['tasks']}", row["interval"]])
    yield from _list_table(rows, header=True)


def _gain(effect: Row) -> str:
    return wording.gain_interval(effect["gain"], effect["low"], effect["high"])


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
        "ARG baseline": _literal(wording.baseline(study)),
    }
    yield from _list_table([[key, value] for key, value in settings.items()])


def _plm(name: str, plm: Plm) -> str:
    return f"{name} (pretraining seeds {', '.join(map(str, plm.seeds))})" if plm.seeds else name


def _list_table(rows: list[list[str]], *, header: bool = False) -> Iterator[str]:
    yield ".. list-table::"
    if header:
        yield "   :header-rows: 1"
    yield ""
    for row in rows:
        for n, cell in enumerate(row):
            yield f"   {'*' if n == 0 else ' '} - {cell}"


def _missing(frames: Frames) -> Iterator[str]:
    failures = frames["failures"]
    if failures.empty:
        yield "None: every run has a score."
        return
    for (plm, strategy, status), runs in failures.groupby(["plm", "strategy", "status"], sort=False):
        tasks = wording.plural(runs["task"].nunique(), "task")
        first = _literal(runs["reason"].iloc[0])
        yield f"- {_literal(strategy)} of {plm}: {wording.plural(len(runs), 'run')} {status} on {tasks}; first reason: {first}"


def _literal(text: str) -> str:
    """`text` as it is: a bar or an asterisk in it is no markup."""
    flat = " ".join(str(text).split()).replace("``", "''")
    return f"``{flat}``" if flat else "not given"
