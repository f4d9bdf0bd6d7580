"""The numbers in README and docs are those of the kept results, and those belong to the present studies."""

import re
from importlib.util import find_spec
from pathlib import Path

import matplotlib
import pytest
import yaml

from priming.quoting import documents, figures, store
from priming.study.load import load_study
from tests.conftest import HUB

ROOT = Path(__file__).parents[2]
QUOTED = ROOT / store.FOLDER
KEPT = sorted(path.name for path in store.quotes(QUOTED))


@pytest.mark.parametrize("page", documents.documents(ROOT), ids=lambda page: page.stem)
def test_documents_hold_what_is_kept(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert documents.written(text, QUOTED, page.parent) == text, "type: make quotes"


def test_something_is_quoted() -> None:
    assert {"embedded", "embedded-long"} <= set(KEPT)
    marks = [documents.MARK.search(page.read_text(encoding="utf-8")) for page in documents.documents(ROOT)]
    assert sum(mark is not None for mark in marks) >= 2


def test_a_figure_is_shown() -> None:
    assert ("embedded", "parameter_efficiency") in documents.shown(documents.documents(ROOT))


def without_ids(svg: str) -> str:
    """Ids are hashes of unrounded places, whose last bits depend on the processor; numbered as they appear instead."""
    order = {found: number for number, found in enumerate(dict.fromkeys(re.findall(r'id="([a-z][0-9a-f]{10})"', svg)))}
    return re.sub(r"\b[a-z][0-9a-f]{10}\b", lambda match: str(order.get(match[0], match[0])), svg)


@pytest.mark.parametrize(("study", "figure"), documents.shown(documents.documents(ROOT)))
def test_figures_are_those_of_the_kept_tables(
    study: str, figure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    kept, drawn = (
        (QUOTED / study / f"{figure}.svg").read_text(),
        figures.drawn(study, figure, tmp_path, QUOTED).read_text(),
    )
    if f"Matplotlib v{matplotlib.__version__}" not in kept:
        pytest.skip("the figure was drawn by another version of matplotlib")
    assert without_ids(drawn) == without_ids(kept), "type: make quotes"


@pytest.mark.parametrize("study", KEPT)
def test_a_quoted_study_still_asks_for_what_is_quoted(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, the rows of every task, and code that somebody ran or compared."""
    monkeypatch.chdir(ROOT)
    study_file = Path(store.read(QUOTED / study).study_file)
    plms = yaml.safe_load(study_file.read_text(encoding="utf-8"))["plms"]
    for package in (plm["package"] for plm in plms.values() if "package" in plm):
        if find_spec(package.replace("-", "_")) is None:
            pytest.skip(f"the package {package} of a PLM is not installed")
    loaded = load_study(study_file)
    real = any(definition.hub for definition in loaded.tasks.define.values())
    if real and HUB:
        monkeypatch.setenv("PRIMING_HUB", str(Path(HUB).resolve()))
    # Real rows may not be here; the hub is not asked for them in a test.
    data = store.prepared_data(loaded, study_file.parent) if HUB or not real else {}
    assert not store.differences(QUOTED / study, data)
