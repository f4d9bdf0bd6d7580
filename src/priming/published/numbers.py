"""Published numbers in terms of a study: each corresponds to a strategy, and can be shown beside its result.

A paper has several sets of numbers, one for each PLM or partition; a study names the set to show beside each of its
PLMs (`scoring.published`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from priming.published.sheets import Row, sheet


class Way(NamedTuple):
    """A strategy as described in papers: elements, primed by an algorithm and then tuned.

    `primed` is what priming trains and what it moves inside, as a strategy has it, where that is not what is tuned.
    """

    algorithm: str
    element: str
    primed: str = ""

    def __str__(self) -> str:
        if self.algorithm == "none":
            return f"none -> {self.element}"
        return f"{self.algorithm}[{self.primed or self.element}] -> {self.element}"


@dataclass(frozen=True)
class Number:
    """A score of a task, between 0 and 1; or, with a baseline, the average relative gain (ARG) over it, in percent.

    `baseline` is the set and the strategy that gains are over; `certainty` says how well the number is known, `table`
    where it is printed. Without a task the score is the mean over the tasks of `over`. `over_chance` is for an ARG over
    guessing, of groups of tasks.
    """

    lot: str
    way: Way
    value: float
    certainty: str
    task: str = ""
    metric: str = ""
    baseline: tuple[str, Way] | None = None
    table: str = ""
    over: tuple[str, ...] = ()
    over_chance: bool = False


class Claim(NamedTuple):
    """What a paper says of two of its methods: that the first is better."""

    better: Way
    worse: Way
    said: str


def numbers(paper: str, lot: str) -> list[Number]:
    """The numbers in one of a paper's sets; raises KeyError for a paper that has none in this form."""
    return [number for number in PAPERS[paper]() if number.lot == lot]


def lots(paper: str) -> list[str]:
    """The PLMs or partitions for which a paper has numbers."""
    return list(dict.fromkeys(number.lot for number in PAPERS[paper]()))


def report() -> Iterator[Number]:
    """The course report: scores read off bars, and ARG over the BART primed and tuned in full by the same algorithm."""
    for row in sheet("adl2022_scores").rows:
        way = _way(row)
        for task in task_columns(row):
            metric = "accuracy" if task == "superglue-cb" else "macro-F1"
            yield Number(row["plm"], way, float(row[task]), "read off a bar, to 0.006", task, metric)
    for row in sheet("adl2022_arg").rows:
        baseline = ("BART", Way(row["algorithm"].lower(), "plm"))
        yield Number(
            row["plm"],
            _way(row),
            float(row["arg_percent"]),
            _report_certainty(row),
            baseline=baseline,
            table=row["table"],
        )


def crossfit() -> Iterator[Number]:
    """CrossFit: ARG of each partition over direct tuning of the whole PLM, and scores on `random` as copied later."""
    for row in sheet("ye2021_arg").rows:
        certainty = "from memory, not confirmed" if row["confirmed"] == "no" else f"confirmed {row['confirmed']}"
        way = Way(row["algorithm"].lower(), "plm")
        yield Number(
            row["partition"], way, float(row["arg_percent"]), certainty, baseline=(row["partition"], Way("none", "plm"))
        )
    for row in sheet("ponti2022_random").rows:
        if row["metric"]:
            certainty = "as copied by Ponti et al. (2022); algorithm presumed"
            yield Number("random", Way("mtl", "plm"), float(row["Ye21"]) / 100, certainty, row["task"], row["metric"])


_ALGORITHM_1, _LOOP = "plm+adapter | adapter+head x5", "plm+adapter | plm+adapter+head x5"
SETTINGS = {
    "1": Way("none", "plm+head"),
    "2": Way("none", "head"),
    "3": Way("none", "adapter+head"),
    "4": Way("fomaml", "adapter+head", _ALGORITHM_1),
    "5": Way("mtl", "adapter+head", "plm+adapter+head"),
    "6": Way("fomaml", "adapter+head", _LOOP),
    "7": Way("fomaml", "adapter+head", "plm+adapter | adapter+head x1"),
    "8": Way("fomaml", "plm+adapter+head", _ALGORITHM_1),
    "9": Way("fomaml", "plm+adapter+head", _LOOP),
}
"""Those of the study of cross-lingual NER, by its numbers; 8 and 9 are the bars of its Figure 3."""


def entities() -> Iterator[Number]:
    """Cross-lingual NER: F1 of settings 1 to 7 by language, and the means of 8 and 9, of which no more is printed."""
    rows = sheet("gheini2022_table1").rows
    languages = tuple(column for column in rows[0] if column not in ("setting", "name"))
    for row in rows:
        for language in languages:
            yield Number(
                "mBERT",
                SETTINGS[row["setting"]],
                float(row[language]) / 100,
                "printed in Table 1",
                language,
                "entity F1",
            )
    tuned_in_full = {"PE": SETTINGS["8"], "Full": SETTINGS["9"]}
    for row in sheet("gheini2022_matrix").rows:
        if row["fine_tuning"] == "Full":
            yield Number(
                "mBERT",
                tuned_in_full[row["inner_loop"]],
                float(row["mean_f1"]) / 100,
                "a mean printed in Figure 4",
                metric="entity F1",
                over=languages,
            )


_PROMPTS = {"shallow": "prompt", "deep": "prefix"}
NOTHING = "nothing"
"""What is tuned without shots."""


def keeping(tuned: str, kept: str) -> str:
    """What is tuned while other elements stay in place as priming left them."""
    return f"{tuned} (with {kept})"


def _of_prompts(method: str, prompt: str, shots: str) -> Way | None:
    """A row of Table 1 in one of its settings; None for the official T0, which is another PLM.

    Without shots, a prompt that was primed stays in place.
    """
    element = _PROMPTS[prompt]
    primed = {
        "MTL-T{frozen}P{trained}": ("mtl", element),
        "MTL-T{trained}P{absent}": ("mtl", "plm"),
        "MTL-T{trained}P{trained}": ("mtl", f"plm+{element}"),
        "FOMAML": ("fomaml", f"plm+{element} | {element} x7"),
        "Reptile": ("reptile", f"plm+{element} | {element} x7"),
    }
    if method != "none" and method not in primed:
        return None
    algorithm, moved = primed.get(method, ("none", ""))
    untuned = keeping(NOTHING, element) if element in moved else NOTHING
    tuned = untuned if shots == "0" else element
    return Way(algorithm, tuned, "" if moved == tuned else moved)


def promptability() -> Iterator[Number]:
    """Continued pretraining for promptability: ARG over chance of each method, prompt and number of shots.

    Without shots and without a learned prompt there is one number for both kinds of prompt.
    """
    seen = set()
    for row in sheet("wu2022_table1").rows:
        official = row["method"].endswith("official T0")
        way = _of_prompts("none" if official else row["method"], row["prompt"], row["shots"])
        lot = "T0-3B" if official else row["model"]
        if way and (lot, way) not in seen:
            seen.add((lot, way))
            table = "Table 1"
            yield Number(lot, way, float(row["arg"]), f"printed in {table}", table=table, over_chance=True)


def _prompt_claims() -> Iterator[Claim]:
    """What the paper says of the rows of Table 1, in each setting."""
    both, absent = "MTL-T{trained}P{trained}", "MTL-T{trained}P{absent}"
    for prompt, shots in (("shallow", "0"), ("shallow", "16"), ("deep", "0"), ("deep", "16")):
        setting = f"{prompt} prompt, {shots} shots"
        ways = {
            name: _of_prompts(name, prompt, shots)
            for name in (both, absent, "MTL-T{frozen}P{trained}", "FOMAML", "Reptile", "none")
        }
        best = ways.pop(both)
        for name, way in ways.items():
            if best and way:
                yield Claim(best, way, f"{both} above {name}: {setting}")
    for better, worse, shots in (("shallow", "deep", "0"), ("deep", "shallow", "16")):
        pair = _of_prompts(both, better, shots), _of_prompts(both, worse, shots)
        if pair[0] and pair[1]:
            yield Claim(pair[0], pair[1], f"{better} above {worse} prompts: {both}, {shots} shots")
    without, tuned = _of_prompts(absent, "shallow", "0"), _of_prompts(absent, "shallow", "16")
    if without and tuned:
        yield Claim(without, tuned, f"tuning a shallow prompt hurts {absent}")


def _claim(better: str, worse: str, said: str) -> Claim:
    return Claim(SETTINGS[better], SETTINGS[worse], f"{better} above {worse}: {said}")


_ABOVE_ALL = "full tuning is above all that tunes few parameters"
CLAIMS: dict[str, list[Claim]] = {
    "gheini2022": [
        _claim("4", "3", "priming helps in every language, by 2.05 to 5.08"),
        *(_claim("4", other, "knowing what will be tuned is best") for other in "567"),
        *(_claim("1", other, _ABOVE_ALL) for other in "234567"),
        *(_claim(other, "2", "the head alone is lowest") for other in "34567"),
        _claim("9", "8", "tuned in full, the loop that moves all is better, but for lt and et (Figure 3)"),
        *(_claim(other, "1", "primed is better, tuned in full (Figure 3)") for other in "89"),
    ]
}
"""What papers say of their methods, checked in a study that has both."""

NOTES = {
    "gheini2022": (
        "Of adapter and head the paper says that they are 0.4 % of the parameters; by shape they are 0.059 % of mBERT. "
        "The cause is not known: with BERT's pooler it would be 0.39 %, but nothing in the paper supports that."
    )
}
"""What to know of a paper's numbers, beside them."""

ARG_CLAIMS: dict[str, list[Claim]] = {"wu2022": list(_prompt_claims())}
"""The same of differences in ARG over chance."""

PAPERS: dict[str, Callable[[], Iterator[Number]]] = {
    "adl2022": report,
    "ye2021": crossfit,
    "gheini2022": entities,
    "wu2022": promptability,
}


def task_columns(row: Row) -> list[str]:
    """The tasks of a row of the report's scores, in its order."""
    return [column for column in row if column not in ("algorithm", "plm", "element")]


def _way(row: Row) -> Way:
    return Way(row["algorithm"].lower(), row["element"])


def _report_certainty(row: Row) -> str:
    swapped = row["algorithm"] == "MAML" and row["table"] == "Table 2"
    return f"printed in {row['table']}" + (", where the two MAML rows are swapped" if swapped else "")
