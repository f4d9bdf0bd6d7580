"""The tasks and the PLM of the embedded study (config.yaml), the PLM with random weights."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from priming.backbones.pretraining import fresh_plm
from priming.study import Study, load_study
from priming.study.plm import Plm
from priming.tasks.prepared import PreparedTask, read_task
from priming.tasks.sources.table import source_of
from priming.tasks.task import Part

STUDY = Path(__file__).parents[1] / "config.yaml"


def embedded_study() -> Study:
    """The study as its file has it."""
    return load_study(STUDY)


def prepare(study: Study, part: Part, names: Sequence[str], folder: Path) -> list[PreparedTask]:
    """Prepare tasks, each in a folder of its name."""
    for name in names:
        source_of(study.tasks, name).prepare(part, STUDY.parent, folder / name)
    return [read_task(folder / name) for name in names]


def write_plm(study: Study, texts: Iterable[str], folder: Path) -> Plm:
    """Save the study's PLM with random weights and a tokenizer of these texts; what a study says of it."""
    plm = study.plms["small"]
    assert plm.generate
    made = fresh_plm(plm.generate, list(texts))
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    return Plm(path=str(folder), max_input=plm.max_input, max_output=plm.max_output)
