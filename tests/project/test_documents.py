"""What the documents show is so."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from priming.strategies import Strategy
from priming.tasks.names import open_study

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs"
OTHERS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md", "benchmarks/README.md")]
ROWS = {
    "reviews-train.csv": "text,stars\ndim,1\nbright,2\n",
    "reviews-test.csv": "text,stars\nslow,1\n",
    "tickets-train.csv": "subject,body,team\nRefund,Charged twice.,billing\n",
    "tickets-test.csv": "subject,body,team\nRefund,Charged twice.,billing\n",
}


def test_the_study_of_own_tasks_is_in_order(tmp_path: Path) -> None:
    (study,) = re.findall(r"```yaml\n(.*?)```", (PAGE / "own-tasks.md").read_text(), re.DOTALL)
    (tmp_path / "study.yaml").write_text(study)
    for file, rows in ROWS.items():
        (tmp_path / file).write_text(rows)
    assert open_study(tmp_path / "study.yaml").tasks.target == ["reviews", "tickets"]


@pytest.mark.parametrize("page", ["README.md", "config/README.md"])
def test_studies_of_readmes_are_in_order(page: str, tmp_path: Path) -> None:
    (study,) = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    (tmp_path / "study.yaml").write_text(study)
    for file, rows in ROWS.items():
        (tmp_path / file).write_text(rows)
    assert "mtl[plm] -> adapter" in open_study(tmp_path / "study.yaml").strategies


@pytest.mark.parametrize("strategy", re.findall(r"`(\S[^`\n]* -> [^`\n]*)`", (PAGE / "own-strategies.md").read_text()))
def test_strategies_of_the_guide_can_be_read(strategy: str) -> None:
    assert str(Strategy.parse(strategy.replace("\\|", "|")))


def test_slugs_are_as_listed() -> None:
    table = (PAGE / "strategies.md").read_text().partition("| strategy | slug |")[2]
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", table, re.MULTILINE)
    assert len(rows) == 6
    for strategy, slug in rows:
        assert Strategy.parse(strategy.replace("\\|", "|")).slug == slug
        assert str(Strategy.from_slug(slug)) == strategy.replace("\\|", "|")


@pytest.mark.parametrize("page", [*OTHERS, *sorted(PAGE.glob("*.md"))], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_test_that_reliability_names_is_there() -> None:
    text = (PAGE / "reliability.md").read_text()
    named = set(re.findall(r"`(tests/[\w/.]+)`", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (PAGE.parent / name).exists()] == []
    named_tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    missing = [test for file, test in named_tests if f"def {test}(" not in (PAGE.parent / file).read_text()]
    assert missing == []


def test_reliability_has_a_row_for_each_fault_test() -> None:
    table = (PAGE / "reliability.md").read_text().partition("## Faults")[2]
    assert re.findall(r"^\| (T\d+) ", table, re.MULTILINE) == [f"T{number}" for number in range(1, 36)]


def test_the_catalogue_finds_what_it_asks_for() -> None:
    """The workflow in its place, instructions, and, since environments of conda are promised, one for each job."""
    usage = YAML(typ="safe").load(ROOT / ".snakemake-workflow-catalog.yml")["usage"]
    assert (ROOT / "workflow/Snakefile").is_file()
    assert "config.yaml" in (ROOT / "config/README.md").read_text()
    assert usage["software-stack-deployment"]["conda"] is True
    rules = "".join(file.read_text() for file in sorted((ROOT / "workflow/rules").glob("*.smk")))
    assert rules.count("    shell:\n") == rules.count("    conda:\n") > 0
