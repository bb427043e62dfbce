"""Precompiled character maps of SentencePiece: a double array over UTF-8 bytes, then the texts.

An entry of the array is a number of 32 bits: bits 0-7 the byte that leads to it, bit 8 whether a
key ends there, bits 10-30 how far its children are (by exclusive or); where a key ends, the entry
at distance 0 holds, with bit 31, the place of its text. Source: darts-clone, as `spm_precompiled`
reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping


def charsmap(texts: Mapping[bytes, str]) -> bytes:
    """The map of keys, none of which is empty or has a byte 0, to texts."""
    tree: dict = {}
    blob = b""
    for key, text in texts.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[0] = len(blob)
        blob += text.encode() + b"\0"
    units: dict[int, int] = {0: 0}
    _place(units, 0, tree)
    block = (max(units) // 256 + 1) * 256
    array = struct.pack(f"<{block}I", *(units.get(index, 0) for index in range(block)))
    return struct.pack("<I", len(array)) + array + blob


def byte_charsmap(texts: Mapping[int, str]) -> bytes:
    """The map of single bytes, by which a whole chunk that begins with one is replaced."""
    return charsmap({bytes([byte]): text for byte, text in texts.items()})


def _place(units: dict[int, int], position: int, node: dict) -> None:
    """Put the children of a node where all their places are free."""
    base = next(
        base
        for base in range(1, 1 << 21)
        if all(base ^ byte not in units and base ^ byte for byte in node)
    )
    units[position] |= (base ^ position) << 10 | (256 if 0 in node else 0)
    for byte, child in node.items():
        units[base ^ byte] = child | 1 << 31 if byte == 0 else byte
    for byte, child in node.items():
        if byte:
            _place(units, base ^ byte, child)
