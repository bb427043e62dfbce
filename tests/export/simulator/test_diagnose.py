"""An overflow that was put in is named, with its layer; losses are those that NumPy computes."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from matplotlib.colors import to_hex
from PIL import Image

from export import diagnose as command
from export.simulator import command_line
from export.simulator.diagnose import diagnose
from export.simulator.diagnose.parts import parts
from export.simulator.diagnose.picture import OVERFLOWS, picture
from export.simulator.program import load_program
from tests.export.simulator.programs import convert

WIDTH = 16


def encoder(loud: int | None = None) -> Any:
    """Three layers; the weights of layer ``loud`` are so large that half precision overflows."""
    random = np.random.default_rng(0)

    def build(x: Any) -> Any:
        for layer in range(3):
            weight = random.normal(size=(WIDTH, WIDTH)).astype(np.float32)
            weight = 2e4 * np.sign(weight) if layer == loud else 0.2 * weight
            named = mb.const(val=weight, name=f"encoder_layers_{layer}_up_weight")
            x = mb.linear(x=x, weight=named, name=f"up_{layer}")
            x = mb.tanh(x=x, name=f"tanh_{layer}")
        return mb.identity(x=x, name="out")

    spec = mb.TensorSpec(shape=(2, WIDTH), dtype=types.fp32)
    return convert(build, [spec], "float16", target=ct.target.iOS17)


def inputs() -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(1).normal(size=(2, WIDTH)).astype(np.float32) * 3}


def test_an_injected_overflow_is_named_with_its_layer() -> None:
    found = diagnose(encoder(loud=1), [inputs()])
    assert found.first is not None
    assert (found.first.kind, found.first.part) == ("linear", "layer 1, up")
    assert found.first.not_finite > 0
    assert found.first.peak > 65_504
    assert found.losses[0] == found.first
    assert diagnose(encoder(), [inputs()]).first is None


def test_operations_are_named_by_their_layer_its_attention_or_after_it() -> None:
    square = iter(np.random.default_rng(0).normal(size=(6, WIDTH, WIDTH)).astype(np.float32))

    def build(x: Any) -> Any:
        x = mb.mul(x=x, y=np.float32(2), name="scaled")
        for layer in range(2):
            named = mb.const(val=next(square), name=f"encoder_layers_{layer}_value_weight")
            value = mb.linear(x=x, weight=named, name=f"value_{layer}")
            x = mb.matmul(
                x=mb.softmax(x=value, name=f"softmax_{layer}"), y=next(square), name=f"mix_{layer}"
            )
            named = mb.const(val=next(square), name=f"encoder_layers_{layer}_output_weight")
            x = mb.tanh(x=mb.linear(x=x, weight=named, name=f"out_{layer}"), name=f"tanh_{layer}")
        return mb.reduce_sum(x=x, axes=[1], name="pooled")

    found = parts(load_program(convert(build, [spec()])).function)
    wanted = {
        "scaled": "inputs",
        "value_0": "layer 0, value",
        "softmax_0": "layer 0, attention",
        "mix_0": "layer 0, attention",
        "out_0": "layer 0, output",
        "tanh_0": "layer 0, output",
        "value_1": "layer 1, value",
        "out_1": "layer 1, output",
        "tanh_1": "after layer 1",
        "pooled": "after layer 1",
    }
    assert {name: found[name] for name in wanted} == wanted


def test_losses_are_those_of_rounding() -> None:
    """One product of halves: PSNR as NumPy has it, from the rounded result."""
    found = diagnose(
        convert(lambda x: mb.mul(x=x, y=np.float32(1 / 3)), [spec()], "float16"), [inputs()]
    )
    (loss,) = (loss for loss in found.losses if loss.kind == "mul")
    third = np.float64(np.float16(1 / 3))
    exact = inputs()["x"].astype(np.float64) * third
    half = (inputs()["x"].astype(np.float16).astype(np.float32) * np.float32(third)).astype(
        np.float16
    )
    error = float(np.mean(np.square(exact - half.astype(np.float64))))
    wanted = 20 * math.log10(np.abs(exact).max()) - 10 * math.log10(error)
    assert loss.psnr == pytest.approx(wanted, abs=0.05)
    assert loss.peak == pytest.approx(np.abs(exact).max(), rel=1e-5)
    assert loss.not_finite == 0


def spec() -> Any:
    return mb.TensorSpec(shape=(2, WIDTH), dtype=types.fp32)


def test_the_command_names_the_overflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package, data = tmp_path / "m.mlpackage", tmp_path / "inputs.npz"
    encoder(loud=2).save(str(package))
    np.savez(data, **inputs())
    assert command.main([str(package), "--data", str(data)]) == 1
    printed = capsys.readouterr().out
    assert "first overflow: linear" in printed
    assert "(layer 2, up)" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert command.main([str(package), "--data", str(data), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["first"]["part"] == "layer 2, up"
    assert command_line.main(["diagnose", str(package), "--data", str(data)]) == 1
    assert capsys.readouterr().out == printed
    assert command.main([str(package)]) == 2
    assert "no model.json beside it" in capsys.readouterr().err
    np.savez(data, x=np.zeros((3, WIDTH), np.float32))
    assert command.main([str(package), "--data", str(data)]) == 2


def test_inputs_may_be_json_and_what_is_not_finite_anyway_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package, data = tmp_path / "m.mlpackage", tmp_path / "inputs.json"
    encoder().save(str(package))
    for name, said in (("1.0", False), ("NaN", True), ("Infinity", True)):
        data.write_text(f'{{"x": {[[1.0] * WIDTH] * 2}}}'.replace("1.0", name, 1))
        assert command_line.main(["diagnose", str(package), "--data", str(data)]) == 0
        assert ("is not finite in float32 either" in capsys.readouterr().out) is said
        assert command_line.main(["lint", str(package), "--data", str(data)]) == said
    data.write_text('{"x": [[1, 2], [1]]}')
    capsys.readouterr()
    for name in ("lint", "diagnose"):
        assert command_line.main([name, str(package), "--data", str(data)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def looped() -> Any:
    def build(x: Any) -> Any:
        steps = mb.while_loop(
            _cond=lambda step, value: mb.less(x=step, y=3),
            _body=lambda step, value: (mb.add(x=step, y=1), mb.mul(x=value, y=np.float32(2))),
            loop_vars=(np.int32(0), x),
            name="repeated",
        )
        return mb.add(x=steps[1], y=np.float32(1), name="out")

    return convert(build, [spec()], "float16")


def test_what_is_not_watched_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The result of a loop is watched, what it computes inside is not."""
    looped().save(str(tmp_path / "m.mlpackage"))
    found = diagnose(looped(), [{"x": np.full((2, WIDTH), 9000, np.float32)}])
    assert found.first is not None and found.first.kind == "while_loop"
    assert found.not_watched == (found.first.operation,)
    assert diagnose(encoder(), [inputs()]).not_watched == ()
    np.savez(tmp_path / "x.npz", **inputs())
    assert command.main([str(tmp_path / "m.mlpackage"), "--data", str(tmp_path / "x.npz")]) == 0
    said = f"not watched: what is computed inside of {found.first.operation}"
    assert said in capsys.readouterr().out.splitlines()


def test_the_picture_has_a_bar_for_each_operation() -> None:
    found = diagnose(encoder(loud=1), [inputs()])
    axes = picture(found, 4).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "up_1_cast_fp16 (layer 1, up)" and len(names) == 4
    assert axes.texts[0].get_text().startswith("overflows: ")
    bars = axes.patches
    assert to_hex(bars[0].get_facecolor()) == OVERFLOWS
    widths = [bar.get_width() for bar, loss in zip(bars, found.losses, strict=False)
              if not loss.not_finite and loss.added]  # fmt: skip
    added = [loss.added for loss in found.losses[:4] if not loss.not_finite and loss.added]
    assert widths == pytest.approx(added) and widths


def test_the_command_draws_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package, data, drawn = tmp_path / "m.mlpackage", tmp_path / "x.npz", tmp_path / "new" / "a.png"
    encoder().save(str(package))
    np.savez(data, **inputs())
    line = [str(package), "--data", str(data), "--plot", str(drawn)]
    assert command.main(line) == 0
    with Image.open(drawn) as image:
        assert image.format == "PNG" and image.size[0] > 800
        assert len(np.unique(np.asarray(image.convert("L")))) > 20
    assert [path.name for path in drawn.parent.iterdir()] == ["a.png"]
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    capsys.readouterr()
    assert command_line.main(["diagnose", *line]) == 2
    assert "--plot needs matplotlib" in capsys.readouterr().err
