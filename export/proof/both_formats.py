"""A Core AI asset beside the Core ML package that was just written: one bundle, two formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill.console.errors import UserError
from export.bundle.coreai_asset import ASSET_COMPRESSIONS, require_coreai
from export.checkpoint.reading import Checkpoint
from export.proof.proven_asset import AssetOptions, export_asset
from export.proof.proven_bundle import BundleOptions
from export.proof.report import AssetReport, PackageReport, print_report


@dataclass(frozen=True)
class BothReports:
    """What was exported: the Core ML package, and the Core AI asset beside it."""

    package: PackageReport
    asset: AssetReport

    def as_json(self) -> dict[str, object]:
        return {"coreml": self.package.as_json(), "coreai": self.asset.as_json()}

    def print(self) -> None:
        """Print both reports, the package's first."""
        print_report(self.package)
        print_report(self.asset)


def check_both(options: BundleOptions) -> None:
    """Check before the work that Core AI can do what is asked.

    Raises:
        UserError: Apple's packages are not installed, a quantization that they do not have,
            layers that are to stay as they are, or palettes that are to be fitted to data.
    """
    require_coreai()
    if options.quantize not in ASSET_COMPRESSIONS:
        raise UserError(
            f"--with-coreai: {options.quantize} is not for Core AI "
            f"(expected {', '.join(ASSET_COMPRESSIONS)})"
        )
    if options.skip:
        raise UserError("--with-coreai: Core AI compresses all layers; leave --skip-layers out")
    if options.choosing:
        raise UserError("--with-coreai: Core AI fits no palettes to data; leave --data out")


def add_asset(
    checkpoint: Checkpoint, options: BundleOptions, out: Path, *, verify: bool = True
) -> AssetReport:
    """Write the asset of ``options`` into the bundle ``out``, with arithmetic in float32.

    Raises:
        UserError: as `export_asset`; the Core ML package stays.
    """
    of_asset = AssetOptions(options.task, options.quantize, options.layout, options.lengths)
    try:
        return export_asset(checkpoint, of_asset, out, verify=verify)
    except UserError as error:
        raise UserError(f"{error} ({out} has the Core ML package alone)") from None
