"""What it takes to answer a row: labels are ranked in one pass, and outputs generated token by token."""

from priming.forms.decoders import DECODERS
from priming.forms.table import KINDS, form_of_kind
from priming.resources.sizes import Size
from priming.section import remembered
from priming.study import Study
from priming.tasks.sources.table import source_of

LABELS = 4  # of a task whose study does not list them
TEST_ROWS = 2000  # of a task whose study does not say


@remembered
def operations_of_a_row(
    study: Study, plm: str, task: str, size: Size, decoders: tuple[str, ...], longest: int | None = None
) -> float:
    """Floating-point operations of answering one row of a task by all of `decoders`.

    A batch that generates goes on until its last row has ended, so a task without labels counts as if every output had
    `longest` tokens.

    Args:
        study: the study; its PLMs' `max_input` and `max_output` are the lengths of inputs and labels.
        plm: the PLM.
        task: the task.
        size: the size of the PLM.
        decoders: those wanted; a task without labels gets those that generate.
        longest: the longest output that is generated; default: the PLM's `max_output`.
    """
    kind = source_of(study.tasks, task).kind
    labels = ("",) if KINDS[kind].labelled else None
    inputs = study.plms[plm].max_input + study.elements.added_inputs
    label = study.plms[plm].max_output
    output = label if labels else longest or label
    answered = 0.0
    for name in form_of_kind(kind).possible(decoders, labels, study.scoring.generator):
        decoder = DECODERS[name]
        beams = study.scoring.beam if decoder.beams else 1
        tokens = beams * output if decoder.generates else labels_of(study) * label
        words = beams * output if decoder.generates else 0
        answered += (inputs + tokens) * 2 * size.body + words * 2 * size.width * size.vocabulary
    return answered


def rows_to_test(study: Study, task: str) -> int:
    """Test rows of a task, at most."""
    there = source_of(study.tasks, task).test_rows
    limit = study.tasks.test_limit
    return min(limit or there or TEST_ROWS, there or limit or TEST_ROWS)


def operations_of_testing(study: Study, plm: str, task: str, size: Size, longest: int | None = None) -> float:
    """Floating-point operations of answering the test rows of a task, for one sample of one cell."""
    return rows_to_test(study, task) * operations_of_a_row(
        study, plm, task, size, tuple(study.scoring.decoders), longest
    )


def labels_of(study: Study) -> int:
    """Maximum number of labels of a task."""
    return max((len(task.labels) for task in study.tasks.define.values() if task.labels), default=LABELS)
