"""Declared dependencies, the lock, the environments of the rules, and the imports of the code agree."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from priming.algorithms.table import ALGORITHMS
from priming.backbones.table import BACKBONES
from priming.elements.table import ELEMENTS
from priming.evaluation.metrics import METRICS
from priming.jobs import code
from priming.study.figures import FIGURES
from priming.tasks.sources.table import SOURCES

ENVIRONMENTS = {
    "tasks": [source.preparing for source in SOURCES.values()],
    "train": [
        *("priming.training.pretrain", "priming.training.upstream", "priming.training.downstream"),
        *(module for table in (ALGORITHMS, BACKBONES, ELEMENTS) for module in table.modules.values()),
    ],
    "report": [
        "priming.evaluation.scoring",
        *METRICS.modules.values(),
        "priming.reporting.tables",
        *(f"priming.reporting.figures.{figure}" for figure in FIGURES),
    ],
}
PROGRAMS = {"snakemake", "dvc"}
# With these transformers reads the tokenizers of T5 and mT5 as the hub has them (spiece.model).
READS_TOKENIZERS = {"protobuf", "sentencepiece"}


def lock(project: Path) -> dict[str, str]:
    lines = (project / "constraints.txt").read_text().splitlines()
    pinned = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pinned}


def metadata(project: Path) -> dict[str, list[str]]:
    """The requirements of the project and of each extra."""
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    return {"": about["dependencies"], **about["optional-dependencies"]}


def imported(files: list[Path]) -> set[str]:
    """The distributions that the files import, anywhere in them."""
    names = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                # ruamel is a namespace that several distributions share.
                names.add("ruamel.yaml" if node.module.startswith("ruamel") else node.module.split(".")[0])
    known = packages_distributions()
    third_party = names - set(sys.stdlib_module_names) - {"priming"}
    return {canonicalize_name(known.get(name, [name])[0]) for name in third_party} - {"pydantic-core"}


def pip_lines(environment: Path) -> list[str]:
    (pip,) = [entry["pip"] for entry in YAML(typ="safe").load(environment)["dependencies"] if isinstance(entry, dict)]
    return list(pip)


def pins(environment: Path) -> dict[str, str]:
    pinned = (line.split("==") for line in pip_lines(environment) if not line.startswith("--"))
    return {canonicalize_name(name): version for name, version in pinned}


def test_declared_is_what_is_imported(project: Path) -> None:
    declared = {canonicalize_name(Requirement(text).name) for text in metadata(project)[""]}
    assert imported(list((project / "src").rglob("*.py"))) == declared - PROGRAMS - READS_TOKENIZERS


def test_tests_import_what_is_declared(project: Path) -> None:
    requirements = metadata(project)
    declared = {canonicalize_name(Requirement(text).name) for text in (*requirements[""], *requirements["dev"])}
    own = {"tests"} | {path.stem for path in (project / "tests").rglob("*")}
    assert imported(list((project / "tests").rglob("*.py"))) - own <= declared


def test_dependencies_are_bounded_and_the_lock_is_within_the_bounds(project: Path) -> None:
    locked = lock(project)
    for text in (text for texts in metadata(project).values() for text in texts):
        requirement = Requirement(text)
        assert any(s.operator in (">=", "~=", "==") for s in requirement.specifier), f"{text} has no lower bound"
        assert any(s.operator in ("<", "~=", "==") for s in requirement.specifier), f"{text} has no upper bound"
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), (
            f"{text} is not what constraints.txt has"
        )


def test_the_lock_is_versions_and_nothing_else(project: Path) -> None:
    lines = [line for line in (project / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)]
    names = [canonicalize_name(line.partition("==")[0]) for line in lines]
    assert names == sorted(set(names))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environments_of_rules_have_what_their_steps_import_at_the_locked_versions(project: Path, name: str) -> None:
    modules = [module for entry in ENVIRONMENTS[name] for module in code.closure(entry)]
    shared = [*(project / "src/priming/study").rglob("*.py"), *(project / "src/priming/cli").rglob("*.py")]
    needed = imported([file for module in modules if (file := code.source_of(module))] + shared)
    found = pins(project / "envs" / f"{name}.yaml")
    locked = lock(project)
    assert found == {package: locked[package] for package in found}
    assert set(found) == needed | (READS_TOKENIZERS if "transformers" in needed else set())


def test_every_environment_of_a_rule_exists(project: Path) -> None:
    named = {
        match
        for file in (project / "workflow").rglob("*.smk")
        for match in re.findall(r"envs/(\w+)\.yaml", file.read_text())
    }
    assert named == set(ENVIRONMENTS)


def test_the_environment_of_the_whole_project_has_all_dependencies_at_the_locked_versions(project: Path) -> None:
    requirements, locked = metadata(project), lock(project)
    declared = {canonicalize_name(Requirement(text).name) for text in (*requirements[""], *requirements["slurm"])}
    file = project / "envs/priming.yaml"
    assert pins(file) == {name: locked[name] for name in declared}
    (constraint,) = [line for line in pip_lines(file) if line.startswith("--")]
    assert (file.parent / constraint.removeprefix("--constraint=")).resolve() == project / "constraints.txt"


@pytest.mark.parametrize("recipe", ["Dockerfile", "envs/priming.def"])
def test_containers_install_the_locked_versions_from_what_they_copy(project: Path, recipe: str) -> None:
    text = (project / recipe).read_text()
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    (version,) = re.findall(r"(?mi)^from:? +python:([\d.]+)-slim$", text)
    assert SpecifierSet(about["requires-python"]).contains(version)
    assert "--constraint constraints.txt '.[slurm]'" in text
    copied = "\n".join(re.findall(r"(?m)^(?:COPY .*|    \S+ /priming/\S+)$", text))
    for name in ("pyproject.toml", "constraints.txt", about["readme"], *about["license-files"], "src"):
        assert name in copied
        assert (project / name).exists()


def test_what_a_container_copies_is_in_its_context(project: Path) -> None:
    allowed = {line[1:] for line in (project / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = re.findall(r"(?m)^COPY (.*) \S+$", (project / "Dockerfile").read_text())
    assert {name.rstrip("/") for line in sources for name in line.split()} == allowed
