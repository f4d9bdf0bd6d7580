"""Formatted tables: aligned Markdown, and LaTeX with booktabs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pandas as pd

from priming.blocks import HTML_HEAD, LATEX_NEEDS, Block
from priming.protocol.keeping.table import KEEPINGS
from priming.reporting import wording
from priming.reporting.answer import gain as gain_text
from priming.reporting.claims import claim_blocks
from priming.reporting.collect import Row
from priming.reporting.comparisons import comparison_blocks
from priming.reporting.effect_blocks import effects_blocks, intervals
from priming.reporting.group_arg import group_arg_blocks
from priming.reporting.groups import group_blocks
from priming.reporting.matrix import grid_points, matrix
from priming.reporting.parts import part_blocks
from priming.reporting.published import published_blocks
from priming.study import Study
from priming.study.baselines import SAME_ALGORITHM

TASKS_A_TABLE = 6
START_KEPT = "†"
"""Marks scores of untuned models, where no step was better than the start on the development set."""

Frames = dict[str, pd.DataFrame]


def reading_tables(study: Study, frames: Frames) -> dict[str, str]:
    """The text of each formatted file, by name: Markdown, LaTeX, and HTML for the report."""
    makers = {
        "summary": _summary,
        "matrix": matrix,
        "scores": _scores,
        "arg": _arg,
        "effects": effects_blocks,
        "groups": group_blocks,
        "grid": grid_points,
    }
    if "claims" in frames:
        makers["claims"] = claim_blocks
    if "arg_groups" in frames:
        makers["arg_groups"] = group_arg_blocks
    if "parts" in frames:
        makers["parts"] = part_blocks
    if study.scoring.compare:
        makers["comparisons"] = comparison_blocks
    made = {
        name: [block for plm in study.plms for block in maker(study, frames, plm)] for name, maker in makers.items()
    }
    if "published" in frames:
        made["published"] = list(published_blocks(study, frames))
    files = {"blocks.json": _as_json(study, [block for blocks in made.values() for block in blocks])}
    for name, blocks in ((name, blocks) for name, blocks in made.items() if blocks):
        files[f"{name}.md"] = "\n".join(block.markdown() for block in blocks)
        files[f"{name}.tex"] = LATEX_NEEDS + "\n".join(block.latex() for block in blocks)
        files[f"{name}.html"] = HTML_HEAD + "\n".join(block.html() for block in blocks)
    return files


def _as_json(study: Study, blocks: Sequence[Block]) -> str:
    """The tables as JSON, by label without the study's name."""
    named = {block.label.removeprefix(f"{study.name}-"): asdict(block) for block in blocks}
    return (
        json.dumps(
            {label: {key: value for key, value in block.items() if key != "label"} for label, block in named.items()},
            indent=1,
        )
        + "\n"
    )


def _summary(study: Study, frames: Frames, plm: str) -> Iterator[Block]:
    """One row per strategy: tuned fraction, scores by every decoder, ARG if there is one, gain over the twin, runs."""
    metric, arg, effects = study.scoring.metric, _rows(frames["arg"], plm), _rows(frames["effects"], plm)
    decoders = frames["by_decoder"]
    by_decoder = {
        d: _rows(decoders[(decoders["metric"] == metric) & (decoders["decoder"] == d)], plm)
        for d in study.scoring.decoders
    }
    rows = []
    for name, row in _rows(frames["strategies"], plm).items():
        means = [_score(by_decoder[d][name], row) for d in by_decoder]
        gain = gain_text(effects[name]) if name in effects else wording.NOTHING
        relative = [_arg_text(arg[name])] if study.scoring.has_arg else []
        rows.append([name, wording.percent(row["share"]), *means, *relative, gain, runs_text(row)])
    names = [wording.DECODER_NAMES[d] for d in by_decoder]
    header = ["strategy", "tuned", *names, *(["ARG, %"] if study.scoring.has_arg else []), "gain over twin", "runs"]
    about_arg = _left_out(arg) if study.scoring.has_arg else wording.NO_ARG
    note = f"{_selection(study)} {intervals()} {about_arg}".strip()
    yield Block(
        f"{study.name}-{plm}-summary", f"PLM {plm}: all strategies ({wording.setting(study)})", header, rows, note
    )


def _scores(study: Study, frames: Frames, plm: str) -> Iterator[Block]:
    """One row per strategy, one column per task, with several tasks per table."""
    frame = frames["per_task"]
    cells = {(row["strategy"], row["task"]): row for row in frame[frame["plm"] == plm].to_dict("records")}
    majority = dict(zip(frames["majority"]["task"], frames["majority"]["score"], strict=True))
    for first in range(0, len(study.tasks.target), TASKS_A_TABLE):
        tasks = study.tasks.target[first : first + TASKS_A_TABLE]
        rows = [[str(s), *(_cell(cells[str(s), task]) for task in tasks)] for s in study.strategies_of(plm)]
        if any(task in majority for task in tasks):
            rows.append(["majority class", *(wording.fixed(majority.get(task)) for task in tasks)])
        caption = f"PLM {plm}: scores of tasks {first + 1} to {first + len(tasks)} ({wording.setting(study)})"
        yield Block(
            f"{study.name}-{plm}-scores-{first // TASKS_A_TABLE + 1}",
            caption,
            ["strategy", *tasks],
            rows,
            _selection(study),
        )


def _arg(study: Study, frames: Frames, plm: str) -> Iterator[Block]:
    """One row per strategy; nothing if the study has no ARG baseline."""
    if not study.scoring.has_arg:
        return
    several = study.scoring.arg_baseline == SAME_ALGORITHM
    rows = [
        [
            name,
            *([row["baseline"]] if several else []),
            _arg_text(row),
            wording.signed(row["absolute_gain"]),
            str(row["tasks"]),
            row["interval"],
        ]
        for name, row in _rows(frames["arg"], plm).items()
    ]
    baseline = f"average relative gain over {wording.baseline(study)}"
    header = ["strategy", *(["baseline"] if several else []), "ARG, %", "absolute gain", "tasks", "interval"]
    note = f"{intervals()} {_left_out(_rows(frames['arg'], plm))}".strip()
    yield Block(f"{study.name}-{plm}-arg", f"PLM {plm}: {baseline} ({wording.setting(study)})", header, rows, note)


def _rows(frame: pd.DataFrame, plm: str) -> dict[str, Row]:
    """The rows of a PLM by strategy."""
    return {row["strategy"]: row for row in frame[frame["plm"] == plm].to_dict("records")}


def runs_text(row: Row) -> str:
    """`48/48`, or `44/48, 4 failed, 2 †` if two keep the untuned model."""
    gone = [
        f"{row[key]} {name}"
        for key, name in (("failed", "failed"), ("not_primed", "not primed"), ("kept_start", START_KEPT))
        if row[key]
    ]
    return ", ".join([f"{row['done']}/{row['done'] + row['failed'] + row['not_primed']}", *gone])


def _score(score: Row, strategy: Row) -> str:
    """Mean and deviation, or the reason that there are none."""
    if strategy["done"]:
        return wording.mean_deviation(score["mean"], score["deviation"])
    return "failed" if strategy["failed"] >= strategy["not_primed"] else "not primed"


def _cell(row: Row) -> str:
    """Mean and deviation of a cell; `*` if some runs are missing, the status if all are; `†` if some are untuned."""
    if not row["n"]:
        return str(row["status"])
    marks = ("" if row["status"] == "done" else "*") + (START_KEPT if row["kept_start"] else "")
    return wording.mean_deviation(row["mean"], row["deviation"]) + (f" {marks}" if marks else "")


def _arg_text(row: Row) -> str:
    return wording.gain_interval(row["arg_percent"], row["low"], row["high"], decimals=1)


def _selection(study: Study) -> str:
    chose = f"The dev score ({wording.selecting_score(study)}) chose {KEEPINGS[study.tuning.keep].chosen}"
    if not study.tasks.develops:
        chose = "There are no development sets: one point of the grid was tried"
    return (
        f"Mean ± {wording.deviation(study)} over crossed pairs of seed and sample. "
        f"{chose}; * some runs are missing; "
        f"{START_KEPT} in some runs no step was better than the start, so the untuned model is scored."
    )


def _left_out(arg: dict[str, Row]) -> str:
    """The tasks that ARG leaves out, with the strategies concerned."""
    left_out = {name: row["left_out"] for name, row in arg.items() if row["left_out"]}
    parts = [f"{tasks.replace(' ', ', ')} ({name})" for name, tasks in left_out.items()]
    return f"Left out of ARG, because the baseline scores 0: {'; '.join(parts)}." if parts else ""
