"""Which code a step runs: the import closure of a module inside this package, without comments and docstrings.

It is read from the source, not by importing, so that imports inside functions count and nothing heavy is loaded.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "priming"
ROOT = Path(__file__).parent

# What these say reaches a result only through the settings in its recipe, or not at all (messages, the version).
UNCOUNTED = (PACKAGE, f"{PACKAGE}.errors", f"{PACKAGE}.study")


@cache
def closure(entry: str) -> tuple[str, ...]:
    """The modules of this package that `entry` imports, itself or through others, sorted; packages count for their `__init__`.

    Raises ModuleNotFoundError if there is no module `entry`.
    """
    if not source_of(entry):
        raise ModuleNotFoundError(f"no module {entry} in {ROOT}")
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module not in found and not _uncounted(module):
            found.add(module)
            waiting.extend(_imported(module))
    return tuple(sorted(found))


@cache
def digest(module: str) -> str:
    """SHA-256 of the module's syntax tree without docstrings."""
    return hashlib.sha256(ast.dump(_bare(_tree(module))).encode()).hexdigest()


def source_of(module: str) -> Path | None:
    """The file of a module of this package, None if it is none."""
    base = ROOT.joinpath(*module.split(".")[1:])
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def _uncounted(module: str) -> bool:
    return module == PACKAGE or any(module == name or module.startswith(f"{name}.") for name in UNCOUNTED[1:])


def _tree(module: str) -> ast.Module:
    source = source_of(module)
    assert source, module
    return ast.parse(source.read_text(encoding="utf-8"))


@cache
def _imported(module: str) -> tuple[str, ...]:
    """The modules of this package that the source of `module` names, and the packages they lie in."""
    named = [name for node in ast.walk(_tree(module)) for name in _names(node, module) if name.split(".")[0] == PACKAGE]
    modules = [name if source_of(name) else name.rpartition(".")[0] for name in named]
    return tuple(dict.fromkeys(part for name in [*modules, module] for part in _with_packages(name) if source_of(part)))


def _names(node: ast.AST, module: str) -> Iterator[str]:
    """What an import statement may load: `from a import b` both a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = module.split(".") if _is_package(module) else module.split(".")[:-1]
            base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _is_package(module: str) -> bool:
    source = source_of(module)
    return source is not None and source.name == "__init__.py"


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree
