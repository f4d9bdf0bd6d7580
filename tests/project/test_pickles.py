"""No pickle is opened or written in the package, but in the one module that converts weights."""

import ast
from pathlib import Path

import pytest

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"load", "save", "read_pickle", "to_pickle"}
OWNERS = {"torch", "np", "numpy", "pd", "pandas", "pickle"}
ALLOWED = Path("backbones/unpickle.py")


def uses(tree: ast.Module) -> list[str]:
    """Imports of modules that pickle, and calls such as torch.load and frame.to_pickle."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [
                name
                for name in names
                if node.module.split(".")[0] in MODULES or name in ("torch.load", "torch.save", "numpy.load")
            ]
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            owner = ast.unparse(node.value)
            found += [f"{owner}.{node.attr}"] if owner in OWNERS or "pickle" in node.attr else []
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append("allow_pickle")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(x)",
        "from torch import load",
        "frame.to_pickle(x)",
        "np.load(x)",
    ],
)
def test_what_counts(source: str) -> None:
    assert uses(ast.parse(source))


def test_the_package_opens_pickles_in_one_place(project: Path) -> None:
    root = project / "src/priming"
    found = {path.relative_to(root): uses(ast.parse(path.read_text(encoding="utf-8"))) for path in root.rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {ALLOWED: ["torch.load"]}


def test_there_it_reads_weights_only(project: Path) -> None:
    tree = ast.parse((project / "src/priming" / ALLOWED).read_text(encoding="utf-8"))
    (call,) = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"]
    (only,) = [keyword.value for keyword in call.keywords if keyword.arg == "weights_only"]
    assert ast.unparse(only) == "True"
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "adapters" in ast.unparse(node)
    ]


def test_nothing_else_imports_it(project: Path) -> None:
    importing = [
        path
        for path in (project / "src").rglob("*.py")
        if "backbones.unpickle import" in path.read_text() or "import unpickle" in path.read_text()
    ]
    assert not importing
