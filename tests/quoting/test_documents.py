"""Quoting kept tables in documents: what stands between the marks, and what is refused."""

import json
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.quoting.documents import write, written

QUOTE = {
    "study_file": "studies/some.yaml",
    "study": "some",
    "settings": "s",
    "data": {},
    "checks": [
        {"how": "run", "commit": "abcdef0123", "date": "2026-01-02", "code": "c", "evidence": ""},
        {
            "how": "compared equal",
            "commit": "0123456789",
            "date": "2026-03-04",
            "code": "d",
            "evidence": "ten steps of every algorithm, bit by bit",
        },
    ],
}
BLOCKS = {
    "small-effects": {
        "caption": "What priming brings",
        "header": ["strategy", "gain", "p"],
        "rows": [["mtl[plm] -> adapter", "+.100 [+.050, +.150]", ".01"], ["maml[plm | plm x1] -> plm", "-.010", ".5"]],
        "note": "A note.",
    }
}
TABLE = """**What priming brings**

| strategy                   |                 gain |
|----------------------------|---------------------:|
| mtl[plm] -> adapter        | +.100 [+.050, +.150] |
| maml[plm \\| plm x1] -> plm |                -.010 |

From `studies/some.yaml` at commit abcdef0, 2026-01-02.
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "quoted" / "some"
    folder.mkdir(parents=True)
    (folder / "quote.json").write_text(json.dumps(QUOTE))
    (folder / "blocks.json").write_text(json.dumps(BLOCKS))
    return folder.parent


def quoted(what: str, body: str = "old\n") -> str:
    return f"Before.\n\n<!-- quote: {what} -->\n{body}<!-- end of quote -->\n\nAfter.\n"


def test_the_columns_wanted_are_written_with_study_commit_and_date(kept: Path) -> None:
    assert written(quoted("some small-effects | strategy, gain"), kept) == quoted(
        "some small-effects | strategy, gain", TABLE
    )


def test_all_columns_come_without_a_choice(kept: Path) -> None:
    text = written(quoted("some small-effects"), kept)
    assert "| strategy                   |                 gain |   p |" in text
    assert "\n\nA note.\n\nFrom" in text


def test_each_commit_at_which_the_numbers_came_out_is_listed(kept: Path) -> None:
    assert written(quoted("some provenance"), kept) == quoted(
        "some provenance",
        "- `studies/some.yaml`: run at commit abcdef0, 2026-01-02.\n"
        "  Compared equal at commit 0123456, 2026-03-04: ten steps of every algorithm, bit by bit.\n",
    )


def test_writing_again_changes_nothing(kept: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(quoted("some small-effects") + quoted("some provenance"))
    assert write([page], kept) == [page]
    assert write([page], kept) == []


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("some small-efects", "has no table 'small-efects'; did you mean 'small-effects'"),
        ("some small-effects | strategy, gains", "table 'small-effects' has no column 'gains'; did you mean 'gain'"),
        (
            "other small-effects",
            r"other/quote.json cannot be read .*; store the study again: priming quotes keep STUDY_FILE",
        ),
    ],
)
def test_a_quote_of_what_is_not_kept_is_refused(kept: Path, what: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        written(quoted(what), kept)
