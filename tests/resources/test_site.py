"""The settings of a cluster: from its file, from the environment, and what is wrong with them."""

from pathlib import Path

import pytest

from priming.errors import StudyError
from priming.resources.site import Site, read_site


def test_the_file_that_comes_along_sets_nothing(project: Path) -> None:
    assert read_site(project / "slurm/site.yaml", {}) == Site() == read_site(project / "slurm/no.yaml", {})


def test_the_file_that_comes_along_names_every_key(project: Path) -> None:
    lines = (project / "slurm/site.yaml").read_text().splitlines()
    assert [line.split(":")[0] for line in lines if not line.startswith("#")] == list(Site.model_fields)


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("account: ours\ncpu_partition: short\ngpus: true\n")
    environment = {
        "PRIMING_SLURM_ACCOUNT": "12345",
        "PRIMING_SLURM_GPUS": "false",
        "PRIMING_SLURM_LONGEST": "600",
        "PRIMING_SLURM_QOS": "",
    }
    assert read_site(tmp_path / "site.yaml", environment) == Site(
        account="12345", cpu_partition="short", gpus=False, longest=600
    )


def test_what_is_asked_for() -> None:
    site = Site(account="a", cpu_partition="c", gpu_partition="g", gpu_model="h200", qos="q", extra="--nice=1")
    both = {"slurm_account": "a", "qos": "q", "slurm_extra": "--nice=1"}
    assert site.resources(2) == {"gpu": 2, "gpu_model": "h200", "slurm_partition": "g", **both}
    assert site.resources(0) == {"gpu": None, "gpu_model": None, "slurm_partition": "c", **both}
    assert Site(cpu_partition="c").resources(1)["slurm_partition"] == "c"


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("acount: x", {}, r"site.yaml: acount: .*did you mean 'account'"),
        ("account: 12", {}, "site.yaml: account: .*in quotes if it looks like a number"),
        ("gpus: some", {}, "site.yaml: gpus: .*true or false"),
        ("longest: 0", {}, "site.yaml: longest: .*more than 0"),
        ("- account", {}, r"site.yaml: .*keys with values"),
        ("", {"PRIMING_SLURM_GPUS": "some"}, "environment .*gpus: .*true or false"),
        ("", {"PRIMING_SLURM_LONGEST": "2h"}, "environment .*longest: .*'2h'"),
        ("", {"PRIMING_SLURM_ACOUNT": "x"}, "PRIMING_SLURM_ACOUNT is not known; did you mean 'PRIMING_SLURM_ACCOUNT'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, environment: dict[str, str], message: str) -> None:
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(StudyError, match=message):
        read_site(tmp_path / "site.yaml", environment)
