"""What an MLModel has, the simulator has too: described.py, state.py, stand_in.py, pickling."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from coremltools.models.ml_program.experimental import debugging_utils

from export.bundle.quiet import quiet
from export.simulator import Simulator, SimulatorError, standing_in
from export.simulator.command_line import main
from tests.export.simulator.programs import convert

X = np.arange(4, dtype=np.float32).reshape(1, 4)
WEIGHT = np.random.default_rng(0).standard_normal((512, 600)).astype(np.float32)


@pytest.fixture(scope="module")
def mlmodel() -> Any:
    model = convert(lambda x: mb.add(x=x, y=np.float32(1), name="y"), [mb.TensorSpec((1, 4))])
    model.input_description["x"] = "what goes in"
    model.output_description["y"] = "what comes out"
    model.user_defined_metadata["made of"] = "one addition"
    model.short_description, model.author, model.version = "adds 1", "nobody", "2.0"
    return model


def test_descriptions_are_those_of_the_model(mlmodel: Any) -> None:
    simulator = Simulator(mlmodel)
    assert simulator.input_description["x"] == mlmodel.input_description["x"] == "what goes in"
    assert list(simulator.output_description) == ["y"]
    assert simulator.output_description["y"] == "what comes out"
    assert simulator.user_defined_metadata["made of"] == "one addition"
    described = (simulator.short_description, simulator.author, simulator.version)
    assert described == ("adds 1", "nobody", "2.0")
    assert simulator.get_spec() == mlmodel.get_spec()


def test_a_list_of_inputs_gives_a_list_of_results(mlmodel: Any) -> None:
    results = Simulator(mlmodel).predict([{"x": X}, {"x": X * 2}])
    np.testing.assert_array_equal([r["y"] for r in results], [X + 1, X * 2 + 1])
    assert Simulator(mlmodel).predict([]) == []


def test_compute_units_are_ignored_and_that_is_said_once(mlmodel: Any) -> None:
    with pytest.warns(UserWarning, match="compute_units is ignored") as said:
        for unit in (ct.ComputeUnit.CPU_ONLY, ct.ComputeUnit.ALL):
            Simulator(mlmodel, compute_units=unit, function_name="main")
    assert len([one for one in said if "compute_units" in str(one.message)]) == 1


@pytest.mark.slow
def test_a_pickled_simulator_answers_alike() -> None:
    """In another process too, with a weight that lies in a file."""
    model = convert(lambda x: mb.linear(x=x, weight=WEIGHT), [mb.TensorSpec((3, 600))])
    x = np.random.default_rng(1).standard_normal((3, 600)).astype(np.float32)
    simulator = Simulator(model, "float16")
    expected = simulator.predict({"x": x})
    content = pickle.dumps(simulator)
    again = pickle.loads(content)
    assert again._weights.folder is not None
    for name, value in again.predict({"x": x}).items():
        np.testing.assert_array_equal(value, expected[name])
    assert again.get_spec() == simulator.get_spec()
    code = "import pickle, sys; print(list(pickle.load(sys.stdin.buffer).inputs))"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True)
    assert done.stdout.decode().strip() == "['x']", done.stderr


def counter() -> Any:
    def build(x: Any, total: Any) -> Any:
        added = mb.add(x=mb.read_state(input=total), y=x)
        return mb.coreml_update_state(state=total, value=added, name="y")

    specs = [
        mb.TensorSpec((1, 4), dtype=types.fp16),
        mb.StateTensorSpec((1, 4), dtype=types.fp16),
    ]
    return convert(build, specs, target=ct.target.iOS18)


def test_a_state_is_read_written_and_checked() -> None:
    simulator = Simulator(counter())
    state = simulator.make_state()
    for times in (1, 2):
        simulator.predict({"x": X}, state)
        np.testing.assert_array_equal(state.read_state("total"), X * times)
    state.write_state("total", X * 10)
    np.testing.assert_array_equal(simulator.predict({"x": X}, state)["y"], X * 11)
    with pytest.raises(SimulatorError, match=r"state 'total' is \(1, 4\); given \(4,\)"):
        state.write_state("total", X[0])
    with pytest.raises(SimulatorError, match="no state 'other'; the states are total"):
        state.read_state("other")
    with pytest.raises(SimulatorError, match="the state is not of this model"):
        simulator.predict({"x": X}, {})
    with pytest.raises(SimulatorError, match="a state goes with one input"):
        simulator.predict([{"x": X}], state)


def test_a_model_of_coremltools_predicts_in_its_place(mlmodel: Any) -> None:
    predict = ct.models.MLModel.predict
    with standing_in():
        np.testing.assert_array_equal(mlmodel.predict({"x": X})["y"], X + 1)
        stateful = counter()
        state = stateful.make_state()
        stateful.predict({"x": X}, state)
        np.testing.assert_array_equal(stateful.predict({"x": X}, state)["y"], X * 2)
    assert ct.models.MLModel.predict is predict


def steps(factor: float) -> Any:
    """A matrix product, a square and a root, for four numbers."""

    def build(x: Any) -> Any:
        mixed = mb.linear(x=x, weight=WEIGHT[:4, :4] * np.float32(factor), name="mixed")
        squared = mb.mul(x=mixed, y=mixed, name="squared")
        return mb.sqrt(x=mb.add(x=squared, y=np.float32(1), name="above"), name="root")

    return convert(build, [mb.TensorSpec((1, 4))], "float16")


def of_coremltools(search: Any) -> list[str]:
    """Names of the operations that a tool of coremltools finds."""
    return [operation.outputs[0].name for operation in asyncio.run(search)]


def test_tools_of_coremltools_find_the_overflow_and_the_other_weight() -> None:
    names = ["mixed_cast_fp16", "squared_cast_fp16"]
    inputs = {"x": X * 10}
    with standing_in("float16"), quiet():
        values = asyncio.run(
            debugging_utils.MLModelInspector(steps(1)).retrieve_outputs(inputs, names)
        )
        validator = debugging_utils.MLModelValidator(steps(100))
        broken = of_coremltools(validator.find_failing_ops_with_infinite_output(inputs))
        comparator = debugging_utils.MLModelComparator(steps(1), steps(1.5))
        differ = of_coremltools(
            comparator.find_failing_ops(inputs, lambda _, one, other: np.allclose(one, other))
        )
    mixed = inputs["x"] @ WEIGHT[:4, :4].T
    np.testing.assert_allclose(values["mixed_cast_fp16"], mixed, rtol=2e-3)
    np.testing.assert_allclose(values["squared_cast_fp16"], mixed**2, rtol=4e-3)
    assert (broken, differ) == (["squared_cast_fp16"], ["mixed_cast_fp16"])


@pytest.mark.slow
def test_coremltools_is_whole_where_it_was_imported_first_and_says_what_it_lacks_otherwise() -> (
    None
):
    first = "from export.simulator import Simulator, reading\n"
    hidden = first + (
        "with reading.reading(): import coremltools as ct\n"
        "import torch\n"
        "try: ct.convert(torch.nn.ReLU(), inputs=[ct.TensorType(shape=(1,))])\n"
        "except Exception as error: print(error.__notes__[0][:46])\n"
    )
    whole = (
        "import torch\n"
        + first
        + (
            "with reading.reading(): import coremltools as ct\n"
            "traced = torch.jit.trace(torch.nn.ReLU(), torch.zeros(1))\n"
            "ct.convert(traced, inputs=[ct.TensorType(shape=(1,))])\n"
            "print('converted')\n"
        )
    )
    for code, expected in (
        (hidden, "coremltools was first imported by the simulator"[:46]),
        (whole, "converted"),
    ):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == expected, done.stderr


@pytest.mark.slow
def test_the_command_runs_a_package_and_writes_its_graph(
    mlmodel: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package, inputs = tmp_path / "model.mlpackage", tmp_path / "inputs.npz"
    with quiet():
        mlmodel.save(str(package))
    np.savez(inputs, x=X)
    (tmp_path / "bad.json").write_text("[" * 100_000)

    out = str(tmp_path / "outputs.npz")
    command = [sys.executable, "-m", "export.simulator", "run", str(package)]
    command += ["--inputs", str(inputs), "--out", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("y: float32 (1, 4) [[1. 2. 3. 4.]]\n", "")
    np.testing.assert_array_equal(np.load(out)["y"], X + 1)
    kept = tmp_path / "kept.json"
    values = ["run", str(package), "--inputs", str(inputs), "--json", "--save-json", str(kept)]
    assert main(values) == 0
    assert capsys.readouterr().out == '{"y": [[1.0, 2.0, 3.0, 4.0]]}\n'
    assert kept.read_text(encoding="utf-8") == '{"y": [[1.0, 2.0, 3.0, 4.0]]}\n'
    assert main(["to-onnx", str(package), str(tmp_path / "model.onnx")]) == 0
    printed = capsys.readouterr().out
    assert "1 nodes" in printed or "2 nodes" in printed, printed
    for arguments, message in (
        (["to-onnx", str(package), out], "outputs.npz exists already; --force replaces it"),
        (["run", str(tmp_path), "--inputs", str(inputs)], "not a Core ML package"),
        (["run", str(package), "--inputs", str(tmp_path / "bad.json")], "not a .npz or .json"),
        (["run", str(package), "--inputs", "nowhere.npz"], "nowhere.npz"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
