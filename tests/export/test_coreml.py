"""Packages that were written are run, in every head, layout and quantization."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distill.console.errors import UserError
from export import coreml, verify
from export.bundle.bundle_folder import open_bundle
from export.checkpoint.reading import load_checkpoint
from export.proof.proven_bundle import BundleOptions, export_bundle
from export.simulator import Simulator
from export.simulator.program import WEIGHTS
from tests.export.conftest import ENTRIES, WIDTH


@pytest.mark.parametrize("layout", ["standard", "ane"])
@pytest.mark.parametrize("task", ["qa", "classify", "tokens", "rank", "mlm", "embed", "features"])
@pytest.mark.slow
def test_every_head_and_layout(
    task: str, layout: str, checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """`export_bundle` refuses a package past its bound, so its return is the test."""
    model_type = "bert" if layout == "standard" else "distilbert"
    checkpoint = load_checkpoint(str(checkpoint_directory(model_type, task)))
    options = BundleOptions(task, layout=layout, lengths=(32, 64))
    report = export_bundle(checkpoint, options, tmp_path / "out")
    assert report.difference.witness.startswith("transformers")
    assert report.difference.texts > 0
    assert report.package_bytes < 0.6 * report.float32_bytes + 2e5
    names = list(Simulator(open_bundle(tmp_path / "out").package).inputs)
    two_segments = model_type == "bert" and task in ("qa", "classify", "rank")
    assert names == ["input_ids", "attention_mask"] + ["token_type_ids"] * two_segments


@pytest.mark.parametrize(
    ("quantize", "target", "share"),
    [
        ("int8", "iOS16", 0.26),
        ("int8", "iOS18", 0.26),
        ("int4", "iOS18", 0.16),
        ("lut6", "iOS16", 0.20),
        ("lut4", "iOS16", 0.14),
        ("lut4", "iOS18", 0.14),
    ],
)
@pytest.mark.slow
def test_every_quantization(
    quantize: str,
    target: str,
    share: float,
    checkpoint_directory: Callable[[str, str], Path],
    tmp_path: Path,
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "embed")))
    options = BundleOptions("embed", quantize=quantize, lengths=(32,), target=target)
    report = export_bundle(checkpoint, options, tmp_path / "out")
    (weights,) = (open_bundle(tmp_path / "out").package / WEIGHTS).iterdir()
    assert weights.stat().st_size < share * report.float32_bytes
    assert report.package_bytes < weights.stat().st_size + 1e5


@pytest.mark.slow
def test_the_command_writes_a_bundle_that_verify_accepts(
    minilm_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "minilm"
    arguments = ["--model", "minilm", "--quantize", "int8", "--lengths", "32,64", "--out", str(out)]
    assert coreml.main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "minilm"
    assert report["package_bytes"] < 24e6
    assert sorted(path.name for path in out.iterdir()) == [
        "minilm.mlpackage",
        "model.json",
        "tokenizer.json",
        "vocab.txt",
    ]
    settings = open_bundle(out).settings
    assert settings["lengths"] == [32, 64]
    assert settings["special_ids"] == {"pad": 0, "unk": 100, "cls": 101, "sep": 102, "mask": 103}
    assert (out / "vocab.txt").read_text().splitlines()[101] == "[CLS]"
    assert verify.main([str(out), "--against", "minilm"]) == 0


@pytest.mark.slow
def test_skipped_weights_stay_as_they_are(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "embed")))
    sizes = [
        export_bundle(
            checkpoint,
            BundleOptions("embed", quantize="int8", lengths=(32,), skip=skip),
            tmp_path / f"out{len(skip)}",
        ).package_bytes
        for skip in ((), ("word_embeddings",))
    ]
    assert sizes[1] - sizes[0] == pytest.approx(ENTRIES * (WIDTH - 2), rel=0.01)
    with pytest.raises(UserError, match="no weight has this in its name"):
        export_bundle(
            checkpoint,
            BundleOptions("embed", quantize="int8", lengths=(32,), skip=("nothing",)),
            tmp_path / "other",
        )


@pytest.mark.slow
def test_overflow_is_seen_before_the_phone(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """Weights scaled until an intermediate passes 65504: float32 hides it, float16 shows it."""
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "qa")))
    weights = dict(checkpoint.weights or {})
    for name in ("transformer.layer.0.ffn.lin1.weight", "transformer.layer.0.ffn.lin2.weight"):
        weights[name] = weights[name] * 4000
    loud = type(checkpoint)("loud", checkpoint.config, weights, checkpoint.directory)
    options = BundleOptions("qa", lengths=(32,))
    with pytest.raises(UserError, match="overflows in half precision"):
        export_bundle(loud, options, tmp_path / "out")
    export_bundle(loud, options, tmp_path / "out", verify=False)
    package = open_bundle(tmp_path / "out").package
    inputs = {
        "input_ids": np.full((1, 32), 2000, np.int32),
        "attention_mask": np.ones((1, 32), np.int32),
    }
    whole = Simulator(package, precision="float32").predict(inputs)["start_logits"]
    half = Simulator(package, precision="float16").predict(inputs)["start_logits"]
    assert np.isfinite(whole).all()
    assert not np.isfinite(half).all()
