"""What a tuned strategy gets wrong on a task, beside its un-primed twin: confusion, classes, examples, curves."""

from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

from priming.errors import DataError, StudyError, nearest
from priming.inspection.answered_rows import Cell, read_cell
from priming.inspection.page import Facts, Note, Page, Table
from priming.result_files import read_json
from priming.strategies import Strategy
from priming.study import Study, paths
from priming.study.load import load_study
from priming.study.paths import root
from priming.study.plm import Member

LONGEST = 100
"""Characters of a text that are shown; JSON has all."""
WIDEST = 12
"""Classes that a confusion matrix has at most: those with the most answers."""


def mistakes(study_file: Path, strategy: str, task: str, plm: str | None, number: int) -> Page:
    """The page of a strategy on a task, with `number` examples of each kind; a figure of its curves is drawn.

    Raises:
        StudyError: the study has no such strategy, task or PLM.
        DataError: the cell has no answers yet.
    """
    from priming.inspection.curves import draw

    study = load_study(study_file)
    member, wanted = _member(study, plm), _strategy(study, strategy)
    if task not in study.tasks.target:
        raise StudyError(f"{task!r} is no target task of {study_file}{nearest(task, study.tasks.target)}")
    ours = read_cell(study, member, wanted, task)
    if ours is None:
        raise DataError(f"{strategy} on {task} has no answers yet, or all its runs failed; see priming status")
    has_twin = wanted.priming is not None and wanted.twin in study.strategies_of(member.plm)
    twin = read_cell(study, member, wanted.twin, task) if has_twin else None
    figure = Path("work", study.name, "errors", member.name, wanted.slug, f"{task}.svg")
    draw([ours, *([twin] if twin else [])], figure)
    tables = [_scores(study, member, ours, twin), *_confusion(ours), _classes(ours, twin)]
    examples = [_examples(title, rows, ours, twin) for title, rows in _chosen(ours, twin, number).items()]
    about = [("strategy", str(wanted)), ("twin", str(twin.strategy) if twin else "none"), ("task", task)]
    about += [("PLM", member.name), ("runs", f"{len(ours.runs)} (seeds x samples)"), ("answers by", ours.decoder)]
    about += [("curves", str(figure))]
    return Page([Facts("", about), *tables, *examples, *_nothing_wrong(ours)], _data(ours, twin, figure))


def _strategy(study: Study, text: str) -> Strategy:
    named = {str(strategy): strategy for strategy in study.parsed_strategies}
    named |= {strategy.slug: strategy for strategy in study.parsed_strategies}
    plain = {name.replace(" ", ""): strategy for name, strategy in named.items()}
    found = plain.get(text.replace(" ", ""))
    if found is None:
        allowed = [str(strategy) for strategy in study.parsed_strategies]
        raise StudyError(f"{text!r} is no strategy of the study{nearest(text, allowed)}; allowed: {'; '.join(allowed)}")
    return found


def _member(study: Study, plm: str | None) -> Member:
    found = [member for member in study.members if plm in (None, member.name, member.plm)]
    if not found:
        names = [member.name for member in study.members]
        raise StudyError(f"--plm {plm}: no PLM of the study{nearest(str(plm), names)}; allowed: {', '.join(names)}")
    return found[0]


def _scores(study: Study, member: Member, ours: Cell, twin: Cell | None) -> Table:
    """Mean test scores over the runs."""
    own, other = (_means(study, member, cell) for cell in (ours, twin))
    rows = [
        [
            decoder,
            metric,
            f"{score:.3f}",
            *([f"{other[key]:.3f}", f"{score - other[key]:+.3f}"] if key in other else []),
        ]
        for key, score in own.items()
        for decoder, metric in [key]
    ]
    heads = ["decoder", "metric", "score", *(["twin", "difference"] if twin else [])]
    return Table("Scores", heads, [row + [""] * (len(heads) - len(row)) for row in rows])


def _means(study: Study, member: Member, cell: Cell | None) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], list[float]] = {}
    for run in cell.runs if cell else ():
        place = paths.scored(member, cell.strategy, run["seed"], run["task"]) if cell else ""
        file = Path(root(study), place, f"{paths.sample(run['sample'])}.json")
        for decoder, scores in ((file.is_file() and read_json(file)["test"]) or {}).items():
            for metric, score in scores.items():
                if score is not None:
                    found.setdefault((decoder, metric), []).append(score)
    return {key: fmean(scores) for key, scores in found.items()}


def _confusion(cell: Cell) -> list[Table]:
    """Answers by the right class, in rows, and the given one, in columns; rare classes are left out."""
    counts = Counter(cell.pairs)
    if not counts:
        return []
    sums = Counter({name: sum(n for pair, n in counts.items() if name in pair) for pair in counts for name in pair})
    kept = {name for name, _ in sums.most_common(WIDEST)}
    order = [name for name in _order(cell, sums) if name in kept]
    right = [name for name in order if any(pair[0] == name for pair in counts)]
    rows = [[name, *(str(counts[name, given]) for given in order)] for name in right]
    more = f", the {WIDEST} most frequent classes" if len(sums) > WIDEST else ""
    return [Table(f"Confusion (rows: right, columns: answered{more})", ["", *order], rows)]


def _order(cell: Cell, names: Counter[str]) -> list[str]:
    known = [label for label in cell.task.labels or () if label in names]
    return [*known, *sorted(name for name in names if name not in known)]


def per_class(cell: Cell) -> dict[str, tuple[float, float, float, int]]:
    """Precision, recall, F1 and number of right answers wanted, of each class."""
    counts = Counter(cell.pairs)
    found = {}
    for name in _order(cell, Counter(right for right, _ in counts)):
        hit = counts[name, name]
        wanted = sum(n for (right, _), n in counts.items() if right == name)
        given = sum(n for (_, answer), n in counts.items() if answer == name)
        precision, recall = hit / given if given else 0.0, hit / wanted
        found[name] = (precision, recall, 2 * hit / (given + wanted), wanted)
    return found


def _classes(ours: Cell, twin: Cell | None) -> Table:
    others = per_class(twin) if twin else {}
    heads = ["class", "precision", "recall", "F1", "answers", *(["F1 of twin"] if twin else [])]
    rows = [
        [name, *(f"{value:.3f}" for value in values[:3]), str(values[3]),
         *([f"{others[name][2]:.3f}" if name in others else ""] if twin else [])]
        for name, values in per_class(ours).items()
    ]  # fmt: skip
    return Table("By class", heads, rows)


def _chosen(ours: Cell, twin: Cell | None, number: int) -> dict[str, list[str]]:
    """The rows to show, by title: what both get wrong, and what one alone does, most frequent mistakes first."""
    wrong = [key for key, row in ours.rows.items() if row.right < 1]
    wrong.sort(key=lambda key: ours.rows[key].right)
    if twin is None:
        return {"Wrong": wrong[:number]}
    theirs = {key: twin.rows[key].right for key in ours.rows if key in twin.rows}
    lost = [key for key in wrong if theirs.get(key, 0.0) > ours.rows[key].right]
    won = [key for key, row in ours.rows.items() if key in theirs and row.right > theirs[key]]
    lost.sort(key=lambda key: ours.rows[key].right - theirs[key])
    won.sort(key=lambda key: theirs[key] - ours.rows[key].right)
    rest = [key for key in wrong if key not in set(lost)]
    titles = {"Wrong, more often than the twin": lost, "Wrong, no more often than the twin": rest}
    titles["Right more often than the twin"] = won
    return {title: keys[:number] for title, keys in titles.items()}


def _examples(title: str, keys: list[str], ours: Cell, twin: Cell | None) -> Table:
    heads = ["input", "right", "answered", "right in", *(["twin answered", "right in"] if twin else [])]
    rows = []
    for key in keys:
        row, cells = ours.rows[key], [ours, *([twin] if twin else [])]
        told = [part for cell in cells for part in _told(cell, key)]
        texts = (row.example.input, " | ".join(row.example.targets), *told)
        rows.append([_short(text) for text in texts])
    return Table(title, heads, rows)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _told(cell: Cell, key: str) -> tuple[str, str]:
    """The usual answer to a row, and in how many runs it was right."""
    if (row := cell.rows.get(key)) is None:
        return "", ""
    return row.usual, f"{round(row.right * len(row.answers))} of {len(row.answers)}"


def _nothing_wrong(ours: Cell) -> list[Note]:
    right = all(row.right == 1 for row in ours.rows.values())
    return [Note("Every answer is right.")] if right else []


def _data(ours: Cell, twin: Cell | None, figure: Path) -> dict[str, Any]:
    """The same for scripts, with every row."""
    counts: dict[str, dict[str, int]] = {}
    for right, given in ours.pairs:
        counts.setdefault(right, {})[given] = counts.setdefault(right, {}).get(given, 0) + 1
    names = ("precision", "recall", "f1", "answers")
    rows = [
        {
            "input": row.example.input,
            "targets": list(row.example.targets),
            "answers": row.answers,
            "twin": twin.rows[key].answers if twin and key in twin.rows else None,
        }
        for key, row in ours.rows.items()
    ]
    return {
        "strategy": str(ours.strategy),
        "twin": str(twin.strategy) if twin else None,
        "task": ours.task.name,
        "decoder": ours.decoder,
        "confusion": counts,
        "classes": {name: dict(zip(names, values, strict=True)) for name, values in per_class(ours).items()},
        "rows": rows,
        "curves": str(figure),
    }
