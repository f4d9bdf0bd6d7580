"""A change of any module makes stale the steps that run it and what is made from their results, and nothing else."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from priming.jobs import code
from priming.jobs.graph import Graph, Result, graph
from priming.jobs.recipes import Recipes
from priming.strategies import ELEMENTS, Strategy
from priming.study import Study
from priming.study.figures import FIGURES
from priming.tasks.declared import kind_of
from priming.tasks.sources.table import SOURCES, source_of
from tests.tiny_study import RICH, settle, with_value

MODULES = sorted(
    ".".join(("priming", *file.relative_to(code.ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for file in code.ROOT.rglob("*.py")
)
# What they say comes in through the settings, or reaches no result: how jobs are found, run, recorded and asked for.
NOTHING = {
    "priming",
    "priming.study",
    "priming.atomic",
    "priming.checked",
    "priming.tasks.groups",
    "priming.tasks.names",
    "priming.tasks.show",
    "priming.tasks.mirroring",
    "priming.tasks.label_check",
    "priming.tasks.plm_folders",
    "priming.tasks.row_check",
    "priming.tasks.describe",
    "priming.tasks.sources",
    *(f"priming.tasks.crossfit.{name}" for name in ("checksums", "describe", "export", "leakage")),
    "priming.backbones.unpickle",
    # For people's own code.
    *(f"priming.banks{name}" for name in ("", ".batches", ".checks", ".runs", ".scores", ".settings", ".tuning")),
    "priming.runs.substitution",
    *(f"priming.{kind}.table" for kind in ("algorithms", "backbones", "elements", "forms", "runs.update_rules")),
    *(f"priming.protocol.{kind}.table" for kind in ("draws", "keeping")),
    # Entries that the study does not use.
    *(f"priming.{name}" for name in ("runs.update_rules.sgd", "runs.update_rules.adafactor", "protocol.keeping.last")),
    *(f"priming.protocol.draws.{name}" for name in ("all", "balanced", "published")),
    *(f"priming.tasks.p3{name}" for name in ("", ".places", ".prepare", ".registry", ".stories", ".tokens")),
    *(f"priming.tasks.prompted{name}" for name in ("", ".kinds", ".prepare", ".rows")),
    "priming.forms.tags_training",
    "priming.forms.choices_training",
    "priming.templates.promptsource",
    "priming.tasks.languages.prepare",
    "priming.elements.sections",
    *(f"priming.backbones.{name}" for name in ("compute", "sections")),
    "priming.tasks.declared",
    "priming.reporting.compare",
    "priming.training.processes",
    # Metrics that the study does not report.
    *(
        f"priming.evaluation.metrics.{name}"
        for name in (
            "correlation",
            "entities",
            "entity_f1",
            "entity_f1_strict",
            "matthews",
            "pearson",
            "qa_f1",
            "rouge",
            "rouge_l",
        )
    ),
    *(f"priming.published.{name}" for name in ("adl2022", "checks", "gheini2022", "show", "wu2022", "ye2021")),
    *(
        f"priming.{name}"
        for name in (
            "__main__",
            "cli",
            "durations",
            "dvc",
            "entries",
            "errors",
            "hub_access",
            "inspection",
            "jobs",
            "programs",
            "quoting",
            "resources",
            "running",
            "section",
            "sharing",
        )
    ),
}
PREPARED = {f"prepare {source}" for source in SOURCES if source not in ("languages", "p3", "prompted")}
"""By the sources that the study uses."""
EVERY_FIGURE = {f"figure {figure}" for figure in FIGURES}
NAMING_STRATEGIES = {
    "figure compute",
    "figure convergence",
    "figure parameter_efficiency",
    "figure tasks",
    "figure charts",
}
MATTERS = {
    "priming.strategies": {"prime", "tune", "tables", "figure groups"} | NAMING_STRATEGIES,
    "priming.digests": PREPARED | {"pretrain", "prime", "tune", "score", "tables"},
    "priming.blocks": {"tables"},
    "priming.result_files": {"pretrain", "prime", "tune", "score", "tables"},
    "priming.tensor_files": {"pretrain", "prime", "tune"},
    "priming.published": {"tables"},
    "priming.tasks": PREPARED,
    "priming.tasks.prepare": {"prepare generated", "prepare files", "prepare hub"},
    "priming.tasks.defined": {"prepare files", "prepare hub"},
    **{f"priming.tasks.defined.{name}": {f"prepare {name}"} for name in ("files", "hub")},
    "priming.tasks.reading": {"prepare files", "prepare hub", "prepare crossfit"},
    **{
        f"priming.tasks.reading.{name}": {"prepare files", "prepare crossfit"} for name in ("files", "conll", "parquet")
    },
    "priming.tasks.reading.drawn_test": {"prepare files"},
    **{
        f"priming.tasks.reading.{name}": {"prepare files", "prepare hub"}
        for name in ("built", "questions", "schemes", "words")
    },
    "priming.forms.tags": {"pretrain", "prepare files", "prepare hub"},
    "priming.forms.choices": {"prepare files", "prepare hub"},
    "priming.templates": {"prepare files", "prepare hub"},
    **{f"priming.tasks.reading.{name}": {"prepare hub", "prepare crossfit"} for name in ("hub", "mirror")},
    **{f"priming.tasks.{name}": {"prepare crossfit"} for name in ("crossfit", "progress")},
    "priming.tasks.generated": {"prepare generated", "pretrain"},
    "priming.tasks.generated.prepare": {"prepare generated"},
    **{
        f"priming.tasks.{name}": PREPARED | {"pretrain", "prime", "tune", "score", "tables"}
        for name in ("__init__", "prepared", "task")
    },
    "priming.tasks.conventions": {"prime", "tune"},
    "priming.backbones": {"pretrain", "prime", "tune"},
    "priming.backbones.conversion": {"pretrain"},
    **{
        f"priming.backbones.{name}": {"prime", "tune"}
        for name in ("attachment", "compilation", "flops", "layer_passes", "recomputation")
    },
    "priming.forms": {"prime", "tune"},
    "priming.forms.answers": {"prime", "tune", "score", "tables"},
    # What a form says of rows and scores, and no model, is what preparing and scoring use.
    **{
        f"priming.forms.{name}": PREPARED | {"pretrain", "prime", "tune", "score", "tables"}
        for name in ("__init__", "interface", "rows", "text")
    },
    "priming.elements.__init__": {"pretrain", "prime", "tune", "tables", "figure groups"} | NAMING_STRATEGIES,
    "priming.elements.interface": {"prime", "tune"},
    **{f"priming.elements.{name}": {"pretrain", "prime", "tune"} for name in ("after_last", "head_layers")},
    "priming.tasks.languages": {"pretrain"},
    "priming.algorithms.__init__": {"prime", "tune", "tables", "figure groups"} | NAMING_STRATEGIES,
    **{f"priming.algorithms.{name}": {"prime", "tune"} for name in ("budget", "interface")},
    "priming.runs": {"pretrain", "prime", "tune"},
    **{f"priming.runs.{name}": {"prime", "tune"} for name in ("dropout", "shards", "side_by_side")},
    "priming.protocol": PREPARED | {"prime", "tune", "tables"},
    "priming.protocol.lengths": {"prime", "tune"},
    **{f"priming.protocol.{name}": PREPARED for name in ("dev_sets", "duplicates", "draws.interface")},
    "priming.protocol.draws": PREPARED | {"tables"},
    "priming.protocol.keeping": {"prime", "tune", "tables"},
    "priming.training": {"prime", "tune"},
    **{f"priming.training.{name}": {"pretrain", "prime", "tune"} for name in ("__init__", "record")},
    **{f"priming.training.{name}": {"pretrain"} for name in ("infilling", "pretrain")},
    "priming.training.known": {"prime", "tune"},
    "priming.runs.loss_curve": {"pretrain", "prime"},
    **{f"priming.training.{name}": {"prime"} for name in ("token_files", "upstream", "priming_run")},
    **{f"priming.backbones.{name}": {"prime"} for name in ("stored", "stored_set")},
    "priming.runs.shuffled": {"prime", "tune"},
    "priming.training.downstream": {"tune"},
    "priming.evaluation.__init__": {"prime", "tune", "score", "tables"},
    "priming.evaluation.answered": {"score", "tables"},
    "priming.evaluation.scoring": {"score"},
    **{
        f"priming.evaluation.{name}": {"tables"}
        for name in ("components", "gains", "group_arg", "intervals", "permutation", "rows")
    },
    **{
        f"priming.evaluation.metrics.{name}": {"prime", "tune", "score", "tables"} for name in ("__init__", "interface")
    },
    "priming.evaluation.metrics": {"score"},
    "priming.reporting": {"tables"},
    "priming.reporting.__init__": {"tables"} | EVERY_FIGURE,
    "priming.reporting.wording": {"tables"} | EVERY_FIGURE,
    "priming.reporting.figures": EVERY_FIGURE,
    "priming.reporting.figures.looks": NAMING_STRATEGIES,
    "priming.reporting.figures.bar_rows": {"figure charts", "figure tasks"},
    **{f"priming.reporting.figures.{figure}": {f"figure {figure}"} for figure in FIGURES},
}


Uses = Callable[[Study, Result], bool]


def of_algorithm(*names: str) -> Uses:
    """Primings by an algorithm."""
    return lambda study, result: (
        result.step == "prime" and result.priming is not None and result.priming.algorithm in names
    )


def of_element(name: str) -> Uses:
    """Primings and tunings of strategies that name an element, and primings that are judged by such tunings."""

    def used(study: Study, result: Result) -> bool:
        strategies = [result.strategy] if result.strategy else judged(study, result)
        return (result.step == "tune" and name in strategies[0].elements) or (
            result.step == "prime"
            and any(name in (*result.priming.elements, *strategy.elements) for strategy in strategies)
        )

    return used


def judged(study: Study, result: Result) -> list[Strategy]:
    """Strategies that choose the checkpoint of a priming; one of them all where the last is kept."""
    found = [strategy for strategy in study.parsed_strategies if result.priming and strategy.priming == result.priming]
    best = bool(found) and study.priming.of(result.priming.section).keep == "best"
    return found if best else [replace(found[0], tuned=(), kept=())] if found else []


def of_backbone(*families: str) -> Uses:
    """What loads a PLM that is generated in a family, or whose family its files say."""

    def used(study: Study, result: Result) -> bool:
        generate = study.plms[result.member.plm].generate if result.member.plm else None
        family = generate.architecture.family if generate else ""
        return result.step in ("pretrain", "prime", "tune") and (generate is None or family in families)

    return used


def drawn(by: str) -> Uses:
    """Tasks whose samples are drawn so."""
    return lambda study, result: (
        result.step == "prepare" and result.part != "source" and source_of(study.tasks, result.task).draw == by
    )


def tuning(study: Study, result: Result) -> bool:
    """What tunes, and primings whose checkpoints tunings choose."""
    best = result.priming is not None and study.priming.of(result.priming.section).keep == "best"
    return result.step == "tune" or (result.step == "prime" and best)


def of_label(study: Study, result: Result) -> bool:
    """What may need a class from a head: classification on a PLM whose family is not known before it is loaded."""
    unknown = bool(result.member.plm) and study.plms[result.member.plm].generate is None
    tasks = result.together or study.tasks.source
    return (
        unknown
        and result.step in ("prime", "tune")
        and any(kind_of(study.tasks, task) == "classification" for task in tasks)
    )


def of_rows(study: Study, result: Result) -> bool:
    """What writes or reads rows of tasks."""
    return result.step in ("prepare", "prime", "tune", "score", "tables") or (
        result.step == "pretrain" and bool(result.inputs)
    )


def selecting(study: Study, result: Result) -> bool:
    """What selects by accuracy, or reports it."""
    best = result.step == "prime" and result.priming and study.priming.of(result.priming.section).keep == "best"
    return bool(best) or result.step in ("tune", "score", "tables")


ENTRIES: dict[str, Uses] = {
    "priming.algorithms.mtl": of_algorithm("mtl"),
    "priming.algorithms.maml": of_algorithm("maml"),
    **{
        f"priming.algorithms.{name}": of_algorithm("reptile")
        for name in ("reptile", "full_step_reptile", "optimizer_reptile", "way_back")
    },
    **{
        f"priming.algorithms.{name}": of_algorithm("maml", "reptile")
        for name in ("meta", "inner_loops", "carried", "inner_rules", "sampled_loss", "seeds_of_meta")
    },
    **{f"priming.elements.{name}": of_element(name) for name in ELEMENTS},
    "priming.runs.update_rules.interpolation": of_algorithm("reptile"),
    **{f"priming.protocol.draws.{name}": drawn(name) for name in ("per_class", "in_all")},
    **{f"priming.protocol.keeping.{name}": tuning for name in ("best", "interface")},
    "priming.backbones.bart": of_backbone("bart"),
    **{f"priming.backbones.{name}": of_backbone("bert", "roberta", "xlm-roberta") for name in ("bert", "masking")},
    **{f"priming.forms.{name}": of_label for name in ("label", "label_training")},
    "priming.forms.text": of_rows,
    "priming.forms.decoders": lambda study, result: result.step == "pretrain" or of_rows(study, result),
    **{f"priming.backbones.{name}": of_backbone("t5", "mt5") for name in ("t5", "t5_prefix", "t5_released")},
    "priming.backbones.causal": of_backbone("gpt2", "llama", "qwen2"),
    **{f"priming.evaluation.metrics.{name}": selecting for name in ("accuracy", "texts")},
}
"""Entries of tables count for what uses them alone."""


@pytest.fixture(scope="module")
def jobs() -> Graph:
    """Those of the rich study with every figure."""
    panel = {"title": "One bar", "bars": [{"plm": "small", "strategy": "none -> plm"}]}
    rich = with_value(with_value(RICH, "figures/draw", list(FIGURES)), "figures/charts", {"panels": [panel]})
    of_hub = with_value(rich, "tasks/define/cards", {"hub": {"id": "a/cards"}, "input": "{text}", "output": "label"})
    sources = ["film_verdict", "day_mood", "cards", "tweet_eval-irony"]
    return graph(Study.model_validate(with_value(of_hub, "tasks/source", sources)))


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
    shutil.copytree(code.ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    cached = (code.closure, code.read)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "ROOT", folder)
        for function in cached:
            function.cache_clear()
        yield folder
    for function in cached:
        function.cache_clear()


@pytest.fixture
def edit(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`edit(module)` puts a line into a module until the test ends."""
    read, edited = code.read, []

    def add(module: str) -> None:
        source = code.source_of(module)
        assert source
        edited.append((source, source.read_text(encoding="utf-8")))
        source.write_text(edited[0][1] + "\nADDED = 1\n", encoding="utf-8")
        # Of this one anew; those of the others are known.
        monkeypatch.setattr(code, "read", lambda name: (read.__wrapped__ if name == module else read)(name))

    yield add
    for source, text in edited:
        source.write_text(text, encoding="utf-8")


def name_of(jobs: Graph, path: str) -> str:
    result = jobs.results[path]
    if result.step == "prepare":
        source = type(source_of(jobs.study.tasks, result.task))
        return next(f"prepare {name}" for name, of_table in SOURCES.items() if of_table is source)
    return f"figure {result.figure}" if result.figure else result.step


def expected(module: str) -> set[str]:
    """The row of the module, or of the smallest package that has one."""
    named = [f"{module}.__init__", *(module.rsplit(".", n)[0] for n in range(module.count(".") + 1))]
    return (
        set()
        if {*named} & NOTHING - {"priming"} or module == "priming"
        else next(MATTERS[name] for name in named if name in MATTERS)
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_changed_module(module: str, jobs: Graph, results: Path, edit: Callable[[str], None]) -> None:
    edit(module)
    recipes = Recipes(jobs, results, results)
    said = {path: reason for path in jobs.results if (reason := recipes.stale_reason(path))}
    itself = {path for path, reason in said.items() if f"code {module}" in reason.split("; ")}
    if uses := ENTRIES.get(module):
        assert itself == {path for path, result in jobs.results.items() if uses(jobs.study, result)}
    else:
        assert {name_of(jobs, path) for path in itself} == expected(module)
        assert itself >= {path for path in jobs.results if name_of(jobs, path) in expected(module)}
    for path in itself:
        assert said[path] == f"code {module}"
    followed = set(itself)
    for path, result in jobs.results.items():
        if followed & set(result.inputs):
            followed.add(path)
    assert said.keys() == followed


def test_the_lists_name_modules() -> None:
    assert set(MODULES) >= NOTHING | ENTRIES.keys()
    assert set(MODULES) >= {name.removesuffix(".__init__") for name in MATTERS}
