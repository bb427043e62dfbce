"""A package beside the library that made its checkpoint, on data of its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill.console.errors import UserError
from distill.console.tables import Pair
from export.bundle.bundle_folder import Bundle, open_bundle
from export.bundle.checks import ChecksRun, run_checks
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import file_content, fingerprint, read_tokenizer
from export.proof.engines import ENGINES, engines_of, format_of, open_engine
from export.proof.gate import Proof
from export.proof.side_by_side import compare_with
from export.proof.witness import load_witness
from export.proof.workload import Judged, judge, load_workload


@dataclass(frozen=True)
class Verification:
    """What was found on ``examples``, run by ``engine``.

    ``judged`` compares decisions and measures; ``checks`` are those of model.json (None of an
    asset, which has weights of its own, or where there are none); ``tolerance`` is the least PSNR
    in dB where the user names one, in the place of the bound. ``cut_texts``: how many texts of the
    data are longer than the longest input, of which either side read the beginning.
    """

    engine: str
    examples: int
    proof: Proof
    judged: Judged
    checks: ChecksRun | None = None
    tolerance: float | None = None
    cut_texts: int = 0

    @property
    def passed(self) -> bool:
        """Whether the checks of model.json hold and the outputs are within the user's tolerance, or
        without one within the gate's bounds.
        """
        if self.checks is not None and not self.checks.passed:
            return False
        if self.tolerance is not None:
            return not self.proof.overflow and self.proof.psnr >= self.tolerance
        return self.proof.passed

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.checks is not None and not self.checks.passed:
            return (
                "Not as exported: the package differs from the checks in its model.json by "
                f"{self.checks.difference:.1%} of their largest number."
            )
        if self.tolerance is not None:
            return (
                f"{'Within' if self.passed else 'Not within'} tolerance: PSNR "
                f"{self.proof.psnr:.1f} dB, at least {self.tolerance:g} dB was asked for."
            )
        return self.proof.sentence()

    def as_json(self) -> dict[str, object]:
        return {
            "examples": self.examples,
            "cut_texts": self.cut_texts,
            **self.proof.as_json(),
            **self.judged.as_json(),
            **(self.checks.as_json() if self.checks else {}),
            **({} if self.tolerance is None else {"tolerance": self.tolerance}),
            "passed": self.passed,
            "verdict": self.verdict,
        }

    def rows(self) -> list[Pair]:
        """Rows of a table; the verdict stands below it."""
        cut = f" (texts that were cut: {self.cut_texts})" if self.cut_texts else ""
        found = [("examples", f"{self.examples}{cut}"), *self.proof.rows(self.engine)]
        if self.checks is not None:
            off = f"{self.checks.difference:.2%} of the largest number"
            found.append(("checks", f"{self.checks.count} of model.json, off by {off} at most"))
        return found + self.judged.rows()


def verify_bundle(
    package: Path,
    checkpoint: Checkpoint,
    data: Path | None = None,
    limit: int | None = None,
    *,
    engine: str | None = None,
    precision: str | None = None,
    tolerance: float | None = None,
) -> Verification:
    """Compare a package with the library that made its checkpoint.

    Raises:
        UserError: a package or data file that does not fit, another architecture or tokenizer
            than the package was made from, or a checkpoint that the library cannot load.
    """
    bundle = open_bundle(package)
    _check_architecture(bundle, checkpoint)
    workload = load_workload(bundle, data, limit)
    witness, _ = load_witness(checkpoint, bundle.task)
    package_engine = open_engine(bundle, engine, precision)
    proof, expected, found = compare_with(witness, bundle, workload, package_engine)
    # An asset of Core AI has weights of its own.
    same = format_of(bundle, engine) == "coreml"
    checks = run_checks(bundle.settings, package_engine.predict) if same else None
    words = ENGINES[engine or engines_of(bundle)[0]].words
    judged = judge(workload, expected, found)
    whole = data is None or bundle.record.windows
    cut = 0 if whole else bundle.reading.too_long(workload.texts)
    return Verification(words, workload.examples, proof, judged, checks, tolerance, cut)


def _check_architecture(bundle: Bundle, checkpoint: Checkpoint) -> None:
    """Check before anything runs that this can be the package's checkpoint."""
    settings, config = bundle.settings, checkpoint.config
    width, tokenizer = settings.get("hidden_size"), settings.get("tokenizer_sha256")
    wrong = ""
    if width not in (None, config.width):
        wrong = f"its width is {config.width}, not {width}"
    elif config.positions < max(bundle.lengths):
        wrong = f"it has {config.positions} positions, the package {max(bundle.lengths)}"
    elif tokenizer not in (
        None,
        fingerprint(file_content(read_tokenizer(checkpoint)), settings["format_version"]),
    ):
        wrong = "its tokenizer is another"
    if wrong:
        raise UserError(f"{checkpoint.name} is not the checkpoint of this package: {wrong}")
