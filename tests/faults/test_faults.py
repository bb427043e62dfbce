"""A small fixed set of the attacks of `python -m tests.faults`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.attacks import ATTACKS, FAST, Attack, attack_once

SEEDS = 12


@pytest.mark.parametrize("attack", FAST, ids=lambda attack: attack.name)
def test_every_fault_is_a_result_or_one_line(attack: Attack, tmp_path: Path) -> None:
    attack.prepare(tmp_path / "prepared")
    for seed in range(SEEDS):
        problem = attack_once(attack, tmp_path / "prepared", tmp_path / "attacked", seed)
        assert problem is None, f"seed {seed}"


@pytest.mark.slow
def test_a_killed_tokenization_leaves_a_whole_corpus_or_none(tmp_path: Path) -> None:
    (attack,) = (attack for attack in ATTACKS if attack not in FAST)
    attack.prepare(tmp_path / "prepared")
    assert attack_once(attack, tmp_path / "prepared", tmp_path / "attacked", 0) is None
