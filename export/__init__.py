"""Turn a Hugging Face checkpoint into Core ML and ONNX, prove what was written, and run it.

from export import Predictor, export_bundle, open_bundle

report = export_bundle("qa-mini", "qa-mini-int8", quantize="int8", lengths=(128, 256))
print(report.package_bytes, report.difference.sentence())
print(open_bundle("qa-mini-int8").settings["task"])
found = Predictor("qa-mini-int8").predict("Who repairs it?", "A watchmaker repairs it.")
print(found.answer.answers[0].text)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.errors import UserError

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.proof.predictor import Predictor
    from export.proof.report import PackageReport

__all__ = ["Predictor", "UserError", "export_bundle", "open_bundle"]


def export_bundle(
    model: str | Path,
    out: str | Path,
    *,
    task: str | None = None,
    replace: bool = False,
    verify: bool = True,
    random_weights: bool = False,
    **options: Any,
) -> PackageReport:
    """Write a Core ML bundle of a checkpoint and prove it against the library that made it.

    Args:
        model: a checkpoint folder, hub id or preset.
        out: the bundle's folder.
        task: a name of `export.tasks.table.TASKS`; None: what the checkpoint is made for.
        replace: replace an older bundle at ``out``.
        verify: refuse a package past the bound of its witness.
        random_weights: the architecture alone.
        options: of `export.proof.proven_bundle.BundleOptions`: ``quantize``, ``layout``,
            ``lengths``, ``target``, ``skip``, ``calibrate``, ``shapes``, ``no_answer``,
            ``classifier``.

    Returns:
        Sizes in bytes, seconds, and ``difference``, what the comparison found; ``as_json()`` is
        what ``--json`` prints.

    Raises:
        UserError: one line that says what to do; nothing is written then.
    """
    from export.bundle.lengths import check_lengths, usual_lengths
    from export.checkpoint.reading import load_checkpoint
    from export.proof import proven_bundle
    from export.tasks.asked_task import asked_task

    task = asked_task(str(model), task)
    described = load_checkpoint(str(model), random_weights=True)
    target = options.get("target", "iOS18")
    classifier = bool(options.get("classifier"))
    usual = usual_lengths(described, task, target, classifier=classifier)
    options.setdefault("lengths", usual)
    check_lengths(described, task, options["lengths"])
    chosen = proven_bundle.BundleOptions(task, **options)
    chosen.check(Path(out), replace)
    checkpoint = load_checkpoint(str(model), random_weights=random_weights)
    return proven_bundle.export_bundle(
        checkpoint, chosen, Path(out), replace=replace, verify=verify
    )


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle by its directory or by the package inside it.

    Raises:
        UserError: nothing there, or files are missing or broken.
    """
    from export.bundle.bundle_folder import open_bundle as opened

    return opened(path)


def __getattr__(name: str) -> Any:
    """`Predictor`, when it is asked for: it needs torch, which `--help` must not wait for."""
    if name != "Predictor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from export.proof.predictor import Predictor

    return Predictor
