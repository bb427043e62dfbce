"""A limit on the memory of a command that runs programs from elsewhere: what they ask for beyond
what is free is refused and is an error in words, before the system ends processes."""

from __future__ import annotations

from pathlib import Path

KIB = 1024


def limit_memory() -> None:
    """Let this process, and what it starts, take no more memory than is free now. Linux alone; a
    limit that is lower already stays."""
    try:
        import resource

        free = _kib(Path("/proc/meminfo"), "MemAvailable:") * KIB
        taken = _kib(Path("/proc/self/status"), "VmData:") * KIB
    except (ImportError, OSError, StopIteration, ValueError):
        return
    most, hard = taken + free, resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _kib(file: Path, name: str) -> int:
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
