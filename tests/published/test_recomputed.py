"""What follows from published numbers, against sums done by hand and against what the papers print."""

from statistics import mean

import pytest

from priming.blocks import Block
from priming.published import adl2022, gheini2022, wu2022, ye2021
from priming.published.checks import agree, count_check, number_check
from priming.published.numbers import Way


def cells(blocks: list[Block], label: str) -> dict[str, list[str]]:
    """The rows of a block by their first cell."""
    (block,) = [block for block in blocks if block.label == label]
    return {row[0]: list(row[1:]) for row in block.rows}


def test_arg_of_the_reports_adapter_by_hand() -> None:
    """The ten ratios, adapter over BART, as the bars of its Figure 2b give them."""
    ratios = [
        *(0.367 / 0.319, 0.974 / 0.980, 0.475 / 0.517, 0.920 / 0.836, 0.920 / 0.932),
        *(0.890 / 0.926, 0.782 / 0.836, 0.505 / 0.495, 0.481 / 0.475, 0.920 / 0.926),
    ]
    value, _ = adl2022.recomputed_arg("BART", Way("mtl", "adapter"))
    assert value == pytest.approx(100 * (mean(ratios) - 1), abs=1e-9)
    assert round(value, 1) == 0.7


@pytest.mark.parametrize(
    ("algorithm", "plm", "element", "expected"),
    [
        ("mtl", "BART", "adapter", 0.7),
        ("mtl", "BART", "prompt", -3.6),
        ("mtl", "T5", "plm", 0.8),
        ("mtl", "mT5", "plm", -6.1),
        ("maml", "BART", "prompt", -14.0),
        ("maml", "BART", "adapter", -13.5),
        ("maml", "T5", "plm", -9.4),
        ("maml", "mT5", "plm", -16.0),
    ],
)
def test_arg_of_the_report(algorithm: str, plm: str, element: str, expected: float) -> None:
    assert round(adl2022.recomputed_arg(plm, Way(algorithm, element))[0], 1) == expected


def test_reading_moves_arg_by_what_both_ends_of_a_bar_give() -> None:
    bart = [0.319, 0.980, 0.517, 0.836, 0.932, 0.926, 0.836, 0.495, 0.475, 0.926]
    value, margin = adl2022.recomputed_arg("BART", Way("mtl", "plm"))
    assert value == 0
    assert margin == pytest.approx(100 * mean((x + 0.006) / (x - 0.006) - 1 for x in bart))


def test_the_swapped_rows_are_pointed_out() -> None:
    table2, table3 = (cells(adl2022.blocks(), label) for label in ("adl2022-2", "adl2022-3"))
    verdicts = {name: row[-1] for name, row in (table2 | table3).items()}
    swapped = {"MAML T5": "swapped with MAML mT5", "MAML mT5": "swapped with MAML T5"}
    agreeing = ["MTL T5", "MTL mT5", "MTL prompt", "MTL adapter", "MAML prompt", "MAML adapter"]
    assert verdicts == swapped | dict.fromkeys(agreeing, "agrees")
    assert [table2["MAML T5"][n] for n in (0, 2)] == ["-15.9", "-9.4"]


def test_what_the_report_says_in_words_fits_one_of_its_two_systems() -> None:
    table2 = cells(adl2022.blocks(), "adl2022-2")
    said = {name: float(table2[name][1]) for name in ("MAML T5", "MAML mT5")}
    computed = {name: float(table2[name][2]) for name in said}
    margin = {name: float(table2[name][3]) + 0.5 for name in said}
    assert agree(said["MAML T5"], computed["MAML T5"], margin["MAML T5"])
    assert not any(agree(said["MAML mT5"], computed[name], margin[name]) for name in said)


def test_means_of_the_report() -> None:
    rows = cells(adl2022.blocks(), "adl2022-means")
    assert rows["MTL adapter"] == ["0.723", "-0.001", "4 of 10", "+0.106"]
    assert rows["MAML T5"] == ["0.652", "-0.077", "2 of 10", "-"]


def test_shares_of_the_report() -> None:
    rows = cells(adl2022.blocks(), "adl2022-shares")
    assert [row[1:] for row in rows.values()] == [["0.055", "agrees"], ["1.7", "differs"], ["2.6", "differs"]]


def test_means_and_gains_of_ner() -> None:
    rows = cells(gheini2022.blocks(), "gheini2022-settings")
    assert rows["4/Meta Priming -> AT"][0] == f"{(81.25 + 88.23 + 83.29 + 86.30 + 87.18 + 88.97) / 6:.2f}" == "85.87"
    assert rows["6/MP [MAML Loop] -> AT"][0] == "84.53"
    closed = 100 * (515.22 - 494.96) / (537.50 - 494.96)
    assert rows["4/Meta Priming -> AT"][1:] == ["+3.38", "-3.71", f"{closed:.0f}", "+2.05", "+5.08", "-4.17"]
    relative = [72.71 / 86.73, 79.11 / 91.29, 74.24 / 87.70, 78.34 / 89.43, 81.23 / 90.88, 78.90 / 91.47]
    assert rows["2/HT"][-1] == f"{100 * (mean(relative) - 1):+.2f}"
    assert rows["9/Full inner loop -> Full (Figure 4)"][2] == "+1.21"


def test_statements_of_the_ner_study() -> None:
    rows = cells(gheini2022.blocks(), "gheini2022-checks")
    assert {name for name, row in rows.items() if row[-1] == "differs"} == {"tuned by AT, % of mBERT"}
    assert rows["tuned by AT, % of mBERT"][1] == "0.059"
    assert rows["4 gains up to, over 5/FT Priming"] == ["1.7", "1.7", "agrees"]


def test_arg_over_chance_by_hand() -> None:
    """The nine datasets of T5-XL, deep prompt, 16 shots, with a third, a quarter or a half for guessing."""
    gains = [0.375 * 3, 0.292 * 4, 0.926 * 2, 0.807 * 3, 0.773 * 2, 0.730 * 2, 0.554 * 2, 0.551 * 2, 0.553 * 2]
    assert wu2022.recomputed_arg(wu2022.BOTH) == pytest.approx(100 * (sum(gains) / 9 - 1))
    assert round(wu2022.recomputed_arg(wu2022.BOTH), 1) == 43.2
    assert round(wu2022.recomputed_arg(wu2022.OURS), 1) == 43.0


def test_differences_of_promptability() -> None:
    rows = cells(wu2022.blocks(), "wu2022-rows")
    assert rows["MTL-TP over T0"] == ["+3.5", "+7.1", "+2.0", "+4.8", "+1.1", "+3.5", "+0.9", "+0.3"]
    assert rows["T0 over official T0"] == ["-", "-", "-", "-", "+7.2", "+10.9", "+7.2", "+9.1"]
    assert cells(wu2022.blocks(), "wu2022-tuning")["Reptile"] == ["+0.0", "+8.1", "+0.1", "+13.4"]


def test_statements_of_promptability() -> None:
    rows = cells(wu2022.blocks(), "wu2022-checks")
    assert {row[-1] for row in rows.values()} == {"agrees"}
    assert [row[1] for row in rows.values()] == [
        "30.7",
        "8 of 8",
        "4 of 4",
        "8 of 8",
        "3 of 3",
        "2 of 2",
        "43.0",
        "43.2",
    ]


def test_averages_over_the_random_tasks() -> None:
    expected = {
        "Ye21": (52.5, 52.54),
        "shared": (53.9, 53.865),
        "private": (49.4, 49.395),
        "HyperFormer": (52.7, 52.67),
        "Skilled": (56.9, 56.92),
    }
    for name, pair in ye2021.averages().items():
        assert pair == pytest.approx(expected[name], abs=1e-9)
    assert cells(ye2021.blocks(), "ye2021-random")["verdict"] == ["-", *["agrees"] * 5]


def test_what_confirms_an_arg_is_marked() -> None:
    rows = cells(ye2021.blocks(), "ye2021-arg")
    assert rows["random"] == ["35.06 *", "28.50 ?", "22.69 ?", "25.90 ?"]
    assert [cell for row in rows.values() for cell in row if "*" in cell] == ["35.06 *"]


def test_verdicts() -> None:
    assert number_check("x", 1.0, 1.1, 0.1).verdict == "agrees"
    assert number_check("x", 1.0, 1.11, 0.1).verdict == "differs"
    assert count_check("x", "all", [True, False, True]).recomputed == "2 of 3"
    assert count_check("x", "all", [True, False, True]).verdict == "differs"
