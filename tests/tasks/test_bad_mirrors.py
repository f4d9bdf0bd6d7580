"""Mirrors that lead elsewhere or are broken end in one message."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.tasks.mirroring import Mirroring
from priming.tasks.reading.mirror import MANIFEST, Mirror, find_mirror, recorded, refuse_damaged

OUTSIDE = "leads outside the folder; correct"
CARDS = {
    "path upwards": ("data_files: ../secret.csv", f"'../secret.csv' in data_files {OUTSIDE} the path"),
    "absolute path": ("data_files: [/etc/x.csv]", f"'/etc/x.csv' in data_files {OUTSIDE} the path"),
    "path of a home": ("data_files: ~/x.csv", f"'~/x.csv' in data_files {OUTSIDE} the path"),
    "URL": ("data_files: [{split: train, path: 'https://x/y.csv'}]", f"'https://x/y.csv' in data_files {OUTSIDE}"),
    "path upwards in a split": (
        "data_files: [{split: a, path: [x.csv, d/../../y.csv]}]",
        f"y.csv' in data_files {OUTSIDE}",
    ),
    "folder upwards": ("data_dir: ../..", f"data_dir '../..' {OUTSIDE} it"),
    "number": ("data_files: 3", "data_files has 3 instead of paths; correct it"),
    "no pattern": ("data_files: 'a**b/***'", "'a**b/***' in data_files is no pattern of paths ("),
    "empty": ("data_files: ''", "'' in data_files is no pattern of paths ("),
}
MANIFESTS = {
    "no JSON": "{",
    "a list": "[]",
    "a number": json.dumps({"a/b": 3}),
    "no list of files": json.dumps({"a/b": {"files": [1]}}),
    "no digests": json.dumps({"a/b": {"files": {"x": 1}}}),
    "a file outside": json.dumps({"a/b": {"files": {"../../x": "0"}}}),
    "a data set outside": json.dumps({"../b": {"files": {"x": "0"}}}),
    "deep": "[" * 100_000,
}


def mirror(root: Path, card: str) -> Mirror:
    folder = root / "owner" / "name"
    folder.mkdir(parents=True)
    (root / "owner" / "secret.csv").write_text("text,label\na,b\n")
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  {card}\n---\n")
    return Mirror(folder, "task x")


@pytest.mark.parametrize("name", CARDS)
def test_a_card_names_files_of_its_folder(tmp_path: Path, name: str) -> None:
    card, expected = CARDS[name]
    found = mirror(tmp_path, card)
    for read in (lambda: found.files("default"), lambda: found.of_split("default", "a")):
        with pytest.raises(DataError, match=r"README\.md: ") as caught:
            read()
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        "configs: [1]",
        "configs: 3",
        f"x: {'[' * 5000}",
        "x: 2020-13-45",
        "configs: [{config_name: a, data_files: !!x 1}]",
    ],
)
def test_a_broken_card(tmp_path: Path, head: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n")
    for read in (Mirror(tmp_path, "x").files, lambda name: Mirror(tmp_path, "x").of_split(name, "train")):
        with pytest.raises(DataError, match=r"README\.md: (the YAML head cannot be read|configs is not a list)"):
            read("default")


@pytest.mark.parametrize("name", ["../owner", "owner/../../etc", "/etc", "~root/x", "https://x/y"])
def test_an_id_is_one_of_the_hub(tmp_path: Path, name: str) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "owner").mkdir()
    with pytest.raises(DataError, match=r"tasks\.define\.x\.hub\.id: .* is no id of a data set; write it as"):
        find_mirror("tasks.define.x.hub", name, "mirror", tmp_path)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_broken_manifest_can_be_removed(tmp_path: Path, name: str) -> None:
    manifest = tmp_path / MANIFEST
    manifest.write_text(MANIFESTS[name])
    for read in (recorded, Mirroring):
        with pytest.raises(DataError, match=r"manifest\.json: .*; remove the file: without it"):
            read(tmp_path)
    manifest.unlink()
    assert recorded(tmp_path) == {}
    assert Mirroring(tmp_path).manifest == {}


def test_a_file_that_is_not_the_one_of_the_manifest_is_not_read(tmp_path: Path) -> None:
    file, other = tmp_path / "owner/name/a.csv", tmp_path / "owner/name/b.csv"
    file.parent.mkdir(parents=True)
    file.write_text("text,label\na,b\n")
    other.write_text("text,label\nc,d\n")
    listed = {"files": {"a.csv": hashlib.sha256(file.read_bytes()).hexdigest()}}
    (tmp_path / MANIFEST).write_text(json.dumps({"owner/name": listed}))
    refuse_damaged([other], str(tmp_path), Path())
    time = file.stat().st_mtime_ns
    file.write_text("text,label\na,c\n")
    os.utime(file, ns=(time, time))  # as where a disk loses a bit
    with pytest.raises(
        DataError, match=r"a\.csv is damaged: its SHA-256 is not that in .*manifest\.json; copy it again"
    ):
        refuse_damaged([file, other], str(tmp_path), Path())
