"""The simulator's own figures: all of them are there, and a file without weights is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import simulator as command
from bench.measuring import timing
from bench.measuring.machine import cores
from bench.runtimes import contenders as models
from distill.console.errors import UserError
from tests.export.tiny_models import save_checkpoint


@pytest.mark.slow
def test_every_figure_of_a_small_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = save_checkpoint("distilbert", "embed", tmp_path / "small")
    parameters = sum(each.numel() for each in encoder.parameters())
    load, run = [0.0], timing.Clock.run

    def busy(clock: timing.Clock, *arguments: Any) -> None:
        load[0] = 9.0
        run(clock, *arguments)

    monkeypatch.setattr(timing.Clock, "run", busy)
    monkeypatch.setattr("os.getloadavg", lambda: (load[0], 0.0, 0.0))
    result = command.measure(str(tmp_path / "small"), 16, 0.1, cores())
    assert result.machine.load == 0
    assert result.turns >= command.LEAST_TURNS
    assert 0 < result.session_seconds < 60
    assert 0 < result.translation_seconds < 60
    assert result.weights_mb == pytest.approx(4 * parameters / 1e6, rel=0.05)
    assert result.memory_ratio == pytest.approx(result.peak_mb / result.weights_mb)
    simulated = result.milliseconds[command.SIMULATOR]
    for name in command.DIRECT:
        value, low, high = result.ratios[name]
        assert value == pytest.approx(simulated / result.milliseconds[name])
        assert low <= value <= high
    assert json.loads(json.dumps(result.as_json()))["memory_ratio"] == result.memory_ratio
    command._print(result)
    assert "peak memory" in capsys.readouterr().out


def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(UserError, match="a checkpoint is needed"):
        command.measure(str(tmp_path / "a.onnx"), 16, 0.1, 1)
    assert command.main(["qa-mini", "--length", "1"]) == 2
    assert command.main(["qa-mini", "--seconds", "0"]) == 2
    assert "must be above 0" in capsys.readouterr().err
    assert command.main(["qa-mini", "--threads", "0"]) == 2
    assert "--threads 0 is not possible" in capsys.readouterr().err


def test_a_length_above_the_models_positions_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models.open_model("qa-mini")
    assert model.checkpoint is not None
    config = replace(model.checkpoint.config, positions=64)
    small = replace(model, checkpoint=replace(model.checkpoint, config=config))
    monkeypatch.setattr(models, "open_model", lambda name: small)
    assert command.main(["qa-mini", "--length", "65"]) == 2
    assert "length 65 is not between 2 and 64 of qa-mini" in capsys.readouterr().err
