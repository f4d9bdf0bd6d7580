"""PLMs that an installed Python package ships as a plain folder of safetensors, configuration and tokenizer."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from priming.errors import StudyError

CONFIG = "config.json"
KEPT = ("transformers", "huggingface-hub")
"""What must stay at its version when a package is added."""


def model_folder(package: str) -> Path:
    """The folder of the model in a package, found without importing the package.

    Raises:
        StudyError: the package is not installed, or ships no model or several.
    """
    module = package.replace("-", "_")
    try:
        spec = find_spec(module)
    except ImportError:
        spec = None
    places = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    if not places and (there := package_version(package)):
        raise StudyError(
            f"the package {package!r}, version {there}, is installed, but has no folder {module!r} to find a model in; "
            "name another package, or the model's folder as 'path'"
        )
    if not places:
        keeping = " ".join(f"{name}=={version(name)}" for name in KEPT)  # such packages take newer ones along
        raise StudyError(f"the package {package!r} is not installed; type: python -m pip install {package} {keeping}")
    files = sorted(file for place in places for file in place.rglob(CONFIG))
    folders = [file.parent for file in files if any(file.parent.glob("*.safetensors"))]
    if len(folders) == 1:
        return folders[0]
    found = f"several: {', '.join(map(str, folders))}; name one as 'path'" if folders else "none"
    asked = f"the package {package!r} should ship one folder with {CONFIG} and safetensors weights, and has {found}"
    raise StudyError(asked if folders else f"{asked}; name another package, or a folder as 'path'")


def package_version(package: str) -> str | None:
    """The version of an installed package; None if it has none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
