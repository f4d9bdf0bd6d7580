"""What the meta-learners share: settings, meta-batches, their cost, the inner loops."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from priming.algorithms.interface import Algorithm, Complaint, Optimizer, Pass, Sources, Step, Upstream
from priming.elements.sections import Rates
from priming.elements.table import ELEMENTS
from priming.runs.update_rules.table import PLAIN
from priming.section import Positive, Reduction

if TYPE_CHECKING:
    from torch import Tensor

    from priming.algorithms.carried import Carried
    from priming.algorithms.inner_loops import InnerLoops
    from priming.algorithms.inner_rules import InnerRules
    from priming.backbones.encoding import TokenizedDataset
    from priming.backbones.text_model import TextModel
    from priming.forms.batches import MetaBatch, Part, TokenPair
    from priming.forms.training import FormTraining
    from priming.runs.loop import Objective
    from priming.runs.parameters import Gradients, Named, StackedParameters
    from priming.runs.shards import PartObjective, Shard, Weight


class Meta(Upstream):
    """What the meta-learners share."""

    later = Upstream.later | {"episodes", "over_tasks", "head", "mixing", "inner_optimizer", "inner_state"}

    tasks: Positive = Field(2, description="Source tasks per meta-batch; their inner loops run side by side.")
    episodes: Literal["tasks", "pairs"] = Field(
        "tasks",
        description="What an inner loop is of. `tasks`: a task drawn at random, support and query set from all its "
        "rows. `pairs` (CrossFit): a pair of task and sample, each once an epoch, support sets from the sample's "
        "training examples and the query set from its development examples; without a query set, support sets from "
        "both.",
    )
    mixing: Literal["tasks", "examples"] = Field(
        "tasks",
        description="With episodes: tasks. `tasks`: each task equally likely. `examples` (Wu et al., 2022): an inner "
        "loop is of a batch of one task, which is divided into support and query sets; every example is once an epoch "
        "in a batch, what fills none is left out, and a task may be several times in a meta-batch.",
    )
    support: Positive = Field(16, description="Examples per inner step.")
    query: Positive = Field(16, description="Examples of the outer loss, disjoint from the support set.")
    same_support: bool = Field(
        True, description="Every inner step sees the same support set; otherwise each draws its own."
    )
    over_tasks: Reduction = Field(
        "mean",
        description="How the tasks' outer gradients are put together. CrossFit adds them up (`sum`), which matters to "
        "`clip`, and to AdamW where gradients are as small as 1e-8.",
    )
    head: Literal["fresh", "per_task", "first_task"] = Field(
        "fresh",
        description="Where a head that only the inner loop moves begins. `fresh`: at the same values in every outer "
        "step. `per_task`: where that task's last inner loop left it. `first_task`: one head for all tasks, where the "
        "inner loop of the last meta-batch's first task left it (Gheini et al., 2023, say both). It is dropped at "
        "tuning.",
    )
    inner_learning_rates: Rates = Rates()
    inner_optimizer: Optimizer = Field("sgd", description="The update rule of inner steps.")
    inner_state: Literal["reset", "carried"] = Field(
        "reset",
        description="What the inner optimizer remembers of gradients when a task begins. `reset`: nothing. `carried` "
        "(Wu et al., 2022): what the task before left; tasks then take their inner steps one after the other.",
    )
    normalise_inner: bool = Field(
        False,
        description="Divide a task's inner gradient by its norm. No published MAML does so: only a variant may set it.",
    )


class MetaLearner(Algorithm):
    """An algorithm with an inner loop for each task of a meta-batch; the inner loops run side by side."""

    has_inner_loop, divided = True, "tasks"
    settings: Meta
    carried: "Carried | None" = None
    rules: "InnerRules | None" = None

    def gradient(self, loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
        """The outer loss [1] and gradient of a step, in the outer parameters, stacked with R = 1."""
        raise NotImplementedError

    @property
    def paired(self) -> bool:
        """Whether each sample of a task is a set of its own."""
        return self.settings.episodes == "pairs"

    @property
    def _repeats(self) -> bool:
        """Whether a task may be several times in a meta-batch."""
        return self.settings.mixing == "examples"

    @property
    def has_query(self) -> bool:
        """Whether there is a loss on query sets."""
        return True

    @property
    def rated(self) -> dict[str, tuple[str, ...]]:
        """Outer and inner elements."""
        return {"learning_rates": self.moves.outer, "inner_learning_rates": self.moves.inner}

    @classmethod
    def unpublished(cls, settings: Meta) -> Iterator[Complaint]:
        """A normalised inner gradient."""
        if settings.normalise_inner:
            text = (
                "a normalised inner gradient is no published {0}; "
                "set it in a variant, under priming.variants.{0}:<name>"
            )
            yield Complaint(("normalise_inner",), text)

    def complaints(self, name: str, sources: Sources) -> Iterator[Complaint]:
        """More tasks a meta-batch than there are, or more examples of a task; pairs where there are no samples."""
        settings = self.settings
        if settings.keep == "loss" and (own := [e for e in self.moves.elements if not ELEMENTS[e].carried]):
            text = f"'loss' is of other tasks than those that {'+'.join(own)} of {name!r} are for; use 'last'"
            yield Complaint(("keep",), text)
        if settings.keep == "loss" and ":" not in name.partition("[")[0]:
            for key in sorted({"steps", "samples"} & settings.validation.model_fields_set):
                text = "does nothing with keep 'loss', which tunes nothing and looks at all samples; leave it out"
                yield Complaint(("validation", key), text)
        if self.settings.head != "fresh":
            yield from self._of_heads(name, sources)
        yield from self._of_inner_steps()
        if self._repeats:
            for key, idle in (("group_by_length", 1), ("episodes", "tasks")):
                if getattr(settings, key) != idle:
                    text = "does not go with mixing: examples, which draws batches of one task; leave it out"
                    yield Complaint((key,), text)
        if self.paired:
            if settings.group_by_length > 1:
                text = "does nothing with episodes: pairs, whose samples are small; leave it out"
                yield Complaint(("group_by_length",), text)
            if not sources.samples:
                text = "'pairs' are tasks and samples; set tasks.source_rows: samples, for CrossFit's tasks, or 'tasks'"
                yield Complaint(("episodes",), text)
            return
        if settings.tasks > sources.tasks and not self._repeats:
            text = f"{settings.tasks} tasks a meta-batch, and tasks.source has {sources.tasks}; allowed: no more"
            yield Complaint(("tasks",), text)
        needed = self.different_sets * settings.support + settings.query
        if needed > sources.limit:
            takes = f"{name!r} takes {needed} different examples of a task at once"
            yield Complaint(("support",), f"{takes}, and tasks.source_limit is {sources.limit}; allowed: no more")

    def _of_heads(self, name: str, sources: Sources) -> Iterator[Complaint]:
        """Heads that are kept from step to step, where there are none, or more than one of a task."""
        given = f"{self.settings.head!r} keeps the head from one outer step to the next"
        if not self._carried:
            yield Complaint(("head",), f"{given}, and {name!r} moves none inside alone; leave it out")
        if self.paired or self._repeats or self.settings.tasks > sources.tasks:
            yield Complaint(
                ("head",), f"{given}, which needs each task once in a meta-batch; use episodes: tasks, mixing: tasks"
            )
        if self.settings.keep == "loss":
            yield Complaint(("head",), f"{given}, and the tasks that keep: loss looks at have none; use keep: last")

    def _of_inner_steps(self) -> Iterator[Complaint]:
        """A rule that cannot be differentiated, or a memory where there is none or none can be kept."""
        rule, carried = self.settings.inner_optimizer, self.settings.inner_state == "carried"
        plain = rule in PLAIN
        if not plain and self.through_inner_steps:
            text = f"{rule!r} is not differentiated; use {' or '.join(sorted(PLAIN))}, or order: first"
            yield Complaint(("inner_optimizer",), text)
        if not plain and self.settings.normalise_inner:
            yield Complaint(("normalise_inner",), f"is for plain inner steps, not for {rule!r}; leave it out")
        if carried and plain:
            yield Complaint(("inner_state",), f"{rule!r} remembers nothing; leave it out, or name an inner_optimizer")
        if carried and self.settings.keep == "loss":
            yield Complaint(("inner_state",), "keep: loss looks at tasks between steps; use keep: last, or reset")

    @property
    def one_process(self) -> str:
        """With a memory that is carried, tasks begin with what the one before left behind."""
        return "inner_state: carried" if self.settings.inner_state == "carried" else ""

    @property
    def _carried(self) -> tuple[str, ...]:
        """The elements that only the inner loop moves and that are of tasks."""
        inside = (element for element in self.moves.inner if element not in self.moves.outer)
        return tuple(element for element in inside if not ELEMENTS[element].carried)

    @property
    def different_sets(self) -> int:
        """Support sets that share no example."""
        return min(self.moves.inner_steps, 1) if self.settings.same_support else self.moves.inner_steps

    @property
    def step(self) -> Step:
        """For each task the support sets of all inner steps, and the query set."""
        query = self.settings.query if self.has_query else 0
        return Step(self.settings.tasks, self.settings.support * self.moves.inner_steps, query)

    @property
    def held(self) -> int:
        """One support set of each task, or its query set; where inner steps are differentiated, all of them."""
        support, query = self.settings.support, self.step.outer
        each = 2 * self.moves.inner_steps * support + query if self.through_inner_steps else max(support, query)
        return -(-self.settings.tasks // self.settings.accumulation_steps) * each

    @property
    def copies(self) -> float:
        """For each task the start and the end of its inner loop; all its steps where they are differentiated."""
        each = self.moves.inner_steps + 2 if self.through_inner_steps else 2
        return self.settings.tasks / self.settings.accumulation_steps * each

    @property
    def differentiated(self) -> tuple[str, ...]:
        """All elements that move."""
        return self.moves.elements

    @property
    def seeded(self) -> bool:
        """Whether `gradient` can be of several seeds."""
        return False

    @property
    def banks(self) -> bool:
        """Whole meta-batches, in whose inner loops nothing is kept from step to step."""
        settings = self.settings
        plain = settings.inner_optimizer in PLAIN and settings.head == "fresh"
        return self.seeded and plain and settings.accumulation_steps == 1

    @property
    def spread(self) -> float:
        """Each task has a copy of its seed's values and of their gradient."""
        return 2.0 * self.settings.tasks

    def meta_batch(
        self, sets: "Sequence[TokenizedDataset]", run_key: int, step: int, rows: slice = slice(None)
    ) -> "MetaBatch":
        """The meta-batch of a step, or only these tasks of it: support sets, and a query set disjoint from them."""
        from priming.forms.batches import MetaBatch, epoch_draw, part_of, task_draw
        from priming.runs.keys import key

        settings = self.settings
        keys = [key(run_key, "episode", step, place) for place in range(settings.tasks)][rows]
        if self._repeats:
            return self._of_batches(sets, run_key, step, rows, keys)
        draw = epoch_draw if self.paired else task_draw
        drawn = draw(len(sets), run_key, step, settings.tasks)[rows]
        part = part_of(run_key, step, settings.group_by_length)
        pairs = [self.batches(sets[task], k, part) for task, k in zip(drawn, keys, strict=True)]
        query, *support = (list(batch) for batch in zip(*pairs, strict=True))
        return MetaBatch(self.each_step(support), query, keys, drawn)

    def _of_batches(
        self, sets: "Sequence[TokenizedDataset]", run_key: int, step: int, rows: slice, keys: list[int]
    ) -> "MetaBatch":
        """The meta-batch of a step, its inner loops of batches of one task each."""
        from priming.forms.batches import MetaBatch, batch_draw, divided

        sizes = [self.settings.query, *[self.settings.support] * self.different_sets]
        drawn = batch_draw(list(map(len, sets)), run_key, step, self.settings.tasks, sum(sizes))[rows]
        pairs = [divided(sets[task], own, sizes, k) for (task, own), k in zip(drawn, keys, strict=True)]
        query, *support = (list(batch) for batch in zip(*pairs, strict=True))
        return MetaBatch(self.each_step(support), query, keys, [task for task, _ in drawn])

    def batches(self, data: "TokenizedDataset", run_key: int, part: "Part | None" = None) -> "list[list[TokenPair]]":
        """The query set and the support sets of an inner loop; without a query set, one that nobody sees."""
        from priming.forms.batches import Part, disjoint_batches

        support = [self.settings.support] * self.different_sets
        if self.paired and not self.has_query:
            drawn = disjoint_batches(data, run_key, support)
            return [drawn[0], *drawn]
        return disjoint_batches(data, run_key, [self.settings.query, *support], self.paired, part or Part())

    def passes(self, sets: "Sequence[TokenizedDataset]", run_key: int) -> Callable[[int], list[Pass]]:
        """The inner steps of each part of the meta-batch, and its query sets where there is a loss on them."""
        from priming.forms.batches import padded
        from priming.runs.shards import Shard

        def of_step(step: int) -> list[Pass]:
            """All batches of a step."""
            found = []
            for rows in Shard().parts(self.settings.tasks, self.settings.accumulation_steps):
                drawn = self.meta_batch(sets, run_key, step, rows)
                found += [Pass(*padded(list(chain.from_iterable(one))), inner=True) for one in drawn.support]
                found += [Pass(*padded(list(chain.from_iterable(drawn.query))))] if self.has_query else []
            return found

        return of_step

    def objective(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int, shard: "Shard"
    ) -> "Objective":
        """As of others, with heads or an inner memory that are kept from step to step where the settings say so."""
        self.changing = {}
        if self.one_process:
            self.rules = self._inner_rules()
            self.changing["inner"] = self.rules
        if self.settings.head == "fresh":
            return super().objective(model, form, sets, run_key, shard)
        from priming.algorithms.carried import Carried

        carried = Carried(dict(model.owned_by(self._carried)), len(sets), self.settings.head == "first_task")
        self.carried, self.changing["heads"] = carried, carried
        of_step = super().objective(model, form, sets, run_key, shard)

        def objective(parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
            """The loss and the gradient of a step, after which heads are where inner loops have left them."""
            found = of_step(parameters, step)
            carried.settle(shard)
            return found

        return objective

    def part(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int, rows: slice
    ) -> "tuple[PartObjective, Weight]":
        """The gradient over these tasks of a meta-batch, over which the outer loss is a mean."""
        from priming.runs.parameters import weighted

        settings = self.settings
        loops = self.loops(model, form, lambda step: self.meta_batch(sets, run_key, step, rows))
        loops.carried, loops.first = self.carried, rows.start == 0

        def objective(
            parameters: "StackedParameters", step: int, weight: float = 1.0, into: "Gradients | None" = None
        ) -> "tuple[Tensor, Gradients]":
            """The mean loss over these tasks [1], and the gradient of their mean or sum."""
            loss, gradients = self.gradient(loops, parameters, step)
            if settings.over_tasks == "sum":
                gradients = weighted(gradients, settings.tasks, None)
            return loss, weighted(gradients, weight, into)

        share = (rows.stop - rows.start) / settings.tasks
        return objective, lambda _: share

    def side_by_side(
        self,
        model: "TextModel",
        form: "FormTraining",
        sets: "Sequence[TokenizedDataset]",
        run_keys: Sequence[int],
        lengths: Sequence[int],
    ) -> "Objective":
        """The inner loops of all seeds that are not done, at once."""
        from priming.algorithms.seeds_of_meta import seeds_objective

        return seeds_objective(self, model, form, sets, run_keys, lengths)

    def loops(self, model: "TextModel", form: "FormTraining", drawn: "Callable[[int], MetaBatch]") -> "InnerLoops":
        """The inner loops on the meta-batches that are drawn."""
        from priming.algorithms.inner_loops import Episode, InnerLoop, InnerLoops
        from priming.backbones.encoding import collate

        settings = self.settings
        rates = {e: r for e in self.moves.elements if (r := settings.inner_learning_rates.of(e)) is not None}
        inner = InnerLoop(self.moves.inner, rates, self.through_inner_steps, settings.normalise_inner)

        def episodes(step: int) -> Episode:
            """The padded meta-batch of a step."""
            found = drawn(step)
            collated = {id(pairs): collate(pairs, model.pad_id) for pairs in found.support}
            support = [collated[id(pairs)] for pairs in found.support]  # one batch for inner steps with one support set
            return Episode(support, collate(found.query, model.pad_id), found.keys, found.tasks).to(model.device)

        loss = form.loss(settings.label_smoothing, settings.loss)
        if settings.inner_optimizer in PLAIN:
            return InnerLoops(model, inner, episodes, loss)
        from priming.algorithms.inner_rules import RuledLoops

        return RuledLoops(model, inner, episodes, self.rules or self._inner_rules(), loss)

    def _inner_rules(self) -> "InnerRules":
        """What the rule of inner steps remembers."""
        from priming.algorithms.inner_rules import InnerRules

        rates = {e: r for e in self.moves.elements if (r := self.settings.inner_learning_rates.of(e)) is not None}
        return InnerRules(self.settings.inner_optimizer, self.settings.inner_state == "carried", rates)

    def development_loss(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int
    ) -> "Callable[[Named], float]":
        """The mean over samples of the loss on the query set after an inner loop on the sample's training examples.

        Without a query set it is that of the last inner step. Each sample's draws are the same every time.
        """
        from priming.algorithms.sampled_loss import sampled_loss

        pairs = type(self)(self.settings.model_copy(update={"episodes": "pairs"}), self.moves)
        return sampled_loss(pairs, model, form, sets, run_key)

    def each_step(self, support: "list[Any]") -> "list[Any]":
        """The support sets of all inner steps."""
        return support * self.moves.inner_steps if self.settings.same_support else support
