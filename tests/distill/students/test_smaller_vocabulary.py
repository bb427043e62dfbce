"""`distill.trim_vocabulary` and its parts, against `transformers` and `tokenizers`: what is kept is
spelled and computed as before, and nothing becomes unknown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, RobertaConfig

from distill.students.smaller_embeddings import with_fewer_entries
from distill.trim_vocabulary import main
from tests.conftest import TEXTS
from tests.export.tiny_models import save_checkpoint

PASSAGES = TEXTS / "passages.txt"
UNSEEN = "Zebras waltz through Kyiv; 東京 naïve 1907."


def states(directory: Path, text: str) -> torch.Tensor:
    """Last hidden states of a text by the library that made the checkpoint."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModel.from_pretrained(directory).float().eval()
    with torch.inference_mode():
        return model(**tokenizer(text, return_tensors="pt")).last_hidden_state


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trimmed") / "qa"
    arguments = ["--model", "qa-mini", "--text", str(PASSAGES), "--keep", "4000"]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


def shipped() -> Path:
    from distill.models.presets import preset_directory

    directory = preset_directory("qa-mini")
    assert directory is not None
    return directory


def test_trimmed_model_has_as_many_rows_as_entries(trimmed: Path) -> None:
    config = json.loads((trimmed / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(trimmed / "tokenizer.json"))
    lines = (trimmed / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert config["vocab_size"] == tokenizer.get_vocab_size() == len(lines) == 4000
    assert all(tokenizer.token_to_id(line) == number for number, line in enumerate(lines))


def test_trimmed_model_computes_the_same_where_its_entries_are_kept(
    trimmed: Path, passages: list[str]
) -> None:
    before, after = states(shipped(), passages[0]), states(trimmed, passages[0])
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


def test_trimmed_tokenizer_spells_what_it_has_not_seen(trimmed: Path) -> None:
    before, after = (AutoTokenizer.from_pretrained(folder) for folder in (shipped(), trimmed))
    assert after.unk_token_id not in after(UNSEEN).input_ids
    assert after.decode(after(UNSEEN).input_ids) == before.decode(before(UNSEEN).input_ids)
    assert len(after(UNSEEN).input_ids) > len(before(UNSEEN).input_ids)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny RoBERTa with a byte-level BPE of the passages, random weights."""
    folder = tmp_path_factory.mktemp("roberta")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train(
        [str(PASSAGES)],
        trainers.BpeTrainer(
            vocab_size=900,
            special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    config = RobertaConfig(
        vocab_size=900, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=130, pad_token_id=1, type_vocab_size=1,
    )  # fmt: skip
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    return folder


def test_bpe_keeps_the_merges_of_what_it_keeps(roberta: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--model", str(roberta), "--text", str(PASSAGES), "--coverage", "80"]
    assert main([*arguments, "--out", str(out)]) == 0
    before, after = (
        Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (roberta, out)
    )
    assert 261 <= after.get_vocab_size() < before.get_vocab_size()
    for text in (*PASSAGES.read_text(encoding="utf-8").split("\n\n"), UNSEEN):
        assert after.decode(after.encode(text).ids) == before.decode(before.encode(text).ids)
    kept = [name for name in after.get_vocab() if name in before.encode("The ferry").tokens]
    assert kept, "the commonest pieces stay whole"
    with torch.inference_mode():
        model = AutoModelForMaskedLM.from_pretrained(out)
        ids = torch.tensor([after.encode("The ferry").ids])
        assert model(ids).logits.shape[-1] == after.get_vocab_size()


def test_unigram_keeps_single_characters(tmp_path: Path) -> None:
    from distill.students.smaller_vocabulary import choose, commonest, count_ids, trimmed

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train(
        [str(PASSAGES)],
        trainers.UnigramTrainer(
            vocab_size=500, special_tokens=["<unk>", "<pad>"], unk_token="<unk>",
            show_progress=False,
        ),
    )  # fmt: skip
    content = json.loads(tokenizer.to_str())
    text = PASSAGES.read_text(encoding="utf-8")
    kept = choose(content, commonest(content, count_ids(tokenizer, [text])), 200)
    smaller = Tokenizer.from_str(json.dumps(trimmed(content, kept)))
    assert smaller.get_vocab_size() == len(kept) == 200
    assert smaller.token_to_id("<unk>") not in smaller.encode(text).ids


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "one of --keep, --coverage and --like"),
        (["--keep", "0"], "must be at least 1"),
        (["--coverage", "101"], "percentage"),
        (["--keep", "9", "--text", "absent.txt"], "absent.txt: no such file"),
        (["--keep", "16000"], "has 16,000 entries; keep fewer of them"),
        (["--keep", "99999"], "has 16,000 entries; keep fewer of them"),
        (["--keep", "9000", "--limit", "4"], "say how --data is scored"),
        (["--keep", "9000", "--data", "absent.json"], "absent.json: no such file"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = [] if "--text" in options else ["--text", str(PASSAGES)]
    arguments = ["--model", "qa-mini", *text, *options, "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_text_of_another_script_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("ជំរាបសួរ ពិភពលោក\n", encoding="utf-8")
    for amount in ("--keep 4000", "--coverage 99"):
        line = ["--model", "qa-mini", "--text", str(tmp_path / "text.txt"), *amount.split()]
        assert main([*line, "--out", str(tmp_path / "out")]) == 2
        assert "100% of its tokens are unknown to" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_another_vocabulary_is_not_scored_without_a_head(
    trimmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--model", "qa-mini", "--like", str(trimmed), "--data", "dev.json"]
    assert main([*line, "--out", str(tmp_path / "out")]) == 2
    assert "--like writes an encoder without a head" in capsys.readouterr().err


def test_another_vocabulary_gives_the_same_outputs_for_the_same_tokens(
    trimmed: Path, tmp_path: Path, passages: list[str]
) -> None:
    out = tmp_path / "like"
    assert main(["--model", str(shipped()), "--like", str(trimmed), "--out", str(out)]) == 0
    theirs, ours = (AutoTokenizer.from_pretrained(folder) for folder in (trimmed, out))
    assert theirs.get_vocab() == ours.get_vocab()
    before, after = states(trimmed, passages[0]), states(out, passages[0])
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_an_entry_that_is_missing_starts_from_its_pieces(trimmed: Path, tmp_path: Path) -> None:
    out = tmp_path / "like"
    assert main(["--model", str(trimmed), "--like", str(shipped()), "--out", str(out)]) == 0
    theirs, ours = (AutoTokenizer.from_pretrained(folder) for folder in (trimmed, out))
    rows, found = (
        AutoModel.from_pretrained(folder).float().get_input_embeddings().weight
        for folder in (trimmed, out)
    )
    known = theirs.get_vocab()
    missing = [name for name in ours.get_vocab() if name not in known]
    inside = [name for name in missing if name.startswith("##")]
    assert len(missing) > 10_000 and len(inside) > 1_000
    for name in [*missing[:50], *inside[:50]]:
        pieces = theirs(name.removeprefix("##"), add_special_tokens=False).input_ids
        entry = found[ours.get_vocab()[name]]
        assert torch.allclose(entry, rows[pieces].mean(0), atol=1e-3), name


def test_another_vocabulary_is_refused_where_entries_mean_something_else(
    roberta: Path, trimmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["--model", str(roberta), "--like", str(trimmed), "--out", str(out)]) == 2
    assert "a BPE tokenizer" in capsys.readouterr().err and not out.exists()


def test_pieces_per_word_do_not_count_padding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "padded", tmp_path / "out"
    shutil.copytree(shipped(), source)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(source / "tokenizer.json"))
    arguments = ["--model", str(source), "--text", str(PASSAGES), "--keep", "4000"]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    before, after = printed["pieces_per_word"]
    assert 1 <= before <= after < 5
    model = AutoModel.from_pretrained(out)
    assert printed["entries"]["after"] == model.config.vocab_size == 4000
    assert 0.9 < printed["tokens_covered"] <= 1


@pytest.mark.parametrize("name", ["albert", "modernbert", "deberta-v2", "mobilebert"])
def test_rows_are_kept_wherever_the_vocabulary_stands(name: str, tmp_path: Path) -> None:
    """Logits of the entries kept are what they were, whatever matrices a model type has."""
    whole = save_checkpoint(name, "mlm", tmp_path)
    kept = torch.arange(0, whole.config.vocab_size, 2)
    smaller, _ = with_fewer_entries(tmp_path, kept)
    numbers = torch.tensor([[3, 7, 9, 4, 8]])
    with torch.inference_mode():
        expected = whole(kept[numbers]).logits[:, :, kept]
        found = smaller(numbers).logits
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)
