"""Text that tokenizers get wrong, written for the parity tests of the Swift package."""

from __future__ import annotations

import random
import unicodedata

SPOKEN = [
    "",
    " ",
    "\t\n\r ",
    "The quick brown fox doesn't jump over the lazy dog's back; it naps (mostly).",
    "Café, naïve, façade, Ångström, crème brûlée, São Paulo, Łódź, Đà Nẵng",
    "Cafe\u0301 nai\u0308ve A\u030angstro\u0308m e\u0323\u0301 e\u0301\u0323 q\u0307\u0323\u0334",
    "\u0301 starts with a mark, \u0344\u0334 and with two",
    "Straße STRASSE ẞ ß Füße GROẞ ŉ ǰ ﬁ ﬂ ﬃ ﬆ",
    "İstanbul Iğdır ıspanak İİ i̇ DİYARBAKIR Ilık",
    "ΟΔΥΣΣΕΥΣ ὈΔΥΣΣΕΎΣ Σίσυφος ᾼ ᾳ ῼ ΐ ὓ ἐν ἀρχῇ ἦν ὁ λόγος",
    "Ёлка, Йогурт, Київ, Ґанок, щи; ѳита Ѩ Ꙁ Ꙗ",
    "漢字とかな交じり文。東京タワー、ｶﾞﾎﾞﾊﾟ ガ がぎぐ が ｱﾞ 㐀 䶵 𠀀 𪜀 𫝀 𫠠 豈 更 侮 頻 並 〇 々",
    "한국어 텍스트 각 갂 힣 ᄀ ᅡ ᆨ 강남스타일 ㄱㅏ ﾡ",
    "中文,没有空格的句子!还有English混在一起123。",
    "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ ☺️ ☺︎ 🧑🏿‍🚀 ❤️‍🔥 \U0001fae0",
    "مرحبا بالعالم، كِتَابٌ ؟ ۱۲۳ ٤٥٦ שָׁלוֹם עוֹלָם \u202bRTL\u202c \u061c \u200f\u200e",
    "हिन्दी कि्षी क़ ख़ ড় ঢ় ো ੋ ொ ೋ ൊ ෝ ไทยคำ ສະບາຍດີ မြန်မာ ཀྵ ཱི གྷ ខ្មែរ",
    "zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffbom so\u00adft \u034f \u180e x\u2063y",
    "NUL\x00inside \x00 \x01\x02 bell\x07 esc\x1b[0m del\x7f c1\x85next\x9f unit\x1fsep",
    "vertical\x0btab form\x0cfeed nel\u0085 line\u2028separator para\u2029graph",
    "lone \ufffd replacement\ufffdinside \ufffd\ufffd \ufffe \uffff \ufdd0 \U0010ffff \U000e0041",
    "private \ue000 use \uf8ff \U000f0000 \U00100000 unassigned \u0378 \u05ff \U0001ffff",
    "a\u00a0b\u1680c\u2000d\u2007e\u200af\u202fg\u205fh\u3000i",
    "Ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３！？（テスト）￥ ａ．ｂ　ｃ",
    "$5+3=8 <tag> ^caret^ `code` |pipe| ~tilde~ a_b @home #hash 50% C:\\path «quotes» “q” ‘s’",
    "x² x₂ ½ Ⅷ ⅷ ℌ Å Å K Ω ℵ № ™ ㎏ ㍿ ﷺ ﷽ Ǆ ǅ ǆ Ǉ",
    "1D15E \U0001d15e\U0001d165\u0334 \U0001d160\u302e \u302f\u302e\u1b44\u09cb\u1baa",
    "x\U0001d16e\u1bf2 \U0001d15e\u0334 \u09cb\u1baa\u0334 \U0001d160\u1b44\u302e",
    "\U0001d400\U0001d504\U0001d7d8 \U00010400 Ⴀ ⴀ Ა Ꭰ ꭰ \U0001e900 Ⱥ Ⱦ ꞏ Ɐ K\u0130\u0307",
    "[CLS] [SEP][MASK] [UNK]x [PAD] [sep] [ SEP ] [[SEP]] ##ing ## # ##",
    "\r\nWindows\r\nlines\r\n e\u0301\r\n\u0301",
    "z" + "\u0300\u0301\u0302\u0303\u0304\u0323\u0334\u0338" * 12 + "algo text",
    "don't can't won't O'Neil's rock'n'roll it's ’tis — – ‒ … ¡¿ §¶ · ፡ 、",
    "https://example.org/a/b?c=d&e=%20#frag me@example.org 3.14159 1,000,000 10:30 2024-02-29",
    "\ud7ff\ue001 \U00011938 \U00011935\U00011930 \u0cca \u0ccb \u1112\u1161\u11ab",
]

LONG = [
    "a" * 99,
    "a" * 100,
    "a" * 101,
    "é" * 100 + " " + "e\u0301" * 100 + " " + "é" * 101,
    "İ" * 60 + " " + "\u200b" * 150 + "b" * 100,
    "漢" * 150,
    "가" * 40 + "각" * 34 + " " + "힣" * 33,
    "!" * 250,
    "\u0301" * 500 + "a" + "\u0301" * 500,
    "unbelievably" * 9 + " supercalifragilistic" * 3,
]

LINES = [
    ("word " * 2000)[:10_000],
    "x" * 10_000,
    " " * 10_000,
    ("Zażółć gęślą jaźń 漢字 👩‍🚀 ß İ \u200b" * 400)[:10_000],
    "\u0301\u0323" * 5_000,
    "[SEP]" * 2_000,
]


def hard_texts() -> list[str]:
    """The hand-written texts, also normalised to NFC and NFD."""
    forms = [unicodedata.normalize(form, text) for text in SPOKEN for form in ("NFC", "NFD")]
    return list(dict.fromkeys([*SPOKEN, *forms, *LONG]))


def every_scalar() -> list[str]:
    """Each Unicode scalar once between letters, 256 a text; of the empty planes and of those for
    private use only the ends."""
    codes = [*range(0xD800), *range(0xE000, 0x33500), *range(0xE0000, 0xE0200)]
    codes += [*range(0xF0000, 0xF0100), *range(0xFFF00, 0x100100), *range(0x10FF00, 0x110000)]
    return [
        "".join(f"a{chr(code)}b " for code in codes[first : first + 256])
        for first in range(0, len(codes), 256)
    ]


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Random mixes of ordinary and awkward scalars, 1 to 60 a text."""
    source = random.Random(seed)
    marks = [c for c in map(chr, range(0x110000)) if unicodedata.combining(c)]
    awkward = sorted(set("".join(SPOKEN)))
    pools = [list("abcdefgh ,."), awkward, marks, [chr(code) for code in range(0x20, 0xD800)]]
    return [
        "".join(source.choice(source.choice(pools)) for _ in range(source.randint(1, 60)))
        for _ in range(count)
    ]
