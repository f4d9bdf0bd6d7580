"""A change of any module of the package makes stale the steps that run it, what is made from their results, and nothing else."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from priming import closure
from priming.jobs import Graph, graph
from priming.recipes import Recipes
from priming.study import Study
from priming.study.figures import FIGURES

from .conftest import RICH, settle, with_value

MODULES = sorted(
    ".".join(("priming", *file.relative_to(closure.ROOT).with_suffix("").parts)).removesuffix(".__init__") for file in closure.ROOT.rglob("*.py")
)
# What they say comes in through the settings, or reaches no result: how jobs are found, run, recorded and asked for.
NOTHING = {
    "priming",
    "priming.study",
    "priming.tasks.groups",
    "priming.tasks.names",
    "priming.tasks.show",
    "priming.tasks.mirroring",
    "priming.tasks.label_check",
    *(f"priming.tasks.crossfit.{name}" for name in ("checksums", "export", "leakage")),
    *(f"priming.models.{name}" for name in ("sizes", "unpickle")),
    "priming.reporting.compare",
    "priming.training.processes",
    *(f"priming.published.{name}" for name in ("adl2022", "checks", "gheini2022", "show", "wu2022", "ye2021")),
    *(f"priming.{name}" for name in ("__main__", "cli", "closure", "errors", "jobs", "recipes", "slices", "steps", "units")),
    *(
        f"priming.{name}"
        for name in (
            "attempts",
            "claim",
            "command_groups",
            "needs",
            "pipeline",
            "plan",
            "quote_commands",
            "quoting",
            "sharing",
            "site",
            "task_commands",
        )
    ),
}
CROSSFITS = "tweet_eval-irony"
EVERY_FIGURE = {f"figure {figure}" for figure in FIGURES}
NAMING_STRATEGIES = {"figure compute", "figure convergence", "figure parameter_efficiency", "figure tasks", "figure charts"}
MATTERS = {
    "priming.strategies": {"prime", "tune", "tables", "figure groups"} | NAMING_STRATEGIES,
    "priming.contents": {"pretrain", "prime", "tune"},
    "priming.published": {"tables"},
    "priming.tasks": {"prepare", "prepare CrossFit's"},
    **{f"priming.tasks.{name}": {"prepare"} for name in ("prepare", "sources.load")},
    **{f"priming.tasks.{name}": {"prepare CrossFit's"} for name in ("crossfit", "progress")},
    "priming.tasks.generated": {"prepare", "pretrain"},
    **{f"priming.tasks.{name}": {"prepare", "prepare CrossFit's", "pretrain", "prime", "tune"} for name in ("__init__", "prepared", "task")},
    **{f"priming.tasks.{name}": {"prime", "tune"} for name in ("labels", "text_form")},
    "priming.models": {"pretrain", "prime", "tune"},
    **{f"priming.models.{name}": {"pretrain"} for name in ("conversion", "pretraining", "tokenizer")},
    **{f"priming.models.{name}": {"prime", "tune"} for name in ("flops", "loss")},
    "priming.training": {"prime", "tune"},
    **{
        f"priming.training.{name}": {"pretrain", "prime", "tune"}
        for name in ("__init__", "keys", "loop", "optimizer", "parameters", "record", "state", "stopping")
    },
    **{f"priming.training.{name}": {"pretrain"} for name in ("infilling", "pretrain")},
    "priming.training.curve": {"pretrain", "prime"},
    **{f"priming.training.{name}": {"prime"} for name in ("meta", "upstream")},
    "priming.training.downstream": {"tune"},
    "priming.evaluation": {"prime", "tune"},
    "priming.evaluation.__init__": {"prime", "tune", "tables"},
    **{f"priming.evaluation.{name}": {"tables"} for name in ("components", "gains", "intervals", "permutation", "rows")},
    **{f"priming.evaluation.{name}": {"prime", "tune", "tables"} for name in ("metrics", "rouge")},
    "priming.reporting": {"tables"},
    "priming.reporting.__init__": {"tables"} | EVERY_FIGURE,
    "priming.reporting.wording": {"tables"} | EVERY_FIGURE,
    "priming.reporting.figures": EVERY_FIGURE,
    "priming.reporting.figures.looks": NAMING_STRATEGIES,
    "priming.reporting.figures.bar_rows": {"figure charts", "figure tasks"},
    **{f"priming.reporting.figures.{figure}": {f"figure {figure}"} for figure in FIGURES},
}


@pytest.fixture(scope="module")
def jobs() -> Graph:
    """Those of the rich study with every figure."""
    panel = {"title": "One bar", "bars": [{"plm": "small", "strategy": "none -> plm"}]}
    rich = with_value(with_value(RICH, "figures/draw", list(FIGURES)), "figures/charts", {"panels": [panel]})
    return graph(Study.model_validate(with_value(rich, "tasks/source", ["film_verdict", "day_mood", CROSSFITS])))


@pytest.fixture(scope="module")
def results(jobs: Graph, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rich")
    for name in ("mine.csv", "test.csv"):
        (folder / name).write_text("text,label\na,b\n")
    settle(Recipes(jobs, folder, folder))
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the package, which closures and digests are read from."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(closure.ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    cached = (closure.closure, closure.digest, closure._imported)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closure, "ROOT", folder)
        for function in cached:
            function.cache_clear()
        yield folder
    for function in cached:
        function.cache_clear()


@pytest.fixture
def edit(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`edit(module)` puts a line into a module until the test ends."""
    digest, edited = closure.digest, []

    def add(module: str) -> None:
        source = closure.source_of(module)
        assert source
        edited.append((source, source.read_text(encoding="utf-8")))
        source.write_text(edited[0][1] + "\nADDED = 1\n", encoding="utf-8")
        # Of this one anew; those of the others are known.
        monkeypatch.setattr(closure, "digest", lambda name: (digest.__wrapped__ if name == module else digest)(name))

    yield add
    for source, text in edited:
        source.write_text(text, encoding="utf-8")


def name_of(jobs: Graph, path: str) -> str:
    item = jobs.items[path]
    if item.task == CROSSFITS:
        return "prepare CrossFit's"
    return f"figure {item.figure}" if item.figure else item.step


def expected(module: str) -> set[str]:
    """The row of the module, or of the smallest package that has one."""
    named = [f"{module}.__init__", *(module.rsplit(".", n)[0] for n in range(module.count(".") + 1))]
    return set() if {*named} & NOTHING - {"priming"} or module == "priming" else next(MATTERS[name] for name in named if name in MATTERS)


@pytest.mark.parametrize("module", MODULES)
def test_a_changed_module(module: str, jobs: Graph, results: Path, edit: Callable[[str], None]) -> None:
    edit(module)
    recipes = Recipes(jobs, results, results)
    said = {path: reason for path in jobs.items if (reason := recipes.outdated(path))}
    itself = {path for path, reason in said.items() if f"code {module}" in reason.split("; ")}
    assert {name_of(jobs, path) for path in itself} == expected(module)
    assert itself >= {path for path in jobs.items if name_of(jobs, path) in expected(module)}
    for path in itself:
        assert said[path] == f"code {module}"
    followed = set(itself)
    for path, item in jobs.items.items():
        if followed & set(item.inputs):
            followed.add(path)
    assert said.keys() == followed


def test_the_lists_name_modules() -> None:
    assert set(MODULES) >= NOTHING
    assert set(MODULES) >= {name.removesuffix(".__init__") for name in MATTERS}
