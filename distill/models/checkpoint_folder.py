"""Where a checkpoint is, and what its configuration allows."""

from __future__ import annotations

import re
from pathlib import Path

from distill.console.bounded_files import read_json, read_object
from distill.console.errors import UserError
from distill.console.inner_links import check_link
from distill.families.table import FAMILIES
from distill.models.presets import PRESETS, preset_directory
from distill.models.safe_tokenizer import check_tokenizer_file

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
SMALL_FILES = ("*.json", "*.txt", "*.model", "README.md")
WEIGHT_FILES = ("model*.safetensors", "pytorch_model*.bin")


def checkpoint_directory(model: str) -> Path:
    """The folder of a checkpoint, by preset, folder or hub id.

    Raises:
        UserError: as `model_folder`, or the folder holds no checkpoint.
    """
    directory = model_folder(model)
    config_file(directory)
    return directory


def model_folder(model: str) -> Path:
    """The folder of a preset, a folder itself, or that of a hub id (OWNER/NAME), which is
    downloaded.

    Raises:
        UserError: there is no such preset, folder or model on the hub; or as `check_files`.
    """
    known = preset_directory(model) if model in PRESETS else Path(model)
    if known is None:
        raise UserError(f"the weights of {model} are not on this machine; name a checkpoint folder")
    if not known.exists() and HUB_ID.fullmatch(model):
        known = from_hub(model)
    if not known.is_dir():
        raise UserError(f"{model}: no such checkpoint folder or preset ({', '.join(PRESETS)})")
    check_files(known)
    return known


def config_file(directory: Path) -> Path:
    """The configuration of a checkpoint.

    Raises:
        UserError: the folder has none.
    """
    path = directory / "config.json"
    if not path.is_file():
        raise UserError(f"{directory}: no checkpoint there (config.json is missing)")
    return path


def check_files(directory: Path) -> None:
    """Look at a checkpoint before a library reads it, which would wait for a pipe, or read a device
    without end.

    Raises:
        UserError: something in the folder is not a regular file, or is a link that leads out of
            it; or as `check_tokenizer_file`.
    """
    for path in (*directory.iterdir(), *directory.glob("*/*"), *directory.glob("*/*/*")):
        if path.exists() and not path.is_file() and not path.is_dir():
            raise UserError(f"{path}: not a regular file")
        check_link(path, directory)
    if (directory / "tokenizer.json").is_file():
        check_tokenizer_file(directory / "tokenizer.json")


def from_hub(model: str) -> Path:
    """The folder of a hub id: its small files, and the weights of the encoder and of every module
    that modules.json names, as safetensors where there are such.

    Raises:
        UserError: the hub does not have it, or is not there.
    """
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(model, allow_patterns=[*SMALL_FILES]))
        places = _weight_places(folder)
        for weights in WEIGHT_FILES:
            missing = [place for place in places if not any(folder.glob(place + WEIGHT_FILES[0]))]
            if missing:
                wanted = [place + weights for place in missing]
                folder = Path(snapshot_download(model, allow_patterns=[*SMALL_FILES, *wanted]))
    except UserError:
        raise
    except Exception as error:  # the hub's client has a type for every way to fail
        raise UserError(
            f"{model}: no such checkpoint folder, and the hub did not give one "
            f"({type(error).__name__})"
        ) from None
    return folder


def _weight_places(folder: Path) -> list[str]:
    """Where a checkpoint may hold weights: in itself, and in the folders of modules.json."""
    path = folder / "modules.json"
    if not path.is_file():
        return [""]
    try:
        modules = [str(entry["path"]) for entry in read_json(path)]
    except (TypeError, KeyError) as error:
        raise UserError(f"{path}: damaged, not a list of modules ({error})") from None
    return list(dict.fromkeys(["", *(f"{module}/" for module in modules if module)]))


def longest_input(directory: Path) -> int | None:
    """Tokens that the position table of a checkpoint has room for; None where no configuration
    says it.

    Raises:
        UserError: a configuration that cannot be read.
    """
    config = read_object(directory / "config.json")
    family = FAMILIES.get(str(config.get("model_type")))
    try:
        return int(family.longest(config) if family else config["max_position_embeddings"])
    except KeyError:
        return None
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{directory}: config.json has no number of positions ({error})") from None


def check_length(directory: Path, length: int) -> None:
    """Check that the position table of a checkpoint has room for inputs of ``length`` tokens.

    Raises:
        UserError: the table is too short.
    """
    limit = longest_input(directory)
    if limit is not None and length > limit:
        raise UserError(f"{directory} takes inputs of at most {limit} tokens, not {length}")
