"""The published numbers of each paper, and values recomputed from them, as text."""

from collections.abc import Callable
from typing import NamedTuple

from priming.blocks import Block
from priming.errors import StudyError, nearest
from priming.published import adl2022, gheini2022, wu2022, ye2021


class Paper(NamedTuple):
    """A paper: title, place of publication, results of its numbers; `without` says why there are none."""

    title: str
    at: str
    blocks: Callable[[], list[Block]] = list
    without: str = ""


PAPERS = {
    "huang2022": Paper(
        "Systematic Analysis for Pretrained Language Model Priming for Parameter-Efficient Fine-tuning",
        "arXiv 2212.01032, NAACL-SRW 2024",
        without=(
            "Its tables are not in this package, and no number here is one of it; "
            "the report adl2022 is what it grew from."
        ),
    ),
    "adl2022": Paper(
        "CrossFit Classification Tasks by Parameter-Efficient Fine-Tuning", "course report, 2022", adl2022.blocks
    ),
    "gheini2022": Paper(
        "Know Where You're Going: Meta-Learning for Parameter-Efficient Fine-Tuning",
        "arXiv 2205.12453",
        gheini2022.blocks,
    ),
    "wu2022": Paper(
        "Continued Pretraining for Better Zero- and Few-Shot Promptability", "arXiv 2210.10258", wu2022.blocks
    ),
    "ye2021": Paper(
        "CrossFit: A Few-shot Learning Challenge for Cross-task Generalization in NLP",
        "arXiv 2104.08835",
        ye2021.blocks,
    ),
}


def shown(name: str | None = None) -> str:
    """The tables of a paper, or of all, as aligned Markdown; raises StudyError for an unknown paper."""
    if name is not None and name not in PAPERS:
        raise StudyError(
            f"there are no published numbers {name!r}{nearest(name, PAPERS)}; allowed: {', '.join(PAPERS)}"
        )
    return "\n".join(_paper(key, paper) for key, paper in PAPERS.items() if name in (None, key))


def _paper(key: str, paper: Paper) -> str:
    parts = [f"## {key}\n\n{paper.title} ({paper.at})\n", *(block.markdown() for block in paper.blocks())]
    return "\n".join([*parts, *([f"{paper.without}\n"] if paper.without else [])])
