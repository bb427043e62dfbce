"""Finds a Swift toolchain: on the PATH, or the one made beside the checkout, or none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "ios_app"
DATA = Path(os.environ.get("DISTILKIT_DATA") or ROOT.parent / "shared" / "data")
OPTIMIZED = ("-c", "release", "-Xswiftc", "-enable-testing")
SCRIPT = DATA.parent / "tools" / "swift-on-debian.sh"


@dataclass(frozen=True)
class Toolchain:
    """Runs `swift` in the root of the repository (Package.swift) and `swiftc` in ios_app."""

    script: Path | None

    def run(
        self, tool: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished process, its output (both streams) as text."""
        folder = ROOT if tool == "swift" else PACKAGE
        command = [tool, *arguments]
        if self.script is not None:
            verb = "run" if tool == "swift" else tool
            command = ["bash", str(self.script), verb, str(folder), *arguments]
        return subprocess.run(
            command,
            cwd=folder,
            env={**self._environment(), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        """This process's; a root of its own does not have our folder for temporary files."""
        left_out = {"TMPDIR"} if self.script is not None else set()
        return {name: value for name, value in os.environ.items() if name not in left_out}


def find_toolchain() -> Toolchain | None:
    """The toolchain at hand, or None."""
    if shutil.which("swift") and shutil.which("swiftc"):
        return Toolchain(None)
    return Toolchain(SCRIPT) if SCRIPT.is_file() and _is_installed() else None


def _is_installed() -> bool:
    """Whether the script has made its root; a test does not start an installation."""
    named = re.search(r"\$\{SWIFT_ROOT:-([^}]+)\}", SCRIPT.read_text(encoding="utf-8"))
    default = named.group(1) if named else ""
    root = Path(os.environ.get("SWIFT_ROOT", default))
    return os.geteuid() == 0 and (root / ".swift-ready").exists()
