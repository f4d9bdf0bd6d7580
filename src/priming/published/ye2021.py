"""CrossFit: ARG by partition, as far as known, and the scores of the partition random from a later paper."""

from statistics import mean

from priming.blocks import Block
from priming.published.checks import agree, noted, signed
from priming.published.sheets import sheet

ALGORITHMS = ("MTL", "MAML", "FoMAML", "Reptile")
SYSTEMS = ("Ye21", "shared", "private", "HyperFormer", "Skilled")
ROUNDING = 0.05


def blocks() -> list[Block]:
    """The partitions' ARG, marked by its confirmation, and the averages of the later table, printed and recomputed."""
    return [_partitions(), _random()]


def arg() -> dict[tuple[str, str], tuple[float, str]]:
    """ARG over direct tuning of the whole PLM in percent, by partition and algorithm, and its confirmation."""
    return {
        (row["partition"], row["algorithm"]): (float(row["arg_percent"]), row["confirmed"])
        for row in sheet("ye2021_arg").rows
    }


def averages() -> dict[str, tuple[float, float]]:
    """The average over the 20 tasks of each system, printed and recomputed, times 100."""
    rows = sheet("ponti2022_random").rows
    printed = next(row for row in rows if row["task"] == "average")
    return {
        name: (float(printed[name]), mean(float(row[name]) for row in rows if row is not printed)) for name in SYSTEMS
    }


def _partitions() -> Block:
    found = arg()
    partitions = list(dict.fromkeys(partition for partition, _ in found))
    rows = [
        [partition, *(_marked(*found[partition, algorithm]) for algorithm in ALGORITHMS)] for partition in partitions
    ]
    means = {algorithm: mean(found[partition, algorithm][0] for partition in partitions) for algorithm in ALGORITHMS}
    rows.append(["mean (recomputed)", *(f"{value:.2f} ?" for value in means.values())])
    rows.append(
        [
            "over MTL (recomputed)",
            "-",
            *(f"{signed(means[algorithm] - means['MTL'], 2)} ?" for algorithm in ALGORITHMS[1:]),
        ]
    )
    note = noted(
        f"Source: {sheet('ye2021_arg').source}",
        "* confirmed second hand: a summary of the paper gives it; ? not confirmed.",
        "Nothing to recompute ARG from: the scores of direct tuning are not known.",
    )
    return Block("ye2021-arg", "ARG by partition, %", ["partition", *ALGORITHMS], rows, note)


def _marked(value: float, confirmed: str) -> str:
    return f"{value:.2f} {'?' if confirmed == 'no' else '*'}"


def _random() -> Block:
    rows = [
        [row["task"], row["metric"] or "-", *(f"{row[name]} ± {row[name + '_deviation']}" for name in SYSTEMS)]
        for row in _tasks()
    ]
    found = averages()
    rows.append(["average, printed", "-", *(f"{printed:.1f}" for printed, _ in found.values())])
    rows.append(["average, recomputed", "-", *(f"{value:.2f}" for _, value in found.values())])
    rows.append(["verdict", "-", *("agrees" if agree(*pair, 2 * ROUNDING) else "differs" for pair in found.values())])
    note = noted(
        f"Source: {sheet('ponti2022_random').source}",
        "Recomputed: the averages. Not comparable with BART-base but in the column Ye21.",
    )
    return Block(
        "ye2021-random", "Test tasks of the partition random, score times 100", ["task", "metric", *SYSTEMS], rows, note
    )


def _tasks() -> list[dict[str, str]]:
    return [row for row in sheet("ponti2022_random").rows if row["metric"]]
