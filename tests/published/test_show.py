"""The command, and the page that quotes it."""

import subprocess
import sys
from pathlib import Path

from priming.published.show import PAPERS, shown

MARK = "<!-- from here on printed by: priming published -->"


def published(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "priming", "published", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_command_prints_a_paper(tmp_path: Path) -> None:
    done = published("adl2022", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown("adl2022")
    lines = [" ".join(line.replace("|", " ").split()) for line in done.stdout.splitlines()]
    for line in ("MTL adapter +0.7 - +0.7 1.9 agrees", "MAML mT5 -9.2 -13 -16.0 1.7 swapped with MAML T5"):
        assert line in lines


def test_an_unknown_paper_is_one_message(tmp_path: Path) -> None:
    done = published("adl2021", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: there are no published numbers 'adl2021'; did you mean 'adl2022'")
    assert done.stderr.rstrip().endswith(f"allowed: {', '.join(PAPERS)}")


def test_all_papers_are_shown_and_the_one_without_numbers_says_so() -> None:
    text = shown()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [f"## {name}" for name in PAPERS]
    assert "no number here is one of it" in text
    assert all(len(line) <= 150 for line in text.splitlines())


def test_the_page_quotes_what_is_printed(project: Path) -> None:
    page = (project / "docs/published.md").read_text(encoding="utf-8")
    assert page.partition(MARK)[2] == f"\n\n{shown()}", "type: priming published, and put it below the mark"
