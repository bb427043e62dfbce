"""Every bad input gives one line and status 2, and nothing that was there is lost."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.console.errors import UserError
from export import coreml, onnx, verify


def export(directory: Path, out: Path, *options: str) -> int:
    return int(
        coreml.main(["--model", str(directory), "--out", str(out), "--lengths", "16", *options])
    )


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


class Evil:
    def __reduce__(self) -> tuple:
        return (print, ("a pickle ran",))


def remove(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def remove_tokenizer(directory: Path) -> None:
    for name in ("tokenizer.json", "vocab.txt"):
        (directory / name).unlink()


def truncate(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def corrupt(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(b"\xff" * 4096)


def pickled(directory: Path) -> None:
    (directory / "model.safetensors").unlink()
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (remove("config.json"), "config.json is missing"),
        (remove("model.safetensors"), "no weights"),
        (remove_tokenizer, "no tokenizer.json"),
        (truncate, "broken weights"),
        (corrupt, "broken weights"),
        (pickled, "refused"),
    ],
    ids=["config", "weights", "tokenizer", "truncated", "corrupt", "pickle"],
)
def test_broken_checkpoints(
    breaking: Callable[[Path], None],
    message: str,
    broken: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    breaking(broken)
    assert export(broken, tmp_path / "out") == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "a pickle ran" not in captured.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"model_type": "gpt2"}, "model type 'gpt2' is not supported"),
        ({"hidden_dim": 1024}, "but config.json says"),
        ({"n_layers": 3}, "the checkpoint has no distilbert.transformer.layer.2"),
        ({"n_heads": 7}, "does not divide"),
        ({"dim": "wide"}, "dim 'wide' is not a whole number"),
        ({"activation": "swish"}, "activation 'swish'"),
    ],
)
def test_broken_configurations(
    entries: dict,
    message: str,
    broken: Path,
    change_config: Callable[..., None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change_config(broken, **entries)
    assert export(broken, tmp_path / "out") == 2
    assert message in one_line(capsys)


def test_what_cannot_be_held_or_written(
    broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert export(broken, out, "--quantize", "int4", "--target", "iOS17") == 2
    assert "int4 needs --target iOS18" in one_line(capsys)
    assert export(broken, out, "--lengths", "16,1024") == 2
    assert "above the 512 positions" in one_line(capsys)
    (tmp_path / "file").touch()
    capsys.readouterr()
    assert export(broken, tmp_path / "file" / "out") == 2
    assert "cannot be written" in one_line(capsys)
    out.mkdir()
    assert export(broken, out) == 2
    assert "--force replaces it" in one_line(capsys)


def test_a_failed_run_keeps_the_old_package(
    broken: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The disk fills while the new package is written."""
    out = tmp_path / "out"
    out.mkdir()
    old = json.dumps({"format_version": 1, "task": "qa", "package": "old.mlpackage"})
    (out / "model.json").write_text(old)

    def fills(model: object, checkpoint: object, settings: dict, directory: Path) -> None:
        (directory / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("export.proof.proven_bundle.write_bundle", fills)
    assert export(broken, out, "--force") == 2
    assert "the disk is full" in one_line(capsys)
    assert [path.name for path in out.iterdir()] == ["model.json"]
    assert (out / "model.json").read_text() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "out"]


@pytest.mark.parametrize(
    ("settings", "stranger", "message"),
    [
        ({"format": "layers-model"}, "thesis.docx", "is not a bundle of ours"),
        ({"format_version": 2, "task": "qa", "package": "a.mlpackage"}, "notes.txt", "holds notes"),
    ],
)
def test_force_leaves_what_no_export_wrote(
    settings: dict,
    stranger: str,
    message: str,
    broken: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "webapp"
    out.mkdir()
    (out / "model.json").write_text(json.dumps(settings))
    (out / stranger).write_text("x")
    assert export(broken, out, "--force") == 2
    assert message in one_line(capsys)
    assert (out / stranger).read_text() == "x"


def test_force_replaces_bundles_only(
    broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "letters"
    out.mkdir()
    (out / "letter").touch()
    assert export(broken, out, "--force") == 2
    assert "not a bundle" in one_line(capsys)
    assert (out / "letter").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--verify", "nowhere.json"], "nowhere.json: no such file"),
        (["--verify", __file__], "not a JSON file"),
        (["--verify", __file__, "--task", "classify"], "made for qa"),
        (["--skip-layers", "down"], "--skip-layers is for weights in fewer bits"),
        (["--limit", "3"], "--limit needs --verify"),
        (["--app"], "leave --out out"),
    ],
)
def test_options_that_do_not_fit(
    options: list[str],
    message: str,
    broken: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export(broken, tmp_path / "out", *options) == 2
    assert message in one_line(capsys)


def test_the_app_is_written_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert coreml.main(["--model", "qa-mini", "--app"]) == 2
    assert "repository's root" in one_line(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ([], "qa-mini-qa-none"),
        (["--quantize", "int8"], "qa-mini-qa-int8"),
        (["--quantize", "int8", "--layout", "ane"], "qa-mini-qa-int8-ane"),
        (["--target", "iOS17", "--lengths", "384"], "qa-mini-qa-none-iOS17"),
        (["--target", "iOS18"], "qa-mini-qa-none"),
        (["--layout", "ane", "--lengths", "384,128"], "qa-mini-qa-none-ane-128-384"),
        (["--model", "minilm", "--task", "qa"], "minilm-qa-none"),
        (["--random-weights"], "qa-mini-qa-none-random"),
        (["--quantize", "int8", "--skip-layers", "a/b"], "qa-mini-qa-int8-without_a_b"),
        (["--quantize", "w8a8", "--calibrate", "my text.txt.gz"], "qa-mini-qa-w8a8-my_text"),
    ],
)
def test_bundles_that_differ_have_folders_of_their_own_in_the_app(
    options: list[str],
    folder: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import export.proof.proven_bundle as bundle

    def stop(checkpoint: object, chosen: object, out: Path, **rest: object) -> None:
        raise UserError(f"to {out}")

    monkeypatch.setattr(bundle, "export_bundle", stop)
    monkeypatch.chdir(tmp_path)
    coreml.APP_MODELS.parent.mkdir(parents=True)
    (tmp_path / "my text.txt.gz").touch()
    assert coreml.main(["--model", "qa-mini", "--app", *options]) == 2
    assert one_line(capsys) == f"error: to {coreml.APP_MODELS / folder}"


def test_the_app_takes_its_own_task_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    coreml.APP_MODELS.parent.mkdir(parents=True)
    assert coreml.main(["--model", "minilm", "--app"]) == 2
    assert "the app is for qa, not embed" in one_line(capsys)


def test_a_model_in_this_folder_names_its_file(
    broken: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(broken)
    (broken / "broken-qa-none.onnx").touch()
    assert onnx.main(["--model", "."]) == 2
    assert "broken-qa-none.onnx exists already" in one_line(capsys)


@pytest.mark.slow
def test_a_package_that_differs_is_refused(
    broken: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A compression that spoils the weights does not get past the check."""
    import export.proof.proven_bundle as bundle

    def spoiled(model: object, quantize: str, target: str, skip: object) -> object:
        import coremltools.optimize.coreml as cto

        config = cto.OpPalettizerConfig(mode="uniform", nbits=1, weight_threshold=512)
        return cto.palettize_weights(model, cto.OptimizationConfig(config))

    monkeypatch.setattr(bundle, "compress_weights", spoiled)
    assert export(broken, tmp_path / "out") == 2
    assert "the package differs" in one_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (verify.main, ["nowhere"], "no such package"),
        (coreml.main, ["--model", "nowhere"], "no such checkpoint"),
        (coreml.main, ["--model", "bert", "--out", "none-such"], "--random-weights"),
        (onnx.main, ["--model", "nowhere"], "no such checkpoint"),
        (onnx.main, ["--vnni"], "--vnni is for --quantize int8"),
    ],
)
def test_missing_files_are_refused(
    main: Callable[[list[str]], int],
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments) == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize("main", [coreml.main, verify.main, onnx.main])
def test_help_shows_a_command(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "python -m export." in capsys.readouterr().out


def test_help_does_not_wait_for_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, export.coreml, export.onnx, export.verify, export.predict;"
        "export.coreml.parser(); assert not {'torch', 'coremltools'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
