"""Settings of one cluster: slurm/site.yaml, overridden by the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from priming.errors import StudyError, nearest
from priming.section import Positive, Section
from priming.study.document import read
from priming.study.fields import dotted
from priming.study.problems import found_by

PREFIX = "PRIMING_SLURM_"


class Site(Section):
    """The settings of a cluster; by default, jobs go to its default partition and request GPUs of any model."""

    account: str | None = Field(None, description="The account that jobs are charged to.")
    cpu_partition: str | None = Field(None, description="The partition of jobs without a GPU; default: the cluster's.")
    gpu_partition: str | None = Field(None, description="The partition of jobs with a GPU; default: `cpu_partition`.")
    gpu_model: str | None = Field(
        None, description="The cluster's name for the GPUs to use, as in `--gpus=MODEL:1`; default: any."
    )
    gpus: bool = Field(True, description="Whether the cluster has GPUs; if not, everything runs on CPUs.")
    longest: Positive | None = Field(
        None, description="Longest time limit of a job, in minutes; primings resume from one job to the next."
    )
    qos: str | None = Field(None, description="Quality of service.")
    extra: str | None = Field(
        None, description="Further options of sbatch, as in `--nice=100`, except those that Snakemake sets."
    )

    def resources(self, gpus: int) -> dict[str, str | int | None]:
        """The resources of a job with `gpus` GPUs, under the names of Snakemake's SLURM plugin; None for those not
        requested.
        """
        on_gpu = bool(gpus)
        return {
            "gpu": gpus or None,
            "gpu_model": self.gpu_model if on_gpu else None,
            "slurm_account": self.account,
            "slurm_partition": (self.gpu_partition or self.cpu_partition) if on_gpu else self.cpu_partition,
            "qos": self.qos,
            "slurm_extra": self.extra,
        }


def read_site(file: Path, environment: Mapping[str, str]) -> Site:
    """The settings in `file`, if it exists, overridden by environment variables such as PRIMING_SLURM_ACCOUNT.

    Raises StudyError that names the file or the variable, the key, the value and what is allowed.
    """
    data = (read(file).data if file.is_file() else None) or {}
    if not isinstance(data, dict):
        raise StudyError(f"{file}: allowed: keys with values, as in 'account: NAME'; docs/cluster.md lists the keys")
    written = {key: value for key, value in data.items() if value is not None}
    _check(written, str(file))
    variables = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
    told = {name.removeprefix(PREFIX).lower(): value for name, value in variables.items()}
    if unknown := sorted(told.keys() - Site.model_fields.keys()):
        names = [f"{PREFIX}{key.upper()}" for key in Site.model_fields]
        wrong = f"{PREFIX}{unknown[0].upper()}"
        raise StudyError(
            f"environment variable {wrong} is not known{nearest(wrong, names)}; allowed: {', '.join(names)}"
        )
    return _check(
        {**written, **{key: _value(key, text) for key, text in told.items()}}, "the environment (PRIMING_SLURM_...)"
    )


def _check(data: dict[str, Any], where: str) -> Site:
    try:
        return Site.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{dotted(problem.at)}: {problem.text}" for problem in found_by(error, Site, data))
        raise StudyError(f"{where}: {problems}; docs/cluster.md lists the keys") from None


def _value(key: str, text: str) -> Any:
    """The value of a variable in the type of its key; text that cannot be converted is kept, and refused later."""
    if key == "gpus":
        return {"true": True, "false": False}.get(text.lower(), text)
    return int(text) if key == "longest" and text.isdigit() else text
