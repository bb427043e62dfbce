"""Write the Unicode*.swift files of tables: what `tokenizers` knows of each scalar.

    python ios_app/Tools/make_unicode_tables.py

The Rust crates below `tokenizers` carry tables of several, partly old Unicode versions, and an
operating system updates its own. A tokenizer in Swift equals the one the model was trained with
only when it uses the same tables; so every scalar is put through the real library here, and what
comes out is written down.
"""

from __future__ import annotations

import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from charsmap import byte_charsmap
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFC, NFD, NFKD, BertNormalizer, Precompiled, StripAccents
from tokenizers.pre_tokenizers import BertPreTokenizer, Split

SOURCES = Path(__file__).parent.parent / "Sources" / "TextModels" / "Tokenizers"
# Planes 4 to 13 hold no character, in any version of Unicode so far.
SCALARS = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0x110000)]]
HANGUL = range(0xAC00, 0xAC00 + 11172)
OVERLAY = "\u0334"  # combining class 1: canonical order puts it before any higher class


def step(**on: bool) -> Callable[[str], str]:
    """One step of BERT's normalizer alone."""
    steps = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
    normalizer = BertNormalizer(**{name: on.get(name, False) for name in steps})
    return lambda text: str(normalizer.normalize_str(text))


def changes(function: Callable[[str], str]) -> dict[int, str]:
    """The scalars that a function changes, with their results."""
    return {ord(c): result for c in SCALARS if (result := function(c)) != c}


def combining_classes() -> dict[int, int]:
    """The scalars that NFD puts in canonical order. A class never changes between versions of
    Unicode, so Python's own value is right for each scalar that the library knows."""
    nfd = NFD().normalize_str
    known = {c for c in SCALARS if nfd(c + OVERLAY) == OVERLAY + c}
    known |= {c for c in SCALARS if unicodedata.combining(c) == 1}
    return {ord(c): unicodedata.combining(c) for c in sorted(known)}


def pieces(scalar: str) -> int:
    """Words that "a?b" is cut into: 1, 2 at white space, 3 at punctuation."""
    return len(BertPreTokenizer().pre_tokenize_str(f"a{scalar}b"))


def ranges(codes: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted codes as inclusive ranges."""
    found: list[tuple[int, int]] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


def range_table(codes: Iterable[int]) -> str:
    """``41-5a 5f``: inclusive ranges and single scalars."""
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in ranges(codes))


def mapping_table(mapping: dict[int, str]) -> str:
    """``c0: 41.300 41.301``: the results of scalars in a row, from the first on."""
    runs = []
    for first, last in ranges(mapping):
        results = (
            ".".join(f"{ord(c):x}" for c in mapping[code]) for code in range(first, last + 1)
        )
        runs.append(f"{first:x}: {' '.join(results)}")
    return " ".join(runs)


def shift_table(mapping: dict[int, str]) -> str:
    """``41-5a/1+20``: scalars first, first + step, ... last and the distance to their results."""
    runs: list[list[int]] = []
    for code, result in sorted(mapping.items()):
        distance = ord(result[0]) - code
        if runs and runs[-1][3] == distance:
            first, last, step, _ = runs[-1]
            if code - last == step or (first == last and code - last <= 2):
                runs[-1][1:3] = [code, code - last]
                continue
        runs.append([code, code, 1, distance])
    return " ".join(f"{a:x}-{b:x}/{step}{distance:+x}" for a, b, step, distance in runs)


def class_table(classes: dict[int, int]) -> str:
    """``300-314=e6``: ranges of one combining class."""
    rows = []
    for value in sorted(set(classes.values())):
        for first, last in ranges(code for code, found in classes.items() if found == value):
            rows.append((first, f"{first:x}-{last:x}={value:x}"))
    return " ".join(text for _, text in sorted(rows))


def class_tables() -> dict[str, tuple[str, str]]:
    """Name -> (comment, content) of the tables that sort scalars into classes."""
    cleaned = changes(step(clean_text=True))
    stripped = changes(step(strip_accents=True))
    cut = {ord(c): pieces(c) for c in SCALARS}
    return {
        "removed": (
            "Removed by clean_text: NUL, U+FFFD and other control characters.",
            range_table(code for code, result in cleaned.items() if not result),
        ),
        "whiteSpace": (
            "White space; clean_text turns it into a blank.",
            range_table(code for code, count in cut.items() if count == 2),
        ),
        "ideographs": (
            "Set off by blanks with handle_chinese_chars.",
            range_table(changes(step(handle_chinese_chars=True))),
        ),
        "punctuation": (
            "A word of its own.",
            range_table(code for code, count in cut.items() if count == 3),
        ),
        "nonspacingMarks": (
            "Removed by strip_accents after decomposition.",
            range_table(code for code, result in stripped.items() if not result),
        ),
        "combiningClasses": (
            "Canonical combining classes: `first-last=class`.",
            class_table(combining_classes()),
        ),
    }


def mapping_tables() -> dict[str, tuple[str, str]]:
    """Name -> (comment, content) of the tables that map a scalar to others."""
    decomposed = {c: s for c, s in changes(NFD().normalize_str).items() if c not in HANGUL}
    lowered = changes(step(lowercase=True))
    longer = {code: result for code, result in lowered.items() if len(result) > 1}
    if longer != {0x130: "i\u0307"}:
        sys.exit(f"lower-case forms of several scalars: {longer}")
    return {
        "decompositions": (
            "Full canonical decompositions, Hangul syllables left out: `first: result result`, "
            "for scalars in a row.",
            mapping_table(decomposed),
        ),
        "lowercase": (
            "Lower-case forms: `first-last/step+distance`. U+0130 has U+0307 after its own.",
            shift_table(lowered),
        ),
    }


def matches(pattern: str) -> str:
    """The scalars that a pattern of the library's regular expressions matches."""
    split = Split(Regex(pattern), "removed")
    kept = {c for piece, _ in split.pre_tokenize_str("".join(SCALARS)) for c in piece}
    return range_table(ord(c) for c in SCALARS if c not in kept)


def word_characters() -> str:
    """The scalars beside which a token with ``single_word`` is not taken."""
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.add_tokens([AddedToken("!", single_word=True, normalized=False)])
    return range_table(ord(c) for c in SCALARS if 1 not in tokenizer.encode(f"{c}!").ids)


def text_tables() -> dict[str, tuple[str, str]]:
    """Name -> (comment, content) of the sets of scalars that byte-level BPE, added tokens and
    normalisers ask for."""
    if matches(r"\s") != class_tables()["whiteSpace"][1]:
        sys.exit("the library has two kinds of white space")
    return {
        "letters": (r"\\p{L} of the byte-level pre-tokenizer.", matches(r"\p{L}")),
        "numbers": (r"\\p{N} of the byte-level pre-tokenizer.", matches(r"\p{N}")),
        "words": ("Beside these a token with single_word is not taken.", word_characters()),
        "marks": (
            "Removed by the normaliser StripAccents.",
            range_table(ord(c) for c in SCALARS if not StripAccents().normalize_str(c)),
        ),
    }


def form_tables() -> dict[str, tuple[str, str]]:
    """Name -> (comment, content) of what NFC and NFKD need beside the canonical decompositions."""
    nfc, nfd, nfkd = (form.normalize_str for form in (NFC(), NFD(), NFKD()))
    pairs = {
        ord(c): "".join(chr(int(code, 16)) for code in unicodedata.decomposition(c).split())
        for c in SCALARS
        if ord(c) not in HANGUL and nfd(c) != c and nfc(c) == c
    }
    wrong = [code for code, pair in pairs.items() if len(pair) != 2 or nfc(pair) != chr(code)]
    if wrong:
        sys.exit(f"not composed of two scalars: {wrong}")
    compatible = {ord(c): nfkd(c) for c in SCALARS if nfkd(c) != nfd(c)}
    return {
        "compositions": (
            "The two scalars that each of these is composed of: `first: a.b a.b`.",
            mapping_table(pairs),
        ),
        "compatibility": (
            "Full compatibility decompositions that differ from the canonical ones.",
            mapping_table(compatible),
        ),
    }


def cluster_tables() -> dict[str, tuple[str, str]]:
    """Name -> (comment, content) of the classes that decide where a grapheme cluster of less than
    6 bytes ends: `Precompiled` takes such a cluster whole. Here each becomes one letter."""
    clusters = Precompiled(byte_charsmap(dict.fromkeys(range(1, 245), "b"))).normalize_str
    return {
        "extenders": (
            "Never begin a cluster: marks, joiners, vowel signs.",
            range_table(ord(c) for c in SCALARS if len(clusters(f"a{c}")) == 1),
        ),
        "prepended": (
            "Begin the cluster of the scalar behind them.",
            range_table(ord(c) for c in SCALARS if c != "\r" and len(clusters(f"{c}a")) == 1),
        ),
        "controls": (
            "Clusters of their own, of at most 3 bytes.",
            range_table(
                ord(c) for c in SCALARS if len(c.encode()) < 4 and len(clusters(f"{c}\u0300")) == 2
            ),
        ),
    }


def render(name: str, tables: dict[str, tuple[str, str]]) -> str:
    """The Swift file of an enum of tables."""
    lines = [
        "// Made by Tools/make_unicode_tables.py from the `tokenizers` library; do not edit.",
        "",
        "/// What the tokenizers know of Unicode scalars, in hexadecimal.",
        f"enum {name} {{",
    ]
    for table, (comment, content) in tables.items():
        lines += [f"    /// {line}" for line in textwrap.wrap(comment, 92)]
        lines += [f'    static let {table} = """']
        lines += [f"        {line}" for line in wrapped(content)]
        lines += ['        """', ""]
    lines[-1] = "}"
    return "\n".join(lines) + "\n"


def wrapped(content: str) -> list[str]:
    """Lines of at most 100 columns with their indent."""
    return textwrap.wrap(content, 92, break_long_words=False, break_on_hyphens=False)


def main() -> int:
    """Write the files, or with ``--check`` say whether they are up to date."""
    files = {
        "UnicodeClasses": class_tables(),
        "UnicodeMappings": mapping_tables(),
        "UnicodeSets": text_tables(),
        "UnicodeForms": form_tables(),
        "UnicodeClusters": cluster_tables(),
    }
    for name, tables in files.items():
        path, text = SOURCES / f"{name}.swift", render(name, tables)
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not what this version of tokenizers says; make it anew")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
