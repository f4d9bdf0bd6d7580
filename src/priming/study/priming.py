"""The study file on priming: one section an algorithm, and variants of it."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from priming.study.base import Name, Positive, Rate, Reduction, Section, Share


class Budget(Section):
    """How long priming lasts: exactly one of steps, examples, counted and executed FLOPs."""

    steps: Positive | None = Field(None, description="Optimizer (outer) steps.")
    examples: Positive | None = Field(None, description="Examples seen, those of the inner loop included.")
    flops: float | None = Field(None, gt=0, description="Floating-point operations, counted as docs/compute.md says.")

    executed_flops: float | None = Field(
        None, gt=0, description="Floating-point operations as executed, padding included; the number of steps then depends on the seed's batches."
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        measures = list(type(self).model_fields)
        if sum(getattr(self, measure) is not None for measure in measures) != 1:
            raise ValueError(f"give exactly one of {', '.join(measures)}")
        return self


class Rates(Section):
    """A learning rate for each element."""

    plm: Rate | None = Field(None, description="Rate for the whole PLM.")
    adapter: Rate | None = Field(None, description="Rate for adapters.")
    prompt: Rate | None = Field(None, description="Rate for soft prompts.")
    prefix: Rate | None = Field(None, description="Rate for prefixes.")

    def of(self, element: str) -> float | None:
        """The rate of `element`, None where the study names none."""
        rate: float | None = getattr(self, element)
        return rate


class Validation(Section):
    """Choosing the primed checkpoint on the development tasks, by a short tuning of each downstream element."""

    every: Positive = Field(100, description="Steps between candidates.")
    steps: Positive = Field(30, description="Tuning steps a development task.")
    samples: Positive = Field(1, description="How many of the study's samples are used.")


class Upstream(Section):
    """What the algorithms share."""

    budget: Budget = Budget(steps=700)
    learning_rates: Rates = Rates()
    optimizer: Literal["adamw"] = Field("adamw", description="The (outer) optimizer.")
    warmup: Share = Field(0.06, description="Share of the steps spent warming up; linear decay to zero follows.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay of AdamW.")
    clip: Rate | None = Field(1.0, description="Largest gradient norm, over all tuned elements.")
    dropout: Share | None = Field(None, description="Dropout while priming; the PLM's own without it.")
    loss: Reduction = Field("mean", description="Over the target tokens of a batch. CrossFit: `sum`.")
    label_smoothing: Share = Field(0.0, description="Share of each target spread over the whole vocabulary, as fairseq does. CrossFit: 0.1.")
    target_space: bool = Field(False, description="Write a space before each target. CrossFit does so while priming, and not while tuning.")
    parts: Positive = Field(
        1, description="Parts of each batch, or of the tasks of a meta-batch, computed one after the other where memory does not hold them at once."
    )
    keep: Literal["last", "best"] = Field("last", description="The last checkpoint, or the best by the development tasks.")
    validation: Validation = Validation()


class Mtl(Upstream):
    """Multi-task learning: batches mixed from all source tasks."""

    batch: Positive = Field(32, description="Examples a step.")
    mixing: Literal["tasks", "examples"] = Field(
        "tasks", description="Each task equally likely, and each example of it; or every example of all tasks once an epoch (CrossFit)."
    )


class Meta(Upstream):
    """What the meta-learners share."""

    tasks: Positive = Field(2, description="Source tasks a meta-batch; their inner loops run side by side.")
    support: Positive = Field(16, description="Examples an inner step.")
    query: Positive = Field(16, description="Examples of the outer loss, disjoint from the support set.")
    same_support: bool = Field(True, description="Every inner step sees the same support set; otherwise each draws its own.")
    inner_learning_rates: Rates = Rates()
    normalise_inner: bool = Field(
        False, description="Divide a task's inner gradient by its norm. Not part of any published MAML: only a variant may set it."
    )


class Maml(Meta):
    """MAML (Finn et al., 2017): the outer gradient of the query loss after the inner SGD steps."""

    order: Literal["first", "second"] = Field("second", description="With `first`, inner gradients count as constants (FOMAML).")


class Reptile(Meta):
    """Reptile: the outer gradient is the way from where the inner loop ended back to where it began."""

    update: Literal["standard", "full_step"] = Field(
        "standard",
        description="`standard` (Nichol et al., 2018): SGD inner steps on the inner elements, then a move of `step_size` towards their mean. "
        "`full_step`: the inner steps, one more step of all outer elements on the query set, then the outer optimizer on the mean difference.",
    )
    step_size: Rate = Field(
        0.5,
        description="Share of the way that `standard` moves at the most. Like a learning rate it warms up, over the share `warmup` of the steps, "
        "and decays linearly to zero; with `warmup: 0` it decays from the first step, as in Nichol et al. (2018).",
    )


ALGORITHM_SECTIONS: dict[str, type[Upstream]] = {"mtl": Mtl, "maml": Maml, "reptile": Reptile}


class PrimingSettings(Section):
    """Priming: the settings of each algorithm, and named variants, whose keys override the algorithm's."""

    mtl: Mtl = Mtl()
    maml: Maml = Maml()
    reptile: Reptile = Reptile()
    variants: dict[str, dict[str, Any]] = Field(
        {},
        description="Overrides under a name such as `maml:first`, written so in strategies: `maml:first[plm | plm x1] -> adapter`.",
    )
    plms: dict[Name, dict[str, dict[str, Any]]] = Field(
        {}, description="Overrides for one of several PLMs, by its name and by algorithm or variant: `{t5: {mtl: {learning_rates: {plm: 1e-4}}}}`."
    )

    def of(self, section: str, plm: str | None = None) -> Upstream:
        """The settings of `mtl` or of a variant such as `maml:first`, with what the study says for one of its PLMs."""
        algorithm, _, variant = section.partition(":")
        base: Upstream = getattr(self, algorithm)
        own = self.plms.get(plm or "", {})
        overrides = [own.get(algorithm), *((self.variants[section], own.get(section)) if variant else ())]
        merged = base.model_dump(exclude_unset=True)
        for override in filter(None, overrides):
            merged = _merged(merged, override)
        return type(base).model_validate(merged)


def _merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `override`; rates are merged key by key, a budget is replaced."""
    merged = dict(base)
    for key, value in override.items():
        rates = key.endswith("learning_rates") and isinstance(value, dict)
        merged[key] = {**base.get(key, {}), **value} if rates else value
    return merged
