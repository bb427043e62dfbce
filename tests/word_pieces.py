"""A vocabulary of word pieces that is the same in every run: the trainer of `tokenizers` breaks
ties by the order of a hash table, so its pieces and their ids differ from process to process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokenizers import BertWordPieceTokenizer

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def word_pieces(
    texts: Sequence[str], size: int = 400, specials: Sequence[str] = SPECIALS
) -> BertWordPieceTokenizer:
    """Special tokens, letters, and the commonest words and ends of words, ``size`` in all."""
    blank = BertWordPieceTokenizer()
    plain = (blank.normalizer.normalize_str(text) for text in texts)
    words = [word for text in plain for word, _ in blank.pre_tokenizer.pre_tokenize_str(text)]
    letters = sorted({letter for word in words for letter in word})
    names = dict.fromkeys([*specials, *letters, *(f"##{letter}" for letter in letters)])
    counts = Counter(words) + Counter(f"##{word[-3:]}" for word in words if len(word) > 5)
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        if len(names) == size:
            break
        names[name] = None
    return BertWordPieceTokenizer(vocab={name: index for index, name in enumerate(names)})
