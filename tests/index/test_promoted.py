"""Promoted tokens of every kind of hook point, against what its features really add to the residual stream."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import monosema as ms
import tiny
from monosema import pipeline
from monosema.cli.show import show
from monosema.index.promoted import promoted
from monosema.models import LanguageModel
from monosema.progress import SilentProgress
from monosema.sae import SAE, SAEConfig, TopK
from pipeline.small_study import TOML, new_study

FEATURES = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return LanguageModel.load(
        str(tiny.save_llama(tmp_path_factory.mktemp("llama"))), dtype="float32", device="cpu"
    )


def sae_at(model: LanguageModel, read: str, written: str, width: int, features: int = FEATURES) -> SAE:
    config = SAEConfig(
        kind=TopK(k=3),
        d_model=width,
        d_sae=features,
        input=read,
        output=written,
        model=model.name,
        model_hash=model.hash,
    )
    return SAE.initialise(config, mean=torch.zeros(config.row), scale=0.7)


def logits_of(model: LanguageModel, added: torch.Tensor) -> torch.Tensor:
    network = model._network
    with torch.inference_mode():
        return network.lm_head(network.model.norm(added))


@pytest.mark.parametrize(
    ("written", "added"),
    [
        ("z.0", "attn_out.0"),
        ("mlp_act.1", "mlp_out.1"),
        ("attn_out.1", "attn_out.1"),
        ("mlp_out.1", "resid_post.1"),
        ("resid_pre.2", "resid_pre.2"),
    ],
)
def test_promoted_tokens_are_those_of_what_a_feature_really_adds_to_the_stream(
    written: str, added: str, model: LanguageModel
) -> None:
    sae = sae_at(model, written, written, model.width(written))
    up, down = promoted(model, sae, range(FEATURES), SilentProgress())
    ids = torch.tensor([[5, 9, 17]])
    before = model.capture(ids, [added])[added]
    for feature in range(FEATURES):
        (direction,) = sae.directions(torch.tensor([feature]))
        with model.edit({written: partial(torch.add, direction)}):
            change = (model.capture(ids, [added])[added] - before)[0, -1]
        logits = logits_of(model, change)
        torch.testing.assert_close(up.logits[feature], logits.topk(10).values, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(logits[up.tokens[feature]], up.logits[feature], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(logits[down.tokens[feature]], down.logits[feature], rtol=1e-3, atol=1e-3)
        assert float(down.logits[feature, 0]) == pytest.approx(float(logits.min()), rel=1e-3)


def test_a_transcoder_promotes_by_what_it_writes(model: LanguageModel) -> None:
    sae = sae_at(model, "mlp_in.1", "mlp_act.1", model.width("mlp_act.1"))
    up, _ = promoted(model, sae, range(FEATURES), SilentProgress())
    projection = model._blocks[1].mlp.down_proj.weight
    logits = logits_of(model, sae.directions(torch.arange(FEATURES)) @ projection.T)
    assert torch.equal(up.tokens, logits.topk(10).indices)


def test_of_two_models_side_by_side_the_directions_of_the_first_count(model: LanguageModel) -> None:
    both = "resid_post.1+other.resid_post.1"
    sae = sae_at(model, both, both, 2 * model.d_model)
    up, _ = promoted(model, sae, range(FEATURES), SilentProgress())
    logits = logits_of(model, sae.directions(torch.arange(FEATURES))[:, : model.d_model])
    assert torch.equal(up.tokens, logits.topk(10).indices)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
def test_memory_holds_a_few_blocks_of_logits_whatever_the_number_of_features(tmp_path: Path) -> None:
    vocabulary, features = 1 << 15, 24 * 256
    model = LanguageModel.load(
        str(tiny.save_llama(tmp_path / "llama", vocabulary=vocabulary)), dtype="float32", device="cpu"
    )
    sae = sae_at(model, "resid_post.1", "resid_post.1", model.d_model, features)
    anonymous = []

    class Watching(SilentProgress):
        def update(self, n: int, **figures: float) -> None:
            status = Path("/proc/self/status").read_text()
            anonymous.append(int(re.search(r"RssAnon:\s+(\d+)", status)[1]) << 10)

    promoted(model, sae, range(features), Watching())
    assert anonymous[-1] - anonymous[0] < 4 * (256 * vocabulary * 4)


@pytest.mark.parametrize("written", ["mlp_in.1", "other.resid_post.1"])
def test_where_no_linear_map_leads_to_the_stream_no_token_is_promoted(
    written: str, model: LanguageModel
) -> None:
    for ends in promoted(
        model, sae_at(model, written, written, model.d_model), range(FEATURES), SilentProgress()
    ):
        assert ends.tokens.shape == ends.logits.shape == (FEATURES, 10)
        assert bool((ends.tokens == -1).all())
        assert not ends.logits.any()


def test_an_index_without_promoted_tokens_is_whole_and_shows_that_there_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = new_study(tmp_path / "study", TOML.replace("resid_post.1", "mlp_in.1"))
    pipeline.run(made, goal="index")
    index = ms.open(made.path).index()
    assert (index.table["promoted"] == -1).all()
    feature = int(np.argmax(index.table["count"]))
    card = index.feature(feature)
    assert card.promoted == card.suppressed == ()
    assert card.neighbours
    show(made.path, feature)
    printed = capsys.readouterr().out
    assert "promotes    no tokens: from its hook point no linear map leads to the logits" in printed
    assert f"first in document {card.first_document}, last in {card.last_document}" in printed
