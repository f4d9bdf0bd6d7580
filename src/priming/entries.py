"""Tables of entries, one module each: the package's entries, and a user's own beside them.

A module that a study file lists under `extensions` is an entry like those of the package: it defines `ELEMENT`,
`ALGORITHM`, `BACKBONE`, `METRIC`, `SOURCE` or a function `figure`, and its file is named after the entry.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticKnownError

T = TypeVar("T")


class Kind(NamedTuple):
    """A kind of entry: the package of its modules, and the class that an entry is an object of, or derived from."""

    package: str
    base: str
    derived: bool = False


ATTRIBUTES: Mapping[str, Kind] = {
    "ELEMENT": Kind("elements", "Element"),
    "ALGORITHM": Kind("algorithms", "Algorithm", derived=True),
    "BACKBONE": Kind("backbones", "Backbone"),
    "METRIC": Kind("evaluation.metrics", "Metric"),
    "SOURCE": Kind("tasks.sources", "Source", derived=True),
    "FORM": Kind("forms", "Form"),
    "SHARED": Kind("sharing.elements", "Shared"),
    "DRAW": Kind("protocol.draws", "Draw"),
    "KEEPING": Kind("protocol.keeping", "Keeping"),
    "figure": Kind("reporting.figures", ""),
}
"""What a module has an entry as. No package is imported for it, so that a study is checked without any."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
OWN: dict[str, ModuleType] = {}
"""The user's modules loaded so far, by name."""

_TABLES: "list[Table[Any]]" = []


class Table(dict[str, T]):
    """Entries by name, in the order in which they are listed everywhere, a user's own last."""

    def __init__(
        self, attribute: str, package: str, names: Iterable[str], keys: Callable[[T], Iterable[str]] | None = None
    ) -> None:
        """Fill the table.

        Args:
            attribute: the variable that holds the entry in its module.
            package: the package of the modules.
            names: the names of the modules.
            keys: maps an entry to its names in the table; by default the name of its module.
        """
        super().__init__()
        self.modules: dict[str, str] = {}
        self._attribute, self._keys = attribute, keys
        for name in names:
            self._add(name, import_module(f"{package}.{name}"))
        for name, module in OWN.items():
            self._add(name, module)
        _TABLES.append(self)

    def _add(self, name: str, module: ModuleType) -> None:
        if hasattr(module, self._attribute):
            entry: T = getattr(module, self._attribute)
            for key in self._keys(entry) if self._keys else [name]:
                self[key], self.modules[key] = entry, module.__name__


def load(file: Path) -> ModuleType:
    """Load a user's module, and add its entries to all tables.

    Raises:
        ImportError: it cannot be loaded, has no entry, or has the name of another module.
    """
    name = file.stem
    if name in OWN and Path(str(OWN[name].__file__)) == file:
        return OWN[name]
    if file.suffix != ".py" or not NAME.fullmatch(name):
        raise ImportError("it is not named as an entry is; allowed: small letters, digits and '_', then '.py'")
    if name in sys.modules or name in sys.stdlib_module_names or _named(name):
        raise ImportError(f"another module or entry is called {name!r}; give the file another name")
    module = _executed(name, file)
    if fault := _fault(name, module):
        del sys.modules[name]
        raise ImportError(f"{fault}; docs/extending.md shows how it is done")
    OWN[name] = module
    for table in _TABLES:
        table._add(name, module)
    return module


def _named(name: str) -> bool:
    """Whether an entry or a module beside entries is called so."""
    folders = (Path(__file__).parent.joinpath(*kind.package.split(".")) for kind in ATTRIBUTES.values())
    return any(name in table for table in _TABLES) or any((folder / f"{name}.py").exists() for folder in folders)


def _fault(name: str, module: ModuleType) -> str | None:
    """What is wrong with the entries of a module."""
    entries = {attribute: getattr(module, attribute) for attribute in ATTRIBUTES if hasattr(module, attribute)}
    if not entries:
        return f"it has no entry; allowed: {', '.join(ATTRIBUTES)}"
    return next(filter(None, (_fault_of(name, attribute, entry) for attribute, entry in entries.items())), None)


def _fault_of(name: str, attribute: str, entry: Any) -> str | None:
    """What is wrong with an entry: it is something else, lacks an answer, or is not called as its file."""
    kind = ATTRIBUTES[attribute]
    if not kind.base:
        return None if callable(entry) else f"{attribute!r} is not a function"
    given = entry if isinstance(entry, type) else type(entry)
    ours = [base for base in given.__mro__ if base.__module__.startswith("priming.")]
    if isinstance(entry, type) is not kind.derived or kind.base not in [base.__name__ for base in ours]:
        return f"{attribute} is not {'a class derived from' if kind.derived else 'an object of the class'} {kind.base}"
    asked = [key for base in ours for key, of in vars(base).get("__annotations__", {}).items() if "ClassVar" in str(of)]
    if missing := [key for key in asked if not hasattr(entry, key)]:
        return f"{attribute} lacks {', '.join(missing)}"
    if (called := getattr(entry, "name", name)) != name:
        return f"{attribute} has the name {called!r}, and its file is {name}.py: give both the same"
    return None


def _executed(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))  # for its imports of files beside it, and for child processes
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ImportError(f"it cannot be loaded ({type(error).__name__}: {error})") from error
    return module


def own_files() -> list[Path]:
    """The files of the user's modules."""
    return [Path(str(module.__file__)) for module in OWN.values()]


def module_of(attribute: str, package: str, name: str) -> str:
    """The name of an entry's module, to be imported when it is used."""
    return name if hasattr(OWN.get(name), attribute) else f"{package}.{name}"


def one_of(names: Collection[str], attribute: str = "") -> Any:
    """The type of a study-file key that names an entry: one of `names`, or a user's own entry with this attribute."""

    def known(value: str) -> str:
        """The value, if there is such an entry."""
        allowed = [*names, *(name for name, module in OWN.items() if attribute and hasattr(module, attribute))]
        if value not in allowed:
            expected = " or ".join(filter(None, [", ".join(map(repr, allowed[:-1])), repr(allowed[-1])]))
            raise PydanticKnownError("literal_error", {"expected": expected})
        return value

    return Annotated[str, AfterValidator(known), WithJsonSchema({"enum": list(names), "type": "string"})]
