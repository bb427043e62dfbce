"""List the files of a bundle in BUNDLE.manifest.json beside its folder, for apps to download it.

    python ios_app/Tools/make_manifest.py BUNDLE

prints the manifest's SHA-256, which belongs into the app. Any web server that has the folder and
the manifest side by side will do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from distill.console.atomic import atomic_file
from distill.console.errors import UserError, command


def manifest(bundle: Path) -> str:
    """The manifest of a bundle's folder; names that begin with a point are left out.

    Raises:
        UserError: the folder is no bundle.
    """
    if not (bundle / "model.json").is_file():
        raise UserError(
            f"{bundle}: no model.json in it (expected a folder that the exporter wrote)"
        )
    paths = sorted(
        path
        for path in bundle.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(bundle).parts)
    )
    files = [
        {
            "path": path.relative_to(bundle).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in paths
    ]
    content = {"format_version": 1, "name": bundle.name, "files": files}
    return json.dumps(content, indent=1) + "\n"


@command
def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle", type=Path, help="folder that the exporter wrote")
    bundle: Path = parser.parse_args(argv).bundle.resolve()
    text = manifest(bundle).encode()
    with atomic_file(bundle.with_name(f"{bundle.name}.manifest.json")) as file:
        file.write_bytes(text)
    print(hashlib.sha256(text).hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
