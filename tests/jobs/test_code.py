"""The code that counts for a step is the code that it runs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from priming.algorithms.table import ALGORITHMS
from priming.backbones.table import BACKBONES
from priming.elements.table import ELEMENTS
from priming.evaluation.metrics import METRICS
from priming.forms.table import FORMS
from priming.jobs import code
from priming.protocol.draws.table import DRAWS
from priming.protocol.keeping.table import KEEPINGS
from priming.tasks.sources.table import SOURCES
from tests import forked

PREPARING = [source.preparing for source in SOURCES.values()]
ENTRIES = (
    *PREPARING,
    "priming.training.pretrain",
    "priming.training.upstream",
    "priming.training.downstream",
    "priming.evaluation.scoring",
    "priming.reporting.tables",
    "priming.reporting.figures.strategy_matrix",
)
LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted(name for name in sys.modules if name.split(".")[0] == "priming"))
"""


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_loaded_is_counted(entry: str, tmp_path: Path) -> None:
    (tmp_path / "loaded.py").write_text(LOADED)
    ran = forked.script(tmp_path / "loaded.py", entry)
    assert ran.returncode == 0, ran.stderr
    loaded = ran.stdout.split()
    assert entry in loaded
    # The grammar is loaded with every study; it counts for the steps that use it.
    with_study = ("priming.strategies", *(f"priming.protocol.{name}" for name in ("dev_sets", "duplicates", "lengths")))
    # So are files of templates, whose texts count with the settings.
    with_study += ("priming.templates", "priming.templates.promptsource")
    uncounted = {name for name in loaded if name in (*code.UNCOUNTED, *with_study) or name.startswith("priming.study")}
    # What a table loads by name counts where the settings name it.
    tables = (METRICS, ELEMENTS, BACKBONES, ALGORITHMS, DRAWS, KEEPINGS, FORMS)
    listed = {name for table in tables for module in table.modules.values() for name in code.closure(module)}
    assert set(loaded) - uncounted - listed <= set(code.closure(entry))


def test_a_step_does_not_count_what_it_has_no_part_in() -> None:
    for preparing in PREPARING:
        later = ("priming.backbones", "priming.training", "priming.reporting", "priming.tasks.sources")
        assert not [name for name in code.closure(preparing) if name.startswith(later)]
        own = tuple(
            f"priming.tasks.{name}." for name in ("crossfit", "generated", "languages", "defined", "p3", "prompted")
        )
        used = {prefix for name in code.closure(preparing) for prefix in own if name.startswith(prefix)}
        (mine,) = {prefix for prefix in used if preparing.startswith(prefix)}
        # The questions are written by the grammar of the generated tasks.
        assert used - {mine} == ({"priming.tasks.generated."} if mine == "priming.tasks.prompted." else set())
    assert "priming.tasks.reading.hub" not in code.closure("priming.tasks.defined.files")
    assert not [name for name in code.closure("priming.training.downstream") if name.startswith("priming.reporting")]
    assert not [
        name
        for name in code.closure("priming.reporting.tables")
        if name.startswith(("priming.training", "priming.backbones"))
    ]
    rows = ["priming.tasks", "priming.tasks.prepared", "priming.tasks.task"]
    for reading in ("priming.reporting.tables", "priming.evaluation.scoring"):
        assert [name for name in code.closure(reading) if name.startswith("priming.tasks")] == rows
    for tuning in ("priming.training.downstream", "priming.training.upstream"):
        assert "priming.evaluation.scoring" not in code.closure(tuning)
        assert not set(METRICS.modules.values()) & set(code.closure(tuning))
    assert [name for name in code.closure("priming.reporting.tables") if name.startswith("priming.published.")] == [
        "priming.published.numbers",
        "priming.published.sheets",
    ]
    assert "priming.reporting.figures.tasks" not in code.closure("priming.reporting.figures.strategy_matrix")
    assert "priming.reporting.figures.style" in code.closure("priming.reporting.figures.strategy_matrix")


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"priming\.training\.nowhere"):
        code.closure("priming.training.nowhere")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of that name with a module in a package, one that it needs, and one that it does not."""
    files = {
        "__init__.py": "",
        "errors.py": "",
        "a/__init__.py": "from . import base\n",
        "a/base.py": "import json\n",
        "a/entry.py": '"""Docs."""\nfrom priming.b import needed\n\n'
        'def f():\n    """Docs."""\n    from ..c import late  # late\n    return late\n',
        "a/look.py": "class Look:\n    name, colour = 'a', 'red'\n    fill = 'full'\n    reach = 'top'\n"
        "\ncolour = 'red'\n",
        "b.py": "import priming.errors\nneeded = 1\n",
        "c/__init__.py": "",
        "c/late.py": "",
        "c/other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    for cached in (code.closure, code.read):
        cached.cache_clear()
    yield tmp_path
    for cached in (code.closure, code.read):
        cached.cache_clear()


def test_closure_follows_relative_late_and_package_imports(package: Path) -> None:
    assert code.closure("priming.a.entry") == (
        "priming.a",
        "priming.a.base",
        "priming.a.entry",
        "priming.b",
        "priming.c",
        "priming.c.late",
    )


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
    first = code.digest("priming.a.entry")
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    ast.parse(file.read_text())
    code.read.cache_clear()
    assert (code.digest("priming.a.entry") == first) is same


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("'a', 'red'", "'a', 'blue'", True),
        ("fill = 'full'", "fill = 'left'", True),
        ("    fill = 'full'\n", "    fill, reach = 'left', 'top'\n", False),
        ("'a', 'red'", "'b', 'red'", False),
        ("reach = 'top'", "reach = 'bottom'", False),
        ("\ncolour = 'red'", "\ncolour = 'blue'", False),
    ],
)
def test_how_an_entry_looks_does_not_count(package: Path, before: str, after: str, same: bool) -> None:
    file = package / "a" / "look.py"
    first = code.digest("priming.a.look")
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    code.read.cache_clear()
    assert (code.digest("priming.a.look") == first) is same
