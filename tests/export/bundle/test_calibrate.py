"""Activations in 8 bits: ranges from the simulator, and a package whose steps run as stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from distill.console.errors import UserError
from distill.models.safe_tokenizer import tokenizer_from
from export import coreml
from export.bundle.bundle_folder import open_bundle
from export.bundle.calibrate import activation_ranges, calibration_inputs, quantize_activations
from export.checkpoint.reading import load_checkpoint
from export.proof.proven_bundle import BundleOptions, export_bundle
from export.proof.verification import verify_bundle
from export.simulator import Simulator
from export.simulator.program import load_program
from tests.conftest import TEXTS
from tests.export.conftest import LAYERS
from tests.export.simulator.programs import convert

WEIGHT = np.arange(-6, 6, dtype=np.float32).reshape(3, 4) / 4


@pytest.fixture(scope="module")
def product() -> Any:
    """``x @ WEIGHT.T`` of rows of four numbers."""

    def build(x: Any) -> Any:
        return mb.linear(x=x, weight=WEIGHT, name="product")

    return convert(build, [mb.TensorSpec(shape=(1, 4))])


def samples(*rows: list[float]) -> list[dict[str, np.ndarray]]:
    return [{"x": np.array([row], np.float32)} for row in rows]


def test_every_sample_counts(product: Any) -> None:
    (found,) = activation_ranges(
        product, samples([1, 2, 3, 9], [-5, 0, 0, 1], [0, 0, 0, 0])
    ).values()
    assert found == {"rmin": -5.0, "rmax": 9.0}
    with pytest.raises(UserError, match="no samples"):
        activation_ranges(product, [])
    with pytest.raises(UserError, match="not finite"):
        activation_ranges(product, samples([1, np.inf, 0, 0]))


def test_the_product_of_rounded_numbers(product: Any) -> None:
    """Against NumPy: 256 levels from the least to the greatest, larger inputs clipped."""
    scale, least, greatest = 1 / 16, -1.0, 239 / 16
    quantized = quantize_activations(product, samples([greatest, least, 0, 0]))
    x = np.array([[1.234, -7.0, 20.0, 0.03]], np.float32)
    rounded = np.clip(np.round(x / scale) * scale, least, greatest)
    (found,) = Simulator(quantized).predict({"x": x}).values()
    np.testing.assert_allclose(found, rounded @ WEIGHT.T, rtol=1e-5, atol=1e-5)
    assert np.abs(found - x @ WEIGHT.T).max() > 0.5


@pytest.mark.parametrize("sign", [1, -1])
def test_values_of_one_sign_have_all_levels(product: Any, sign: int) -> None:
    """A GELU's results: symmetric about zero, every other multiple of a 255th would be lost."""
    rows = [[255, 0, 0, 0], [253, 1, 127, 129]]
    quantized = quantize_activations(product, samples(*([sign * x for x in row] for row in rows)))
    x = sign * np.array([rows[1]], np.float32)
    (found,) = Simulator(quantized).predict({"x": x}).values()
    np.testing.assert_allclose(found, x @ WEIGHT.T, rtol=1e-6)


@pytest.mark.parametrize("row", [[600, -100, 0, 0], [0, 0, 0, 0]])
def test_a_zero_point_that_half_precision_cannot_hold(product: Any, row: list[float]) -> None:
    """Within half a step of a range that is symmetric about zero."""
    quantized = quantize_activations(product, samples(row))
    x = np.array([row], np.float32)
    (found,) = Simulator(quantized).predict({"x": x}).values()
    most = np.abs(x).max() / 127 / 2 * np.abs(WEIGHT).sum(axis=1)
    assert (np.abs(found - x @ WEIGHT.T) <= 1.01 * most).all()


def operations(bundle: Path) -> list[Any]:
    program = load_program(open_bundle(bundle).package)
    return list(program.function.operations)


@pytest.mark.slow
def test_the_command_calibrates_minilms_layers(
    checkpoint_directory: Callable[[str, str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, text = tmp_path / "out", TEXTS / "passages.txt"
    model = str(checkpoint_directory("bert", "embed"))
    arguments = [
        "--model",
        model,
        "--task",
        "embed",
        "--quantize",
        "w8a8",
        "--calibrate",
        str(text),
    ]
    arguments += ["--lengths", "32,64", "--out", str(out), "--json"]
    assert coreml.main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    lines = sum(bool(line.strip()) for line in text.read_text().splitlines())
    assert report["calibration_inputs"] == lines
    assert report["calibrate"] == str(text)
    assert report["package_bytes"] < 0.27 * report["float32_bytes"]
    settings = open_bundle(out).settings
    assert (settings["quantization"], settings["calibration_inputs"]) == ("w8a8", lines)
    quantized = [op.input.op.op_type for op in operations(out) if op.op_type == "quantize"]
    assert "linear" not in quantized, "results stay in half precision"
    products = [op for op in operations(out) if op.op_type == "linear"]
    assert len(products) == 6 * LAYERS
    for op in products:
        assert op.x.op.op_type == "dequantize"
        assert op.x.op.input.op.op_type == "quantize"
        assert op.weight.op.op_type == "constexpr_blockwise_shift_scale"
        assert op.weight.op.data.val.dtype == np.int8


@pytest.mark.slow
def test_skipped_products_stay_as_they_are(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "embed")))
    options = BundleOptions(
        "embed",
        quantize="w8a8",
        lengths=(32,),
        target="iOS17",
        skip=("down",),
        calibrate=TEXTS / "passages.txt",
    )
    export_bundle(checkpoint, options, tmp_path / "out", verify=False)
    kinds = {
        "down" in op.weight.name: (op.x.op.op_type == "dequantize", op.weight.op.op_type)
        for op in operations(tmp_path / "out")
        if op.op_type == "linear"
    }
    assert kinds == {False: (True, "constexpr_affine_dequantize"), True: (False, "const")}


@pytest.mark.slow
def test_qa_mini_answers_as_before(
    qa_examples: list[dict[str, str]], squad_file: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.txt"
    flat = [" ".join(example["passage"].split()) for example in qa_examples]
    questions = [example["question"] for example in qa_examples]
    # Every question on every passage: twelve inputs are too few to know the ranges by.
    pairs.write_text("".join(f"{q}\t{p}\n" for p in flat for q in questions))
    checkpoint = load_checkpoint("qa-mini")
    options = BundleOptions("qa", quantize="w8a8", lengths=(128,), calibrate=pairs)
    export_bundle(checkpoint, options, tmp_path / "out")
    report = verify_bundle(tmp_path / "out", checkpoint, squad_file)
    assert report.examples == len(qa_examples)
    assert report.proof.psnr >= 30
    assert report.judged.agreement >= 0.75
    assert report.judged.package["f1"] >= report.judged.reference["f1"] - 15


def test_files_by_task(qa_examples: list[dict[str, str]], tmp_path: Path) -> None:
    tokenizer = tokenizer_from(
        Path(str(load_checkpoint("qa-mini").tokenizer_directory)) / "tokenizer.json"
    )
    path = tmp_path / "pairs.txt"
    path.write_text("one two\tthree\n\nfour\n")
    pair, single = calibration_inputs(path, tokenizer, "qa", (16,))
    assert pair["token_type_ids"].sum() == 2  # "three" and [SEP]
    assert single["token_type_ids"].sum() == 0
    assert [
        x["token_type_ids"].sum() for x in calibration_inputs(path, tokenizer, "embed", (16,))
    ] == [0, 0]
    path.write_text("".join(f"line {n}\n" for n in range(100)))
    assert len(calibration_inputs(path, tokenizer, "embed", (16,), limit=7)) == 7
    sentences = tmp_path / "sts.tsv"
    header = "index genre filename year old_index source1 source2 sentence1 sentence2 score"
    row = "0 main a 2012 1 none none one two 5.0"
    sentences.write_text(f"{header}\n{row}\n".replace(" ", "\t"))
    assert len(calibration_inputs(sentences, tokenizer, "embed", (16,))) == 2
    path.write_text("\n  \n")
    with pytest.raises(UserError, match="no text to calibrate on"):
        calibration_inputs(path, tokenizer, "embed", (16,))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not UTF-8"):
        calibration_inputs(path, tokenizer, "qa", (16,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantize", "w8a8"], "w8a8 needs --calibrate FILE"),
        (["--quantize", "w8a8", "--calibrate", "absent.txt"], "absent.txt: no such file"),
        (["--quantize", "w8a8", "--calibrate", "."], "no such file"),
        (["--quantize", "int8", "--calibrate", "text"], "--calibrate is for w8a8"),
        (["--calibrate", "text"], "--calibrate is for w8a8"),
        (
            ["--quantize", "w8a8", "--calibrate", "text", "--target", "iOS16"],
            "needs --target iOS17",
        ),
        (["--quantize", "w8a8", "--calibrate", "empty"], "no text to calibrate on"),
        (["--quantize", "w8a8", "--calibrate", "binary"], "not UTF-8"),
        (["--quantize", "w8a8", "--calibrate", "wrong.json"], "not a JSON file"),
    ],
)
def test_what_is_refused(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("text", b"a\n"), ("empty", b"\n"), ("binary", b"\x00\xff\n")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "wrong.json").write_text("{")
    assert coreml.main(["--model", "qa-mini", "--lengths", "16", "--out", "out", *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()
