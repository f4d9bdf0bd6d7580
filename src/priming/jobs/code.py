"""The code that a step runs: the import closure of a module within this package, without comments and docstrings.

It is read from source rather than by importing, so imports inside functions count and nothing heavy is loaded.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from priming.entries import own_files

PACKAGE = "priming"
ROOT = Path(__file__).parents[1]

# These modules affect a result only through the settings in its recipe, or not at all (messages, the version, the
# list of entries in a table, whether the hub can be reached, how a file is put in place).
UNCOUNTED = (
    PACKAGE,
    *(
        f"{PACKAGE}.{name}"
        for name in ("errors", "entries", "hub_access", "programs", "study", "section", "atomic", "checked")
    ),
    *(f"{PACKAGE}.{kind}.table" for kind in ("algorithms", "backbones", "elements", "forms", "runs.update_rules")),
    *(f"{PACKAGE}.protocol.{kind}.table" for kind in ("draws", "keeping")),
    *(f"{PACKAGE}.{name}" for name in ("backbones.compute", "backbones.sections", "elements.sections")),
)

_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
"""Where a statement has others."""

LOOKS = frozenset({"noun", "colour", "fill"})
"""Attributes of elements and algorithms that texts and figures show; those of figures are among their parameters."""


@cache
def closure(entry: str) -> tuple[str, ...]:
    """The modules of this package that `entry` imports, directly or indirectly, sorted; packages as their `__init__`.

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
            waiting.extend(read(module)[1])
    return tuple(sorted(found))


def digest(module: str) -> str:
    """SHA-256 of the module's syntax tree without docstrings."""
    return read(module)[0]


@cache
def read(module: str) -> tuple[str, tuple[str, ...]]:
    """The module's digest and the modules of this package that it imports, both from one parse of its source."""
    source = source_of(module)
    assert source, module
    text = source.read_text(encoding="utf-8")
    tree = ast.parse(text)
    imported = _imported(tree, module)
    return hashlib.sha256(ast.dump(_bare(tree, text)).encode()).hexdigest(), imported


def source_of(module: str) -> Path | None:
    """The file of a module of this package, of a user's module, or of one beside it; None for other modules."""
    first, *rest = module.split(".")
    if first != PACKAGE:
        beside = (file.parent / f"{module}.py" for file in own_files())
        return next((file for file in beside if file.is_file()), None)
    base = ROOT.joinpath(*rest)
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def _uncounted(module: str) -> bool:
    return module == PACKAGE or any(module == name or module.startswith(f"{name}.") for name in UNCOUNTED[1:])


def _imported(tree: ast.Module, module: str) -> tuple[str, ...]:
    """The modules of this package that `module` imports in its source, and their packages."""
    named = [name for node in _statements(tree) for name in _names(node, module)]
    if _in_package(module):  # it imports none of a user's modules, whatever they are called
        named = [name for name in named if _in_package(name)]
    modules = [name if source_of(name) else name.rpartition(".")[0] for name in dict.fromkeys(named) if name]
    parts = dict.fromkeys(part for name in [*modules, module] for part in _with_packages(name))
    return tuple(part for part in parts if source_of(part))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, those inside others too; without expressions, which are most of a tree and import nothing."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [inside for part in _BLOCKS for inside in getattr(node, part, ())]


def _names(node: ast.AST, module: str) -> Iterator[str]:
    """Modules that an import statement may load: for `from a import b` both a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = module.split(".") if _is_package(module) else module.split(".")[:-1]
            base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _in_package(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE


def _is_package(module: str) -> bool:
    source = source_of(module)
    return source is not None and source.name == "__init__.py"


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _without_looks(node: ast.stmt) -> ast.stmt:
    """A statement of a class, where it assigns names, without those of LOOKS: `a, colour = 1, "red"` is `a, = 1,`."""
    if not isinstance(node, ast.Assign) or len(node.targets) > 1:
        return node
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name):
        return ast.Pass() if target.id in LOOKS else node
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        kept = [(name, given) for name, given in pairs if not (isinstance(name, ast.Name) and name.id in LOOKS)]
        target.elts, value.elts = [name for name, _ in kept], [given for _, given in kept]
    return node


def _bare(tree: ast.Module, text: str) -> ast.Module:
    """The tree of `text` without docstrings, field descriptions, and how entries of tables look in figures."""
    for node in ast.walk(tree) if "Field" in text else _statements(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [_without_looks(part) for part in node.body]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree
