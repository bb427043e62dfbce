"""A small fixed set of the attacks of `python -m tests.faults`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from bench import compare
from tests.faults.attacks import ATTACKS, FAST, Attack, attack_once, tiny_checkpoint
from tests.faults.bundles import ask, tiny_bundle
from tests.faults.loops import endless_bundle

SEEDS = 12


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a classifier."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_bundle(folder)
    return folder / "bundle"


@pytest.mark.parametrize("attack", FAST, ids=lambda attack: attack.name)
def test_every_fault_is_a_result_or_one_line(attack: Attack, tmp_path: Path) -> None:
    attack.prepare(tmp_path / "prepared")
    for seed in range(SEEDS):
        problem = attack_once(attack, tmp_path / "prepared", tmp_path / "attacked", seed)
        assert problem is None, f"seed {seed}"


@pytest.mark.slow
def test_labels_of_a_bundle_are_printed_with_their_codes(tmp_path: Path) -> None:
    tiny_bundle(tmp_path)
    file = tmp_path / "bundle" / "model.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(settings | {"labels": ["\x1b[2J", "\ud800", "[b]"]}))
    status, printed, _ = ask(tmp_path / "bundle")
    assert status == 0 and "\x1b" not in printed
    assert all(label in printed for label in ("\\u001b[2J", "\\ud800", "[b]"))
    status, printed, _ = ask(tmp_path / "bundle", "--json")
    labels = json.loads(printed)["labels"]
    assert {each["label"] for each in labels} == {"\x1b[2J", "\ud800", "[b]"}
    file.write_text(json.dumps(settings | {"labels": ["one", "two"]}))
    status, _, error = ask(tmp_path / "bundle")
    assert status == 2 and "model.json has 2 labels, the package scores 3" in error


@pytest.mark.parametrize("name", ["model.json", "tokenizer.json"])
def test_pipes_and_devices_in_a_bundle_are_not_waited_for(
    name: str, tiny: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny, tmp_path / "bundle")
    file = tmp_path / "bundle" / name
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        file.unlink()
        make(file)
        status, printed, error = ask(tmp_path / "bundle")
        assert status == 2 and not printed and error.count("\n") == 1
        assert f"{name}: not a regular file" in error


def test_an_answer_that_is_no_number_is_one_line(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "bundle")
    (weights,) = (tmp_path / "bundle").rglob("weight.bin")
    content = weights.read_bytes()
    nan = b"\x00\x7e" * 1024  # in the first weights, which begin at byte 128
    weights.write_bytes(content[:128] + nan + content[128 + len(nan) :])
    status, printed, error = ask(tmp_path / "bundle")
    assert status == 2 and not printed and error.count("\n") == 1
    assert "its logits are not finite" in error


def test_a_loop_without_end_in_a_bundle_is_one_line(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "bundle")
    endless_bundle(tmp_path / "bundle")
    status, printed, error = ask(tmp_path / "bundle")
    assert (status, printed) == (2, "")
    assert error == "error: a loop did not end within 100000 steps (max_iterations)\n"


def test_a_name_with_a_sequence_of_the_terminal_is_shown_by_its_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the progress bar as in the table."""
    model = tmp_path / "[red]a \x1b]0;gone\x07"
    tiny_checkpoint(model)
    options = ["--runtime", "torch", "--workload", "fixed:16", "--seconds", "0.01", "--no-memory"]
    assert compare.main([str(model), *options]) == 0
    printed = capsys.readouterr()
    assert "]0;gone" not in printed.err.replace("\\u001b]0;gone\\u0007", "")
    assert "load [red]a \\u001b" in printed.err and "\x1b" not in printed.out
    assert "[red]a \\u001b]0;gone\\u0007" in printed.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack", [each for each in ATTACKS if each.slow], ids=lambda attack: attack.name
)
def test_a_command_that_is_stopped_leaves_nothing_half_done(attack: Attack, tmp_path: Path) -> None:
    attack.prepare(tmp_path / "prepared")
    assert attack_once(attack, tmp_path / "prepared", tmp_path / "attacked", 0) is None
