"""Every rule has a package that fires it, and its repair that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize.coreml as cto
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export import lint as command
from export.bundle.quiet import quiet
from export.simulator import command_line
from export.simulator.lint import RULES, Finding, lint
from export.simulator.lint.command import described
from tests.export.simulator.programs import convert

RANDOM = np.random.default_rng(0)
SQUARE = RANDOM.normal(size=(256, 256)).astype(np.float32)
OTHER = RANDOM.normal(size=(256, 256)).astype(np.float32)


def flexible(operation: Callable[[Any], Any], shapes: Any) -> Any:
    """A model of an operation on rows of eight, traced from PyTorch, whose input is ``shapes``."""
    import torch

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return operation(x)

    with quiet():
        return ct.convert(
            torch.jit.trace(Module(), torch.ones(4, 8)),
            inputs=[ct.TensorType("x", shape=shapes)],
            minimum_deployment_target=ct.target.iOS18,
            skip_model_load=True,
        )


def normalized(x: Any) -> Any:
    import torch

    return torch.nn.functional.layer_norm(x, (8,))


RANGE = ct.Shape((ct.RangeDim(2, 6, default=4), 8))
ENUMERATED = ct.EnumeratedShapes([(2, 8), (4, 8)])


def program(build: Callable[[Any], Any], shape: tuple[int, ...] = (1, 256), **options: Any) -> Any:
    spec = mb.TensorSpec(shape=shape, dtype=types.fp32)
    return convert(build, [spec], target=ct.target.iOS18, **options)


def product(weight: np.ndarray = SQUARE) -> Any:
    return program(lambda x: mb.linear(x=x, weight=weight), precision="float16")


def compressed(kind: str, bits: int) -> Any:
    with quiet():
        if kind == "palette":
            op_config: Any = cto.OpPalettizerConfig(mode="uniform", nbits=bits)
            return cto.palettize_weights(product(), cto.OptimizationConfig(op_config))
        op_config = cto.OpLinearQuantizerConfig(dtype=f"int{bits}", granularity="per_channel")
        return cto.linear_quantize_weights(product(), cto.OptimizationConfig(op_config))


def tied(x: Any, second: np.ndarray) -> Any:
    middle = mb.linear(x=x, weight=SQUARE)
    return mb.linear(x=mb.relu(x=middle), weight=second)


def two(x: Any) -> Any:
    mb.sigmoid(x=x, name="dead")
    return mb.relu(x=x)


def five_axes() -> Any:
    return program(lambda x: mb.relu(x=mb.reshape(x=x, shape=[1, 1, 1, 1, 256])))


def six_axes(spec: Any) -> Any:
    """The same with one more: coremltools refuses to make such a package; others do not."""
    for op in spec.mlProgram.functions["main"].block_specializations["CoreML8"].operations:
        result = op.outputs[0].type.tensorType
        if result.rank == 5:
            result.rank = 6
            result.dimensions.add().constant.size = 1
        elif op.outputs[0].name.endswith("_shape_0"):
            result.dimensions[0].constant.size = 6
            value = op.attributes["val"]
            value.type.tensorType.dimensions[0].constant.size = 6
            value.immediateValue.tensor.ints.values.append(1)
    return spec


def unread() -> Any:
    """A dead operation: coremltools removes those when it converts, so it is put in afterwards."""
    with quiet():
        built = mb.program(
            input_specs=[mb.TensorSpec(shape=(1, 256))], opset_version=ct.target.iOS18
        )(two)
        pipeline = ct.PassPipeline.EMPTY
        return ct.convert(
            built,
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS18,
            compute_precision=ct.precision.FLOAT32,
            pass_pipeline=pipeline,
            skip_model_load=True,
        )


def halves(build: Callable[[Any], Any]) -> Any:
    """A program whose input is in half precision, as converters of others write them."""
    return convert(build, [mb.TensorSpec((1, 256), types.fp16)], "float16", target=ct.target.iOS17)


def masked(least: float, precision: str = "float16") -> Any:
    values = np.where(np.arange(256) < 200, 0, least).astype(np.float32)
    return program(lambda x: mb.softmax(x=mb.add(x=x, y=values)), precision=precision)


CASES: dict[int, tuple[Callable[[], Any], Callable[[], Any]]] = {
    1: (lambda: flexible(lambda x: x * 2, RANGE), lambda: flexible(lambda x: x * 2, (4, 8))),
    2: (lambda: flexible(lambda x: x.mean(0), RANGE), lambda: flexible(lambda x: x.mean(1), RANGE)),
    3: (lambda: flexible(normalized, ENUMERATED), lambda: flexible(normalized, RANGE)),
    4: (lambda: flexible(normalized, RANGE), lambda: flexible(normalized, ENUMERATED)),
    5: (lambda: compressed("palette", 4), lambda: compressed("palette", 6)),
    6: (lambda: compressed("linear", 8), lambda: compressed("palette", 8)),
    7: (
        lambda: program(lambda x: mb.tile(x=x, reps=[1, 65])),
        lambda: program(lambda x: mb.tile(x=x, reps=[1, 64])),
    ),
    8: (
        lambda: six_axes(five_axes().get_spec()),
        five_axes,
    ),
    9: (
        lambda: halves(lambda x: mb.mul(x=x, y=np.float16(np.inf))),
        lambda: halves(lambda x: mb.mul(x=x, y=np.float16(1e4))),
    ),
    10: (lambda: masked(-1e9), lambda: masked(-1e4)),
    13: (
        lambda: program(lambda x: tied(x, SQUARE.copy()), pass_pipeline=ct.PassPipeline.EMPTY),
        lambda: program(lambda x: tied(x, OTHER), pass_pipeline=ct.PassPipeline.EMPTY),
    ),
    14: (unread, lambda: program(lambda x: mb.relu(x=x))),
    16: (
        lambda: program(lambda x: mb.mul(x=x, y=np.float32(1e6)), precision="float16"),
        lambda: program(lambda x: mb.mul(x=x, y=np.float32(1e4)), precision="float16"),
    ),
}


def fired(model: Any, *inputs: dict[str, np.ndarray]) -> set[int]:
    return {finding.number for finding in lint(model, inputs)}


@pytest.mark.parametrize("number", CASES)
def test_a_rule_fires_and_its_repair_does_not(number: int) -> None:
    broken, repaired = CASES[number]
    assert number in fired(broken())
    assert number not in fired(repaired())


def epsilon(build: Callable[[Any], Any]) -> Any:
    return program(lambda x: build(mb.square(x=x)), precision="float16")


@pytest.mark.parametrize(
    "model",
    [
        lambda: epsilon(lambda x: mb.log(x=x)),
        lambda: epsilon(lambda x: mb.rsqrt(x=x)),
        lambda: epsilon(lambda x: mb.clip(x=x, alpha=-3e38, beta=3e38)),
        lambda: epsilon(lambda x: mb.maximum(x=x, y=np.float32(-np.inf))),
        lambda: program(lambda x: mb.rsqrt(x=mb.square(x=x), epsilon=1e-30)),
        lambda: program(lambda x: mb.mul(x=x, y=np.float32(1e6))),
        lambda: masked(-1e9, "float32"),
    ],
    ids=["log", "rsqrt", "clip", "maximum", "single-epsilon", "single-factor", "single-mask"],
)
def test_numbers_that_do_no_harm_are_no_errors(model: Callable[[], Any]) -> None:
    """Bounds, what coremltools adds by itself, and programs in single precision."""
    inputs = {"x": np.full((1, 256), 3.0, np.float32)}
    assert [found.number for found in lint(model(), [inputs]) if found.weight == "error"] == []


def test_an_epsilon_that_half_precision_rounds_to_zero_is_an_error() -> None:
    assert 9 in fired(epsilon(lambda x: mb.rsqrt(x=x, epsilon=1e-10)))
    assert 9 not in fired(epsilon(lambda x: mb.rsqrt(x=x, epsilon=1e-6)))


def test_what_is_infinite_in_single_precision_too_is_no_overflow() -> None:
    inputs = {"x": np.zeros((1, 256), np.float32)}
    assert not {11, 12} & fired(masked(-np.inf), inputs)
    assert 11 in fired(masked(-1e9), inputs)


@pytest.mark.parametrize(
    ("sizes", "rule"),
    [
        (ct.EnumeratedShapes([(1, 3, 8, 8), (1, 3, 16, 16)]), 3),
        (ct.Shape((1, 3, ct.RangeDim(8, 16), ct.RangeDim(8, 16))), 4),
        ((1, 3, 8, 8), None),
    ],
)
def test_flexible_sizes_of_images_are_named(sizes: Any, rule: int | None) -> None:
    import torch

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return torch.nn.functional.layer_norm(x.permute(0, 2, 3, 1), (3,))

    with quiet():
        model = ct.convert(
            torch.jit.trace(Module(), torch.ones(1, 3, 8, 8)),
            inputs=[ct.ImageType("x", shape=sizes)],
            minimum_deployment_target=ct.target.iOS18,
            skip_model_load=True,
        )
    assert fired(model) & {3, 4} == ({rule} if rule else set())


@pytest.mark.parametrize(("length", "fires"), [(16_384, False), (16_385, True)])
def test_a_long_input_or_state_is_named(length: int, fires: bool) -> None:
    """In half precision no cast stands behind it, which would be a result as long."""

    def build(x: Any, kept: Any) -> Any:
        mb.coreml_update_state(state=kept, value=x)
        return mb.reduce_sum(x=x, axes=[0], keep_dims=True)

    specs = [
        mb.TensorSpec((length,), types.fp16),
        mb.StateTensorSpec((length,), types.fp16),
    ]
    model = convert(build, specs, "float16", target=ct.target.iOS18)
    (found,) = [each for each in lint(model) if each.number == 7] or [None]
    assert (found is not None and {"x", "kept"} <= set(found.places)) is fires


def test_a_program_with_lists_is_read() -> None:
    def build(x: Any) -> Any:
        rows = mb.make_list(init_length=2, elem_shape=(256,), dtype="fp32")
        row = mb.reshape(x=x, shape=[256])
        return mb.list_gather(ls=mb.list_write(ls=rows, index=0, value=row), indices=[0])

    assert fired(program(build), {"x": np.ones((1, 256), np.float32)}) == set()


@pytest.mark.parametrize(("dtype", "fires"), [("int4", True), ("int8", False)])
def test_integers_of_four_bits_are_named(dtype: str, fires: bool) -> None:
    assert (5 in fired(compressed("linear", int(dtype.removeprefix("int"))))) is fires


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # coremltools' own quantiles
@pytest.mark.parametrize(("bits", "rule"), [("lut4", 5), ("lut6", None), ("int4", 5), ("int8", 6)])
def test_weights_that_are_sparse_too_are_named_once(bits: str, rule: int | None) -> None:
    """Both steps that expand one share a mask, which is not a weight that is stored twice."""
    with quiet():
        pruner = cto.OpMagnitudePrunerConfig(target_sparsity=0.5)
        sparse = cto.prune_weights(
            program(lambda x: mb.linear(x=x, weight=SQUARE), precision="float16"),
            cto.OptimizationConfig(pruner),
        )
        if bits.startswith("lut"):
            palette = cto.OpPalettizerConfig(mode="uniform", nbits=int(bits[3:]))
            config = cto.OptimizationConfig(palette)
            model = cto.palettize_weights(sparse, config, joint_compression=True)
        else:
            config = cto.OptimizationConfig(cto.OpLinearQuantizerConfig(dtype=bits))
            model = cto.linear_quantize_weights(sparse, config, joint_compression=True)
    assert fired(model) == ({rule} if rule else set())


def test_a_palette_whose_entries_are_quantized_is_counted_by_its_entries() -> None:
    with quiet():
        config = cto.OpLinearQuantizerConfig(dtype="int8", granularity="per_tensor")
        palettes = {bits: compressed("palette", bits) for bits in (4, 8)}
        both = {
            bits: cto.linear_quantize_weights(
                model, cto.OptimizationConfig(config), joint_compression=True
            )
            for bits, model in palettes.items()
        }
    assert {bits: 5 in fired(model) for bits, model in both.items()} == {4: True, 8: False}


def test_values_on_real_inputs_are_watched() -> None:
    model = program(lambda x: mb.relu(x=mb.mul(x=x, y=np.float32(1000.0))), precision="float16")
    inputs = {value: {"x": np.full((1, 256), value, np.float32)} for value in (10, 30, 70)}
    assert not {11, 12} & fired(model)
    assert not {11, 12} & fired(model, inputs[10])
    assert {11, 12} & fired(model, inputs[30]) == {12}
    assert {11, 12} & fired(model, inputs[10], inputs[70]) == {11}


@pytest.mark.parametrize(
    ("settings", "fires"),
    [
        ({"task": "classify", "labels": []}, True),
        ({"task": "tokens", "labels": ["LABEL_0", "LABEL_1"]}, True),
        ({"task": "classify", "labels": ["no", "yes"]}, False),
        ({"task": "classify", "labels": [], "problem_type": "regression"}, False),
        ({"task": "qa", "labels": []}, False),
    ],
)
def test_missing_labels_are_named(settings: dict[str, Any], fires: bool, tmp_path: Path) -> None:
    product().save(str(tmp_path / "m.mlpackage"))
    settings = {"package": "m.mlpackage", **settings}
    (tmp_path / "model.json").write_text(json.dumps(settings))
    assert (15 in fired(tmp_path)) is fires
    assert (15 in fired(tmp_path / "m.mlpackage")) is fires


def test_outputs_that_the_app_does_not_know_are_named(tmp_path: Path) -> None:
    product().save(str(tmp_path / "m.mlpackage"))
    settings = {"package": "m.mlpackage", "outputs": ["logits"]}
    (tmp_path / "model.json").write_text(json.dumps(settings))
    assert 14 in fired(tmp_path)


def test_every_rule_has_a_test() -> None:
    tested = {*CASES, 11, 12, 15}
    assert [rule.number for rule in RULES] == sorted(tested)
    assert {rule.weight for rule in RULES} == {"error", "caution"}
    assert all(rule.report and rule.remedy for rule in RULES)


def test_the_command_fails_where_an_error_fires(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "m.mlpackage"
    CASES[10][0]().save(str(package))
    assert command.main([str(package), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["number"], finding["weight"], finding["function"]) == (10, "error", "main")
    product().save(str(package))
    assert command.main([str(package)]) == 0
    assert "nothing found" in capsys.readouterr().out
    data = tmp_path / "inputs.npz"
    np.savez(data, x=np.full((1, 256), 1e5, np.float32))
    assert command.main([str(package), "--data", str(data)]) == 1
    printed = capsys.readouterr().out
    assert "error 11" in printed
    headroom = r"least headroom, 65,504 over the peak: 0\.0\d+ of linear_0"
    assert re.search(headroom, " ".join(printed.split()))
    assert command_line.main(["lint", str(package), "--data", str(data)]) == 1
    assert capsys.readouterr().out == printed
    np.savez(data, x=np.ones((1, 255), np.float32))
    assert command.main([str(package), "--data", str(data)]) == 2
    assert "no function takes inputs of {'x': (1, 255)}" in capsys.readouterr().err
    assert command.main([str(tmp_path / "nothing")]) == 2
    assert command.main([str(package), "--data", str(tmp_path / "text.txt")]) == 2
    assert command.main([]) == 2
    assert command.main(["--rules"]) == 0


@pytest.mark.parametrize("columns", [80, 120])
def test_findings_fit_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    places = tuple(f"encoder_layers_{number}_query_weight_to_fp16" for number in range(9))
    found = Finding(6, "caution", "a sentence of several words " * 5, "a, b", "c", "main", places)
    lines = described([found])
    assert max(map(len, lines)) <= columns
    assert all(name in " ".join(lines) for name in places[:3])
