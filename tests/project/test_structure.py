"""The house: rooms one above the other, imports downwards only, no circle."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

FLOORS = (
    ("errors", "entries", "programs", "durations", "section", "digests", "blocks", "atomic"),
    ("checked",),
    ("hub_access", "result_files", "templates", "tensor_files"),
    ("elements", "runs"),
    ("protocol",),
    ("backbones", "banks"),
    ("forms",),
    ("algorithms",),
    ("strategies",),
    ("study",),
    ("tasks",),
    ("evaluation",),
    ("training",),
    ("published",),
    ("reporting",),
    ("jobs",),
    ("resources",),
    ("running", "dvc", "quoting", "sharing"),
    ("inspection",),
    ("cli",),
    ("__main__",),
)
"""From the lowest up; rooms of one floor know nothing of each other."""
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@pytest.fixture(scope="module")
def modules(project: Path) -> dict[str, Path]:
    """The file of each module of the package."""
    source = project / "src"
    return {
        ".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): file
        for file in sorted((source / "priming").rglob("*.py"))
    }


def imported(module: str, modules: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that one imports, inside functions too; what only a type checker reads is left out."""
    tree = ast.parse(modules[module].read_text(encoding="utf-8"))
    unread = {id(node) for test in ast.walk(tree) if _for_types(test) for node in ast.walk(test)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and id(node) not in unread
            and (node.module or "").split(".")[0] == "priming"
        ):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in modules else str(node.module)
        elif isinstance(node, ast.Import) and id(node) not in unread:
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "priming")


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_has_a_floor(modules: dict[str, Path]) -> None:
    assert {room(module) for module in modules} - {""} == set(FLOOR)


def test_imports_go_downwards(modules: dict[str, Path]) -> None:
    wrong = [
        f"{module} imports {other}"
        for module in modules
        for other in imported(module, modules)
        if room(module) and room(other) and room(module) != room(other) and FLOOR[room(other)] >= FLOOR[room(module)]
    ]
    assert wrong == []


def test_there_is_no_circle(modules: dict[str, Path]) -> None:
    """Modules are taken away from the bottom up; what is left stands on itself."""
    left = {module: {other for other in imported(module, modules) if other in modules} - {module} for module in modules}
    while free := [module for module, below in left.items() if not below & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


def test_the_test_sees_imports(modules: dict[str, Path]) -> None:
    assert "priming.algorithms.table" in imported("priming.strategies", modules)
    assert "priming.runs.shards" in imported("priming.algorithms.interface", modules)  # inside a function
    assert "priming.backbones.text_model" not in imported("priming.elements.prompt", modules)  # for types alone


def test_files_and_functions_are_short(project: Path, modules: dict[str, Path]) -> None:
    files = {file for folder in ("src", "tests", "benchmarks") for file in (project / folder).rglob("*.py")}
    assert [file for file in files if file.read_text(encoding="utf-8").count("\n") > 400] == []
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module, file in modules.items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert [name for name, length in lengths.items() if length > 40] == []
    assert median(lengths.values()) <= 8
