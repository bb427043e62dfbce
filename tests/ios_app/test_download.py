"""A bundle is downloaded in Swift from a web server, by the commands that the README shows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from swift_predict import BUILD
from toolchain import PACKAGE, ROOT, Toolchain

pytestmark = pytest.mark.slow  # the package is built first


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a web server has it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def make_manifest(bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PACKAGE / "Tools" / "make_manifest.py"), str(bundle)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def tiny_bundle(folder: Path) -> Path:
    """A bundle with the committed tokenizer and 3 MB of weights."""
    golden = PACKAGE / "Tests" / "TextModelsTests" / "Golden"
    bundle = folder / "tiny"
    (bundle / "tiny.mlpackage").mkdir(parents=True)
    (bundle / "tiny.mlpackage" / "weights.bin").write_bytes(os.urandom(3_000_000))
    tokenizer = (golden / "tokenizer.json").read_bytes()
    (bundle / "tokenizer.json").write_bytes(tokenizer)
    (bundle / "vocab.txt").write_bytes((golden / "vocab.txt").read_bytes())
    settings = json.loads((golden / "tasks-settings.json").read_text(encoding="utf-8"))
    settings |= {"task": "qa", "outputs": ["start_logits", "end_logits"]}
    settings["tokenizer_sha256"] = hashlib.sha256(tokenizer).hexdigest()
    (bundle / "model.json").write_text(json.dumps(settings), encoding="utf-8")
    return bundle


def test_bundle_comes_over_http_whole_or_not_at_all(
    package: Toolchain, served: tuple[Path, str]
) -> None:
    folder, address = served
    bundle = tiny_bundle(folder)
    made = make_manifest(bundle)
    assert made.returncode == 0, made.stderr
    digest = made.stdout.strip()
    out = BUILD.with_name("downloads") / folder.name
    shutil.rmtree(out, ignore_errors=True)
    seen = out.relative_to(ROOT).as_posix()

    def download(digest: str) -> tuple[int, str]:
        run = ("run", "--skip-build", "-c", "release", "textmodels", "download")
        done = package.run(
            "swift",
            *run,
            *(f"{address}/tiny.manifest.json", "--sha256", digest, "--out", seen),
        )
        return done.returncode, done.stdout

    status, printed = download("0" * 64)
    assert (status, "another SHA-256 than the app expects" in printed) == (2, True), printed
    weights = bundle / "tiny.mlpackage" / "weights.bin"
    right = weights.read_bytes()
    weights.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    status, printed = download(digest)
    assert (status, "weights.bin could not be downloaded" in printed) == (2, True), printed
    assert not (out / "tiny").exists()
    weights.write_bytes(right)
    status, printed = download(digest)
    assert status == 0, printed
    names = {path.relative_to(bundle) for path in bundle.rglob("*")}
    assert {path.relative_to(out / "tiny") for path in (out / "tiny").rglob("*")} == names
    assert (out / "tiny" / "tiny.mlpackage" / "weights.bin").read_bytes() == right


def test_folder_that_is_not_a_bundle_gets_no_manifest(tmp_path: Path) -> None:
    made = make_manifest(tmp_path)
    assert made.returncode == 2
    assert "no model.json in it" in made.stderr
