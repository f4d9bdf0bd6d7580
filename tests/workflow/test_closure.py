"""The code that counts for a step is the code that it runs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from priming import closure

ENTRIES = (
    "priming.tasks.prepare",
    "priming.tasks.crossfit.prepare",
    "priming.training.pretrain",
    "priming.training.upstream",
    "priming.training.downstream",
    "priming.reporting.tables",
    "priming.reporting.figures.strategy_matrix",
)
LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted(name for name in sys.modules if name.split(".")[0] == "priming"))
"""


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_loaded_is_counted(entry: str) -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED, entry], check=True, capture_output=True, text=True).stdout.split()
    # The grammar is loaded with every study; it counts for the steps that use it.
    uncounted = {name for name in loaded if name in (*closure.UNCOUNTED, "priming.strategies") or name.startswith("priming.study")}
    assert set(loaded) - uncounted <= set(closure.closure(entry))


def test_a_step_does_not_count_what_it_has_no_part_in() -> None:
    assert not [
        name for name in closure.closure("priming.tasks.prepare") if name.startswith(("priming.models", "priming.training", "priming.reporting"))
    ]
    assert not [name for name in closure.closure("priming.tasks.prepare") if "crossfit" in name]
    assert not [name for name in closure.closure("priming.tasks.crossfit.prepare") if "generated" in name]
    assert not [name for name in closure.closure("priming.training.downstream") if name.startswith("priming.reporting")]
    assert not [
        name for name in closure.closure("priming.reporting.tables") if name.startswith(("priming.training", "priming.models", "priming.tasks"))
    ]
    assert [name for name in closure.closure("priming.reporting.tables") if name.startswith("priming.published.")] == [
        "priming.published.numbers",
        "priming.published.sheets",
    ]
    assert "priming.reporting.figures.tasks" not in closure.closure("priming.reporting.figures.strategy_matrix")
    assert "priming.reporting.figures.style" in closure.closure("priming.reporting.figures.strategy_matrix")


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"priming\.training\.nowhere"):
        closure.closure("priming.training.nowhere")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of that name with a module in a package, one that it needs, and one that it does not."""
    files = {
        "__init__.py": "",
        "errors.py": "",
        "a/__init__.py": "from . import base\n",
        "a/base.py": "import json\n",
        "a/entry.py": '"""Docs."""\nfrom priming.b import needed\n\ndef f():\n    """Docs."""\n    from ..c import late  # late\n    return late\n',
        "b.py": "import priming.errors\nneeded = 1\n",
        "c/__init__.py": "",
        "c/late.py": "",
        "c/other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(closure, "ROOT", tmp_path)
    for cached in (closure.closure, closure.digest, closure._imported):
        cached.cache_clear()
    yield tmp_path
    for cached in (closure.closure, closure.digest, closure._imported):
        cached.cache_clear()


def test_closure_follows_relative_late_and_package_imports(package: Path) -> None:
    assert closure.closure("priming.a.entry") == ("priming.a", "priming.a.base", "priming.a.entry", "priming.b", "priming.c", "priming.c.late")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ('"""Docs."""\n', '"""Other docs,\nlonger."""\n', True),
        ("# late", "# said otherwise", True),
        ('    """Docs."""\n', "", True),
        ("return late", "return  ( late )", True),
        ("return late", "return not late", False),
        ("import late", "import other as late", False),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(package: Path, before: str, after: str, same: bool) -> None:
    file = package / "a" / "entry.py"
    first = closure.digest("priming.a.entry")
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    ast.parse(file.read_text())
    closure.digest.cache_clear()
    assert (closure.digest("priming.a.entry") == first) is same
