"""One static function for each length: nothing flexible in it, its weights shared, its outputs
those of PyTorch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distill.console.errors import UserError
from export import coreml
from export.bundle.bundle_folder import directory_size, open_bundle
from export.bundle.functions import choose_shapes, default_lengths
from export.checkpoint.reading import load_checkpoint
from export.proof.package_runners import PackageEngine
from export.proof.proven_bundle import BundleOptions, export_bundle
from export.simulator.lint import lint
from export.simulator.program import WEIGHTS, load_program
from tests.export.conftest import ENTRIES

LENGTHS = (16, 24, 48)


@pytest.fixture(scope="module")
def bundles(
    checkpoint_directory: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """``(task, **options) -> bundle`` of the small architecture at random, each made once."""
    made: dict[str, Path] = {}

    def make(task: str, **options: Any) -> Path:
        key = f"{task}{options}"
        if key not in made:
            made[key] = tmp_path_factory.mktemp("bundles") / "out"
            checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", task)))
            export_bundle(checkpoint, BundleOptions(task, **options), made[key])
        return made[key]

    return make


@pytest.mark.parametrize(
    ("task", "options"),
    [
        pytest.param("embed", {}, marks=pytest.mark.slow),
        pytest.param("classify", {"quantize": "int8"}, marks=pytest.mark.slow),
        pytest.param("qa", {"layout": "ane", "quantize": "int4"}, marks=pytest.mark.slow),
    ],
)
def test_functions_hold_nothing_flexible(
    task: str, options: dict[str, Any], bundles: Callable[..., Path]
) -> None:
    bundle = open_bundle(bundles(task, lengths=LENGTHS, **options))
    spec = load_program(bundle.package).spec
    assert set(spec.mlProgram.functions) == {"length_16", "length_24", "length_48"}
    assert spec.description.defaultFunctionName == "length_48"
    for name in spec.mlProgram.functions:
        function = load_program(bundle.package, name).function
        operations = list(function.operations)
        assert "shape" not in {op.op_type for op in operations}
        for value in (*function.inputs.values(), *(o for op in operations for o in op.outputs)):
            assert all(isinstance(size, int | np.integer) for size in value.shape), value.name
        (length,) = {value.shape[1] for value in function.inputs.values()}
        assert name == f"length_{length}"
    for part in spec.description.functions:
        for feature in (*part.input, *part.output):
            assert feature.shortDescription
            assert feature.type.multiArrayType.WhichOneof("ShapeFlexibility") is None


def test_functions_have_no_known_hazard(bundles: Callable[..., Path]) -> None:
    assert lint(bundles("embed", lengths=LENGTHS)) == []


def weight_bytes(package: Path) -> int:
    return (package / WEIGHTS / "weight.bin").stat().st_size


@pytest.mark.slow
def test_functions_call_weights_as_the_checkpoint_does(bundles: Callable[..., Path]) -> None:
    package = open_bundle(bundles("classify", lengths=LENGTHS, quantize="int8")).package
    operations = load_program(package).function.operations
    names = {op.name for op in operations if op.op_type.startswith("constexpr_")}
    assert {"encoder_layers_0_query_weight", "encoder_word_embeddings_weight"} <= names
    values = [var.name for op in operations for var in op.outputs]
    assert not any(name.endswith(("_quantized", "_cast_fp16")) for name in values)
    assert "head_dense_bias" in values
    settings = [
        repr((var.dtype, var.val))
        for op in operations
        for var in op.outputs
        if var.name.startswith("const_")
    ]
    assert len(settings) == len({*settings}) > 10


@pytest.mark.slow
def test_functions_share_their_weights(bundles: Callable[..., Path]) -> None:
    """At most 1% more than those of one length, and a program for each length beside them."""
    for task, options in (("embed", {}), ("classify", {"quantize": "int8"})):
        one, three = (
            open_bundle(bundles(task, lengths=lengths, **options)).package
            for lengths in ((48,), LENGTHS)
        )
        weights, shared = (weight_bytes(package) for package in (one, three))
        assert weights <= shared < 1.01 * weights
        programs, more = (
            directory_size(package) - weight_bytes(package) for package in (one, three)
        )
        assert programs < more < 3 * 0.9 * programs


@pytest.mark.slow
def test_functions_give_what_transformers_gives(
    bundles: Callable[..., Path], checkpoint_directory: Callable[[str, str], Path]
) -> None:
    import transformers

    classifier = transformers.DistilBertForSequenceClassification.from_pretrained(
        checkpoint_directory("distilbert", "classify")
    ).eval()
    engine = PackageEngine(open_bundle(bundles("classify", lengths=LENGTHS, quantize="int8")))
    random = np.random.default_rng(0)
    for length in LENGTHS:
        mask = np.array([[1] * (length - 5) + [0] * 5], np.int32)
        ids = random.integers(1000, ENTRIES, (1, length)).astype(np.int32) * mask
        with torch.inference_mode():
            wanted = classifier(
                torch.from_numpy(ids).long(), torch.from_numpy(mask).long()
            ).logits.numpy()
        given = {"input_ids": ids, "attention_mask": mask}
        np.testing.assert_allclose(engine.predict(given)["logits"], wanted, atol=0.02)
    with pytest.raises(UserError, match=r"no function for inputs of 32 tokens .*16, 24, 48"):
        engine.predict({name: np.ones((1, 32), np.int32) for name in given})


def test_functions_are_named_in_the_settings(bundles: Callable[..., Path]) -> None:
    settings = json.loads((bundles("embed", lengths=LENGTHS) / "model.json").read_text())
    assert settings["shapes"] == "functions"
    assert settings["functions"] == {"16": "length_16", "24": "length_24", "48": "length_48"}
    settings = json.loads((bundles("embed", lengths=(48,)) / "model.json").read_text())
    assert (settings["shapes"], settings["functions"]) == ("fixed", {})


@pytest.mark.parametrize(
    ("lengths", "target", "shapes"),
    [
        ((128,), "iOS18", "fixed"),
        ((128, 256), "iOS18", "functions"),
        ((128,), "iOS16", "fixed"),
        ((128, 256), "iOS17", "range"),
    ],
)
def test_shapes_follow_from_lengths_and_target(
    lengths: tuple[int, ...], target: str, shapes: str
) -> None:
    assert choose_shapes(lengths, target) == shapes
    assert choose_shapes(lengths, target, shapes) == shapes


def test_shapes_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="functions is for several lengths; --lengths names 1"):
        choose_shapes((128,), "iOS18", "functions")
    with pytest.raises(UserError, match="functions needs --target iOS18, not iOS17"):
        choose_shapes((128, 256), "iOS17", "functions")
    with pytest.raises(UserError, match="unknown shapes 'any'"):
        choose_shapes((128, 256), "iOS18", "any")
    assert default_lengths("iOS18", (128, 256)) == (128, 256)
    assert default_lengths("iOS17", (128, 256)) == (256,)


@pytest.mark.slow
@pytest.mark.parametrize(("shapes", "warned"), [("range", "caution 4"), ("enumerated", "error 3")])
def test_flexible_shapes_are_there_for_who_asks(
    shapes: str,
    warned: str,
    checkpoint_directory: Callable[[str, str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    model = str(checkpoint_directory("distilbert", "qa"))
    arguments = ["--model", model, "--lengths", "16,24", "--shapes", shapes, "--out", str(out)]
    assert coreml.main([*arguments, "--task", "qa"]) == 0
    assert warned in capsys.readouterr().err
    bundle = open_bundle(out)
    assert (bundle.settings["shapes"], bundle.functions) == (shapes, {})
    (function,) = load_program(bundle.package).mil.functions.values()
    assert "shape" in {op.op_type for op in function.operations}
