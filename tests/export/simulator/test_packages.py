"""What is read: the default function, bundles, packages from elsewhere (program.py, reading.py)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize.coreml as cto
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export import lint
from export.bundle.quiet import quiet
from export.simulator import Simulator, SimulatorError
from export.simulator.diagnose import diagnose
from export.simulator.program import WEIGHTS
from tests.export.simulator.programs import convert

X = np.ones((1, 4), np.float32)
ADDED = {"one": 1, "two": 2, "three": 3}


def added(number: int) -> Any:
    return convert(number_added(number), [mb.TensorSpec(shape=(1, 4))], target=ct.target.iOS18)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "added.mlpackage"
    with quiet():
        added(1).save(str(path))
    return path


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / package.name))


def number_added(number: int) -> Any:
    return lambda x: mb.add(x=x, y=np.float32(number), name="y")


def functions(folder: Path, default: str) -> Path:
    """Three functions, each with its own number to add."""
    whole = folder / "functions.mlpackage"
    with quiet():
        parts = ct.utils.MultiFunctionDescriptor()
        for name, number in ADDED.items():
            added(number).save(str(folder / f"{name}.mlpackage"))
            parts.add_function(str(folder / f"{name}.mlpackage"), "main", name)
        parts.default_function_name = default
        ct.utils.save_multifunction(parts, str(whole))
    return whole


@pytest.mark.parametrize("default", ADDED)
def test_the_default_function_is_the_one_that_the_package_names(
    tmp_path: Path, default: str
) -> None:
    whole = functions(tmp_path, default)
    for name in (None, *ADDED):
        simulator = Simulator(whole, function_name=name)
        assert simulator.function_name == (name or default)
        np.testing.assert_array_equal(simulator.predict({"x": X})["y"], X + ADDED[name or default])
    with pytest.raises(SimulatorError, match="no function 'four'; there are one, three, two"):
        Simulator(whole, function="four")
    assert set(simulator.get_spec().mlProgram.functions) == set(ADDED)
    assert diagnose(whole, [{"x": X}]).function == default


def test_an_input_of_another_length_runs_the_function_of_that_length(tmp_path: Path) -> None:
    """As a bundle's tokenizer pads to the lengths of its functions; a named function stays."""
    parts = ct.utils.MultiFunctionDescriptor()
    for length in (2, 3):
        folder = tmp_path / f"{length}.mlpackage"
        convert(
            number_added(length),
            [mb.TensorSpec(shape=(length,))],
            target=ct.target.iOS18,
        ).save(str(folder))
        parts.add_function(str(folder), "main", f"length_{length}")
    parts.default_function_name = "length_3"
    ct.utils.save_multifunction(parts, str(tmp_path / "whole.mlpackage"))
    simulator = Simulator(tmp_path / "whole.mlpackage")
    assert simulator.predict({"x": np.zeros(3, np.float32)})["y"].tolist() == [3, 3, 3]
    with pytest.warns(UserWarning, match="fits the function length_2"):
        assert simulator.predict({"x": np.zeros(2, np.float32)})["y"].tolist() == [2, 2]
    named = Simulator(tmp_path / "whole.mlpackage", function="length_3")
    with pytest.raises(SimulatorError):
        named.predict({"x": np.zeros(2, np.float32)})


def test_a_bundle_folder_is_its_package(copy: Path) -> None:
    (copy.parent / "model.json").write_text(json.dumps({"package": copy.name}))
    np.testing.assert_array_equal(Simulator(copy.parent).predict({"x": X})["y"], X + 1)
    (copy.parent / "model.json").write_text(json.dumps({"package": f"../{copy.name}"}))
    with pytest.raises(SimulatorError, match="is outside"):
        Simulator(copy.parent)


def test_two_threads_make_and_run_simulators(package: Path) -> None:
    stderr, failures = sys.stderr, []

    def work() -> None:
        try:
            for _ in range(3):
                assert (Simulator(package).predict({"x": X})["y"] == X + 1).all()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sys.stderr is stderr


@pytest.mark.slow
def test_the_first_two_of_a_process_may_be_made_in_two_threads(package: Path) -> None:
    """Nothing is printed, torch is not imported, and stderr stays what it was."""
    code = f"""
import sys, threading
from export.simulator import Simulator
before, made = sys.stderr, []
work = lambda: made.append(Simulator({str(package)!r}).predict({{"x": [[1., 1., 1., 1.]]}}))
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(made) == 3 and sys.stderr is before
print([name for name in ("torch", "transformers", "sklearn") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def manifest(copy: Path, place: str) -> None:
    path = copy / "Manifest.json"
    content = json.loads(path.read_text())
    content["itemInfoEntries"][content["rootModelIdentifier"]]["path"] = place
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("place", ["../../..", "/etc/passwd", "a/../../../model.mlmodel", ""])
def test_a_manifest_that_points_outside_is_refused(copy: Path, place: str) -> None:
    manifest(copy, place)
    with pytest.raises(SimulatorError, match="is outside"):
        Simulator(copy)


@pytest.mark.parametrize("name", ["Manifest.json", "model.mlmodel", "weight.bin"])
def test_a_pipe_in_a_package_is_refused(copy: Path, name: str) -> None:
    path = next(copy.rglob(name), copy / WEIGHTS / name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(SimulatorError, match=f"{name} is not a regular file"):
        Simulator(copy)


@pytest.mark.parametrize(
    "content", [b"", b"[" * 100_000, b'{"a":' * 100_000, b"[1]", b"\xff", b"{}"]
)
def test_a_broken_manifest_is_one_line(copy: Path, content: bytes) -> None:
    (copy / "Manifest.json").write_bytes(content)
    with pytest.raises(SimulatorError, match="a broken package") as refused:
        Simulator(copy)
    assert "\n" not in str(refused.value)


WEIGHT = "weight.bin"


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a file of weights."""
    path = tmp_path_factory.mktemp("weighed") / "weighed.mlpackage"
    weight = np.ones((64, 4), np.float32)
    model = convert(lambda x: mb.linear(x=x, weight=weight), [mb.TensorSpec(shape=(1, 4))])
    with quiet():
        model.save(str(path))
    assert (path / WEIGHTS / WEIGHT).is_file()
    return path


@pytest.mark.parametrize(
    "name",
    [
        *(f"@model_path/../../{WEIGHT}", f"/nowhere/{WEIGHT}", f"../{WEIGHT}", WEIGHT),
        *("@model_path/weights/..", "@model_path/weights/", f"@model_path/weights/a/{WEIGHT}", ""),
    ],
)
def test_weights_outside_of_a_package_are_refused(
    weighed: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """coremltools reads the file of that name within the package, another one than was named."""
    copy = Path(shutil.copytree(weighed, tmp_path / weighed.name))
    (tmp_path / WEIGHT).write_bytes((copy / WEIGHTS / WEIGHT).read_bytes())
    file = copy / "Data/com.apple.CoreML/model.mlmodel"
    spec = ct.proto.Model_pb2.Model.FromString(file.read_bytes())
    blobs = _blobs(spec)
    assert blobs
    for each in blobs:
        each.fileName = name
    file.write_bytes(spec.SerializeToString())
    with pytest.raises(SimulatorError, match=r"its weights .* are outside"):
        Simulator(copy)
    assert lint.main([str(copy)]) == 2
    error = capsys.readouterr().err
    assert repr(name) in error and error.count("\n") == 1


def _blobs(spec: Any) -> list[Any]:
    functions = spec.mlProgram.functions.values()
    blocks = [block for each in functions for block in each.block_specializations.values()]
    values = [
        value
        for block in blocks
        for operation in block.operations
        for value in operation.attributes.values()
    ]
    return [value.blobFileValue for value in values if value.HasField("blobFileValue")]


def test_weights_of_a_specification_need_a_folder(
    weighed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the file of that name in the current folder."""
    file = weighed / "Data/com.apple.CoreML/model.mlmodel"
    spec = ct.proto.Model_pb2.Model.FromString(file.read_bytes())
    monkeypatch.chdir(weighed / WEIGHTS)
    with pytest.raises(SimulatorError, match="weights_dir names the folder"):
        Simulator(spec)
    found = Simulator(spec, weights_dir=str(weighed / WEIGHTS)).predict({"x": X})
    assert all((each == 4).all() for each in found.values())


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"package":' * 100_000, b"a: &a [*a]", b"[]"]
)
def test_a_broken_model_json_beside_a_package_is_one_line(
    copy: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy.parent / "model.json").write_bytes(content)
    for place in (copy, copy.parent):
        assert lint.main([str(place)]) == 2
        error = capsys.readouterr().err
        assert "a broken package (model.json" in error and error.count("\n") == 1


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_model_json_that_never_ends_is_one_line(
    copy: Path, make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make(copy.parent / "model.json")
    for place in (copy, copy.parent):
        assert lint.main([str(place)]) == 2
        assert "model.json is not a regular file" in capsys.readouterr().err


def test_a_program_without_functions_is_refused() -> None:
    spec = added(1).get_spec()
    for name in list(spec.mlProgram.functions):
        del spec.mlProgram.functions[name]
    with pytest.raises(SimulatorError, match="a program without functions"):
        Simulator(spec)


def test_other_formats_get_their_true_reason(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="a compiled model"):
        Simulator(tmp_path / "model.mlmodelc")
    (tmp_path / "model.json").write_text('{"package": "model.aimodel"}')
    (tmp_path / "model.aimodel").mkdir()
    for place in (tmp_path, tmp_path / "model.aimodel"):
        with pytest.raises(SimulatorError, match=r"a Core AI asset, .* the Core ML"):
            Simulator(place)
    spec = ct.proto.Model_pb2.Model()
    spec.neuralNetwork.SetInParent()
    (tmp_path / "model.mlmodel").write_bytes(spec.SerializeToString())
    with pytest.raises(SimulatorError, match="a neuralNetwork, not an ML Program"):
        Simulator(tmp_path / "model.mlmodel")
    with pytest.raises(SimulatorError, match="a int is not a model"):
        Simulator(3)


def test_a_loop_without_end_is_an_error() -> None:
    def build(x: Any) -> Any:
        zero = mb.mul(x=x, y=np.float32(0))
        return mb.while_loop(
            _cond=lambda a: mb.less(x=mb.reduce_max(x=a), y=np.float32(1000)),
            _body=lambda a: mb.add(x=a, y=x),
            loop_vars=(zero,),
        )

    simulator = Simulator(convert(build, [mb.TensorSpec(shape=(1, 4))]), max_iterations=2000)
    (found,) = simulator.predict({"x": X}).values()
    assert (found == 1000).all()
    with pytest.raises(SimulatorError, match="a loop did not end within 2000 steps"):
        simulator.predict({"x": np.zeros((1, 4), np.float32)})


@pytest.mark.parametrize("nested", ["palette of per-channel scales", "int8 table"])
def test_compressed_weights_within_compressed_ones(nested: str) -> None:
    weight = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    x = np.random.default_rng(1).normal(size=(1, 32)).astype(np.float32)
    model = convert(
        lambda x: mb.linear(x=x, weight=weight),
        [mb.TensorSpec(shape=(1, 32))],
        target=ct.target.iOS18,
    )
    scaled = nested.startswith("palette")
    config = cto.OpPalettizerConfig(
        mode="kmeans", nbits=6, enable_per_channel_scale=scaled, weight_threshold=0
    )
    with quiet():
        model = cto.palettize_weights(model, cto.OptimizationConfig(config))
        if not scaled:
            config = cto.OpLinearQuantizerConfig(granularity="per_tensor", weight_threshold=0)
            model = cto.linear_quantize_weights(
                model, cto.OptimizationConfig(config), joint_compression=True
            )
    kinds = [op.op_type for op in model._mil_program.functions["main"].operations]
    assert sum(kind.startswith("constexpr_") for kind in kinds) == 2
    (found,) = Simulator(model).predict({"x": x}).values()
    expected = x @ weight.T
    assert np.abs(found - expected).max() < 0.15 * np.abs(expected).max()


def test_int8_outputs_of_ios26_are_int8() -> None:
    def build(x: Any) -> Any:
        return mb.cast(x=x, dtype="int8", name="y")

    model = convert(
        build,
        [mb.TensorSpec(shape=(1, 4), dtype=types.fp32)],
        target=ct.target.iOS26,
        outputs=[ct.TensorType(name="y", dtype=np.int8)],
    )
    found = Simulator(model).predict({"x": X * -7})["y"]
    assert found.dtype == np.int8
    assert (found == -7).all()


def test_a_name_in_an_error_is_shown_with_its_codes(capsys: pytest.CaptureFixture[str]) -> None:
    from export.simulator import command_line

    assert command_line.main(["to-onnx", "a\x1b[2J\x9b.mlpackage", "a.onnx"]) == 2
    printed = capsys.readouterr().err
    assert "a\\u001b[2J\\u009b.mlpackage" in printed and printed.count("\n") == 1
    assert not {"\x1b", "\x9b"} & set(printed)
