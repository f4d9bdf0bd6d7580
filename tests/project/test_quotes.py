"""The numbers that README and docs quote are those of the kept results, and the kept results those of the studies as they are now."""

from pathlib import Path

import pytest

from priming.quoting import documents, store
from priming.study.load import load_study
from tests.conftest import HUB

ROOT = Path(__file__).parents[2]
QUOTED = ROOT / store.FOLDER
KEPT = sorted(path.name for path in store.quotes(QUOTED))


@pytest.mark.parametrize("page", documents.documents(ROOT), ids=lambda page: page.stem)
def test_documents_hold_what_is_kept(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert documents.written(text, QUOTED) == text, "type: make quotes"


def test_something_is_quoted() -> None:
    assert {"embedded", "embedded-long"} <= set(KEPT)
    marks = [documents.MARK.search(page.read_text(encoding="utf-8")) for page in documents.documents(ROOT)]
    assert sum(mark is not None for mark in marks) >= 2


@pytest.mark.parametrize("study", KEPT)
def test_a_quoted_study_still_asks_for_what_is_quoted(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, the rows of every task, and code that somebody ran or compared."""
    monkeypatch.chdir(ROOT)
    study_file = Path(store.read(QUOTED / study).study_file)
    loaded = load_study(study_file)
    real = any(definition.hub for definition in loaded.tasks.define.values())
    if real and HUB:
        monkeypatch.setenv("PRIMING_HUB", str(Path(HUB).resolve()))
    # Real rows may not be here; the hub is not asked for them in a test.
    data = store.prepared_data(loaded, study_file.parent) if HUB or not real else {}
    assert not store.differences(QUOTED / study, data)
