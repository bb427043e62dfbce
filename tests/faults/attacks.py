"""The table of attacks: what is done to an input, what reads it, and when the outcome is fine.

An attack is fine when the kit answers with a result or with one line; anything else, a traceback
above all, is a failure. What an attack does follows from its random generator alone.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from tests.faults.assets import mutated_asset, tiny_bundle_with_asset
from tests.faults.bundles import mutated_settings, tiny_bundle
from tests.faults.configs import every_family, wrong_config
from tests.faults.data_files import data, mutated_data
from tests.faults.full_disks import can_mount, checkpoint_and_text, full_disk, full_file_system
from tests.faults.hostile_code import checkpoint_and_data, hostile_code
from tests.faults.kills import (
    corpus_to_kill,
    killed_asset,
    killed_export,
    killed_tokenization,
    killed_training,
    training_to_kill,
)
from tests.faults.links import link_in_a_bundle, link_in_a_checkpoint
from tests.faults.loops import endless_loop
from tests.faults.mutations import mutate_bytes, mutate_json
from tests.faults.names import named_by_a_stranger
from tests.faults.packages import bundle_and_onnx, mutated_onnx, mutated_package
from tests.faults.phones import mutated_results, results
from tests.faults.threads import simulators_in_threads


@dataclass(frozen=True)
class Attack:
    """``prepare(folder)`` makes what is attacked once; ``run(folder, draw)`` attacks a copy of it,
    and returns what went wrong, or None. A ``slow`` one starts processes."""

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Path, random.Random], str | None]
    slow: bool = False


def tiny_checkpoint(folder: Path, kind: Any = None, layers: int = 1) -> None:
    """A model of `transformers`, by default a classifier, 16 wide, with a tokenizer."""
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    from tests.word_pieces import word_pieces

    pieces = word_pieces(["a few words to learn pieces of, and some more of them"])
    names = {"unk": "[UNK]", "pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    special = {f"{name}_token": token for name, token in names.items()}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **special)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    (kind or BertForSequenceClassification)(config).save_pretrained(folder)


def load_all(folder: Path) -> None:
    """Read a checkpoint as the commands do, and tokenize with it."""
    from transformers import AutoModelForSequenceClassification

    from distill.models.checkpoint_folder import check_length, checkpoint_directory
    from distill.models.loading import load_weights
    from distill.models.tokenizer import load_tokenizer

    directory = checkpoint_directory(str(folder))
    check_length(directory, 16)
    load_tokenizer(directory).encode("a few words")
    load_weights(AutoModelForSequenceClassification, directory)


def reading(read: Callable[[Path], None], folder: Path) -> str | None:
    """What went wrong in reading: anything but a result or one line."""
    try:
        read(folder)
    except UserError as error:
        return "its error has two lines" if "\n" in str(error) else None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"  # a panic of the tokenizers is no Exception
    return None


def _file_attack(name: str, mutate: Callable[[Path, random.Random], None]) -> Attack:
    def run(folder: Path, draw: random.Random) -> str | None:
        mutate(folder / name, draw)
        return reading(load_all, folder)

    return Attack(f"mutated {name}", tiny_checkpoint, run)


def sealed_checkpoints(folder: Path) -> None:
    """Two checkpoints of a run."""
    from distill.runs.whole_checkpoints import seal

    for step in (5, 10):
        checkpoint = folder / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
            (checkpoint / name).write_bytes(f"{name} of step {step}".encode() * 20)
        state = json.dumps({"global_step": step, "max_steps": 20})
        (checkpoint / "trainer_state.json").write_text(state)
        seal(checkpoint)


def damaged_checkpoint(folder: Path, draw: random.Random) -> str | None:
    """Damage one file of the newest checkpoint: the older one must be taken."""
    from distill.runs.run_folder import last_complete_checkpoint

    path = draw.choice(sorted((folder / "checkpoint-10").iterdir()))
    before = path.read_bytes()
    if draw.randrange(4) == 0:
        path.unlink()
    else:
        mutate_bytes(path, draw)
    changed = not path.is_file() or path.read_bytes() != before
    found = last_complete_checkpoint(folder)
    expected = "checkpoint-5" if changed else "checkpoint-10"
    # A change of blanks in the list of digests changes nothing of what it says.
    taken = found.name if found else "none"
    return None if taken == expected or path.name == "files.json" else f"{path.name}: took {taken}"


ATTACKS = (
    _file_attack("config.json", mutate_json),
    _file_attack("tokenizer.json", mutate_json),
    _file_attack("model.safetensors", mutate_bytes),
    Attack("mutated model.json", tiny_bundle, mutated_settings),
    Attack("link in a bundle", tiny_bundle, link_in_a_bundle),
    Attack("link in a checkpoint", tiny_checkpoint, link_in_a_checkpoint),
    Attack("mutated results of a phone", results, mutated_results),
    Attack("mutated questions and rows", data, mutated_data),
    Attack("name with codes for a terminal", checkpoint_and_data, named_by_a_stranger, slow=True),
    Attack("wrong kind in a config.json", every_family, wrong_config, slow=True),
    Attack("mutated Core ML package", tiny_bundle, mutated_package, slow=True),
    Attack("mutated ONNX file", bundle_and_onnx, mutated_onnx, slow=True),
    Attack("16 simulators at once", tiny_bundle, simulators_in_threads, slow=True),
    Attack("damaged checkpoint of a run", sealed_checkpoints, damaged_checkpoint),
    Attack("kill -9 of a tokenization", corpus_to_kill, killed_tokenization, slow=True),
    Attack("kill -9 of an export", tiny_bundle, killed_export, slow=True),
    *(
        [
            Attack("kill -9 of an export to Core AI", tiny_bundle, killed_asset, slow=True),
            Attack("mutated Core AI asset", tiny_bundle_with_asset, mutated_asset, slow=True),
        ]
        if find_spec("coreai_torch")
        else []
    ),
    Attack("kill -9 of a training", training_to_kill, killed_training, slow=True),
    Attack("code of a checkpoint", checkpoint_and_data, hostile_code, slow=True),
    Attack("endless loop", tiny_bundle, endless_loop, slow=True),
    Attack("full disk", checkpoint_and_text, full_disk, slow=True),
    *(
        [Attack("full file system", checkpoint_and_text, full_file_system, slow=True)]
        if can_mount()
        else []
    ),
)
FAST = tuple(attack for attack in ATTACKS if not attack.slow)


def attack_once(attack: Attack, prepared: Path, place: Path, seed: int) -> str | None:
    """Attack a copy of what was prepared; the seed names the attack, to see it again."""
    shutil.copytree(prepared, place)
    try:
        return attack.run(place, random.Random(f"{attack.name} {seed}"))
    except Exception as error:  # a command that does not end is a TimeoutExpired
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(place, ignore_errors=True)
