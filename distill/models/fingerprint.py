"""What a file or folder holds, in a few characters: the same name with another content is seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from distill.models.checkpoint_folder import checkpoint_directory

DIGEST_BYTES = 8
CHECKPOINT_FILES = (
    *("config.json", "*.safetensors", "pytorch_model*.bin"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "*.model"),
    *("modules.json", "sentence_bert_config.json", "[0-9]*_*/*"),  # of sentence-transformers
)


def file_digest(path: Path) -> str:
    """16 hexadecimal digits of a file's content.

    Raises:
        OSError: it cannot be read.
    """
    described = path.stat()
    return _digest(path, described.st_size, described.st_mtime_ns)


def folder_digest(folder: Path, patterns: Iterable[str] = ("**/*",)) -> str:
    """16 hexadecimal digits of the names and contents of the files in a folder that match a pattern
    among ``patterns``."""
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for path in files:
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def checkpoint_digest(model: str) -> str:
    """16 hexadecimal digits of what decides the answers of a checkpoint: configuration, weights and
    tokenizer.

    Raises:
        UserError: there is no such checkpoint.
    """
    return folder_digest(checkpoint_directory(model), CHECKPOINT_FILES)


def contents(names: Iterable[str | None]) -> dict[str, str]:
    """For the record of a run: ``content of NAME`` and its digest, for files, folders of data and
    checkpoints; what is not on this machine, such as a name on a hub, has none."""
    digests = {}
    for name in filter(None, names):
        path = Path(name)
        if not path.exists():
            path = Path(name.rpartition(":")[0] or name)  # FOLDER:SPLIT
        if path.is_file():
            digests[f"content of {name}"] = file_digest(path)
        elif path.is_dir():
            patterns = CHECKPOINT_FILES if (path / "config.json").is_file() else ("**/*",)
            digests[f"content of {name}"] = folder_digest(path, patterns)
    return digests


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed: int) -> str:
    """Read once for each state of the file, which ``size`` and ``changed`` name."""
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)
        ).hexdigest()
