"""The study file on priming: one section per algorithm, and variants."""

from typing import Any

from pydantic import Field

from priming.algorithms.interface import Algorithm, Upstream
from priming.algorithms.table import ALGORITHMS, bound
from priming.section import Name, Section, add_fields
from priming.strategies import Priming


class ByAlgorithm(Section):
    """A section for each algorithm."""


def add_keys() -> None:
    """Give the section the keys of all algorithms."""
    sections: list[type[Section]] = [ByAlgorithm, *ByAlgorithm.__subclasses__()]
    for section in sections:
        add_fields(section, {name: (algorithm.section, algorithm.section()) for name, algorithm in ALGORITHMS.items()})
        section.model_rebuild(force=True)


add_keys()


class PrimingSettings(ByAlgorithm):
    """Priming: the settings of each algorithm, and named variants, whose keys override the algorithm's."""

    variants: dict[str, dict[str, Any]] = Field(
        {},
        description="Overrides under a name such as `maml:first`, as used in strategies: "
        "`maml:first[plm | plm x1] -> adapter`.",
    )
    plms: dict[Name, dict[str, dict[str, Any]]] = Field(
        {},
        description="Overrides for one of several PLMs, by its name and by algorithm or variant: `{t5: {mtl: "
        "{learning_rates: {plm: 1e-4}}}}`.",
    )

    def of(self, section: str, plm: str | None = None) -> Upstream:
        """The settings of `mtl` or of a variant such as `maml:first`, with the overrides for one of the PLMs."""
        algorithm, _, variant = section.partition(":")
        base: Upstream = getattr(self, algorithm)
        own = self.plms.get(plm or "", {})
        overrides = [own.get(algorithm), *((self.variants[section], own.get(section)) if variant else ())]
        merged = base.model_dump(exclude_unset=True)
        for override in filter(None, overrides):
            merged = _merged(merged, override)
        return type(base).model_validate(merged)

    def algorithm(self, priming: Priming, plm: str | None = None) -> Algorithm:
        """The algorithm of a priming with its settings."""
        return bound(priming.algorithm, self.of(priming.section, plm), priming)


def _merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """`base` updated by `override`; rates are merged key by key, a budget is replaced."""
    merged = dict(base)
    for key, value in override.items():
        rates = key.endswith("learning_rates") and isinstance(value, dict)
        merged[key] = {**base.get(key, {}), **value} if rates else value
    return merged
