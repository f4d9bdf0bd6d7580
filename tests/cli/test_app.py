"""The command line: what it prints, where, and with which exit status."""

import subprocess
import sys
import time
from pathlib import Path

import pytest


def priming(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "priming", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_help_answers_at_once_and_loads_nothing_heavy(project: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "priming", "--help"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {line.rpartition("|")[2].strip().split(".")[0] for line in loaded.stderr.splitlines()}
    assert "typer" in modules
    assert not modules & {"torch", "transformers", "datasets", "pandas", "numpy", "matplotlib", "pydantic"}
    fastest = min(_seconds(project) for _ in range(3))
    assert fastest < 0.5


def _seconds(project: Path) -> float:
    start = time.perf_counter()
    priming("--help", cwd=project)
    return time.perf_counter() - start


def test_a_study_in_order(project: Path) -> None:
    done = priming("check", "config.yaml", cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("config.yaml: study 'embedded' is in order: PLM small, ")


def test_a_study_without_arg_is_in_order_and_that_is_noted(project: Path, tmp_path: Path) -> None:
    text = (project / "config.yaml").read_text()
    compared = '    - {first: "mtl[plm] -> adapter", second: none -> plm}\n'
    for line in ("  arg_baseline: none -> plm\n", "  - none -> plm\n", compared):
        assert text.count(line) == 1, line
        text = text.replace(line, "")
    (tmp_path / "study.yaml").write_text(text)
    done = priming("check", "study.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    note, last = done.stdout.splitlines()
    reason = "the default of a study without the strategy 'none -> plm'"
    assert note == f"note: no average relative gain (ARG): scoring.arg_baseline is 'none', {reason}"
    assert last.startswith("study.yaml: study 'embedded' is in order")
    assert "note:" not in priming("check", "config.yaml", cwd=project).stdout


def test_checking_reads_config_yaml_unless_told_otherwise(project: Path, tmp_path: Path) -> None:
    assert priming("check", cwd=project).returncode == 0
    missing = priming("check", cwd=tmp_path)
    assert missing.returncode == 2
    assert missing.stderr.startswith("error: config.yaml: the study file cannot be read")


def test_a_users_mistake_is_one_message_without_traceback(project: Path, tmp_path: Path) -> None:
    text = (project / "config.yaml").read_text().replace("strategies:", "stratgies:")
    (tmp_path / "study.yaml").write_text(text)
    done = priming("check", "study.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: study.yaml: 2 problems\n")
    assert "did you mean 'strategies'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "study.yaml"]


def test_an_unknown_task_is_refused_with_the_nearest_name(project: Path, tmp_path: Path) -> None:
    lines = (project / "config.yaml").read_text().splitlines()
    number = lines.index("    - film_verdict")
    lines[number] = "    - film_verdcit"
    (tmp_path / "study.yaml").write_text("\n".join(lines))
    done = priming("check", "study.yaml", cwd=tmp_path)
    assert (
        f"line {number + 1}, tasks.source[0]: there is no task 'film_verdcit'; did you mean 'film_verdict'"
        in done.stderr
    )
    assert "define it in tasks.define, or use a built-in task from 'priming tasks list'" in done.stderr


def test_a_built_in_task_plays_its_own_part(project: Path, tmp_path: Path) -> None:
    text = (project / "config.yaml").read_text()
    for old, new in (("    - film_verdict\n", ""), ("  development: [", "  development: [film_verdict, ")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "study.yaml").write_text(text)
    done = priming("check", "study.yaml", cwd=tmp_path)
    assert "tasks.development[0]: 'film_verdict' is a built-in source task; allowed: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chek"], "there is no command 'chek'; did you mean 'check'"),
        (
            ["tasks", "sohw"],
            "there is no command 'sohw'; did you mean 'show'?; allowed: list, show, export, verify, mirror",
        ),
        (["check", "--ful"], "No such option: --ful"),
        (["tune", "--out", "x"], "Missing option '--study'"),
    ],
)
def test_a_mistyped_command(tmp_path: Path, arguments: list[str], expected: str) -> None:
    done = priming(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr


def test_the_full_study_is_a_study(project: Path, tmp_path: Path) -> None:
    full = priming("check", "config.yaml", "--full", cwd=project)
    assert full.returncode == 0, full.stderr
    (tmp_path / "full.yaml").write_text(full.stdout)
    assert priming("check", "full.yaml", "--full", cwd=tmp_path).stdout == full.stdout


def test_tasks_are_listed_by_part(project: Path) -> None:
    listed = priming("tasks", "list", cwd=project)
    assert listed.returncode == 0, listed.stderr
    counts = {
        line.split(" (")[0]: int(line.split("(")[1][:-1])
        for line in listed.stdout.splitlines()
        if not line.startswith(" ")
    }
    parts, p3 = ["source", "development", "target"], ["P3, for training", "P3, for evaluation"]
    languages, asked = (f"{part} languages" for part in parts), ("source questions", "target questions")
    assert list(counts) == [*parts, *languages, *asked, "crossfit", *p3]
    assert [counts[name] for name in p3] == [313, 116]
    assert [counts[f"{part} languages"] for part in parts] == [2, 1, 8]
    assert counts["crossfit"] == 160
    assert counts["source"] >= 30
    assert counts["development"] >= 6
    assert counts["target"] >= 12


def test_a_task_is_shown_as_the_model_sees_it(project: Path) -> None:
    shown = priming("tasks", "show", "film_verdict", "-n", "2", cwd=project)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("input: ") == 2
    outputs = [line.removeprefix("output: ") for line in shown.stdout.splitlines() if line.startswith("output: ")]
    assert set(outputs) <= {"good", "bad"}
    unknown = priming("tasks", "show", "film_verdcit", cwd=project)
    assert unknown.returncode == 2
    assert "did you mean 'film_verdict'" in unknown.stderr


def test_the_pipeline_of_a_study_is_printed_or_written(project: Path, tmp_path: Path) -> None:
    printed = priming("dvc", cwd=project)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == (project / "dvc.yaml").read_text()
    (tmp_path / "config.yaml").write_text((project / "config.yaml").read_text())
    assert priming("dvc", "--write", cwd=tmp_path).stdout == "written: dvc.yaml\n"
    assert (tmp_path / "dvc.yaml").read_text() == printed.stdout
    assert priming("settings", cwd=tmp_path).stdout == "written: results/embedded/settings/\n"
    nothing = priming("dvc", "nowhere.yaml", cwd=tmp_path)
    assert nothing.returncode == 2
    assert nothing.stderr.startswith("error: nowhere.yaml: the study file cannot be read")


def test_help_groups_commands_by_who_types_them(project: Path) -> None:
    said = priming("--help", cwd=project).stdout
    sections = {block.split(":\n")[0]: block for block in said.split("\n\n") if ":\n" in block}
    assert list(sections)[-1] == "Called by the workflow and by DVC"
    for section, commands in (("Studies", ("check", "run", "status")), ("Results", ("show", "compare")),
                              ("Called by the workflow and by DVC", ("tune", "score", "fetch"))):  # fmt: skip
        for command in commands:
            assert f"\n  {command} " in sections[section]


@pytest.mark.parametrize("command", [["check"], ["plan"], ["status"], ["outputs"], ["failures"], ["dvc"]])
def test_a_study_is_given_in_one_way_to_all_commands(tmp_path: Path, project: Path, command: list[str]) -> None:
    """As `--study FILE` everywhere; as FILE to what needs a study alone."""
    (tmp_path / "mine.yaml").write_text((project / "tests/tiny_study.yaml").read_text())
    by_option = priming(*command, "--study", "mine.yaml", cwd=tmp_path)
    by_name = priming(*command, "mine.yaml", cwd=tmp_path)
    unfinished = command == ["failures"]  # nobody knows which cells fail
    assert by_option.returncode == by_name.returncode == (4 if unfinished else 0), by_option.stderr
    assert (by_option.stdout, by_option.stderr) == (by_name.stdout, by_name.stderr)
    both = priming(*command, "other.yaml", "--study", "mine.yaml", cwd=tmp_path)
    assert both.returncode == 2
    assert both.stderr == "error: two study files are given, other.yaml and --study mine.yaml; give one\n"
