"""Harvest and evaluation on a transformer of transformers' own, tiny and random."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from activations.tiny import VOCABULARY, MemoryTokens
from monosema.activations import HarvestPlan, LiveStream, StoreStream, harvest_to_disk
from monosema.evaluation import evaluate
from monosema.models import LanguageModel
from monosema.sae import L1, SAE, SAEConfig, TopK

WIDTH = 16
HOOK = "resid_post.0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=VOCABULARY,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    path = tmp_path_factory.mktemp("llama")
    LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture
def model(folder: Path) -> LanguageModel:
    return LanguageModel.load(str(folder), dtype="float32", device="cpu")


def config(model: LanguageModel, kind: TopK | L1, d_sae: int) -> SAEConfig:
    return SAEConfig(
        kind=kind,
        d_model=WIDTH,
        d_sae=d_sae,
        input=HOOK,
        output=HOOK,
        model=model.name,
        model_hash=model.hash,
    )


def test_store_and_live_stream_read_what_the_network_computes(
    model: LanguageModel, folder: Path, tmp_path: Path
) -> None:
    tokens = MemoryTokens()
    plan = HarvestPlan(tokens_per_batch=40, batches_per_shard=3)
    store = harvest_to_disk(model, tokens, {HOOK: tmp_path}, plan)[HOOK]
    network = LlamaForCausalLM.from_pretrained(folder)
    row = torch.from_numpy(tokens.rows["train"][4])[None]
    with torch.no_grad():
        hidden = network(row, output_hidden_states=True).hidden_states[1][0, 1:]
    found = store.rows((store.column("document") == 4).nonzero().flatten())
    torch.testing.assert_close(found, hidden)
    stored = StoreStream(store, store.stats, seed=0)
    live = LiveStream(model, tokens, HOOK, store.stats, tokens_per_batch=40, buffer_rows=50, seed=0)
    assert live.total == stored.total
    known = {tuple(x) for x in stored.next(stored.total).tolist()}
    assert {tuple(x) for x in live.next(live.total).tolist()} <= known


def test_an_identity_sae_changes_nothing_and_plain_loss_is_the_networks_own(
    model: LanguageModel, folder: Path
) -> None:
    both = torch.cat([torch.eye(WIDTH), -torch.eye(WIDTH)])
    sae = SAE(
        config=config(model, L1(), 2 * WIDTH),
        encoder=both,
        W_dec=both.clone(),
        b_enc=torch.zeros(2 * WIDTH),
        b_dec=torch.zeros(WIDTH),
    )
    tokens = MemoryTokens()
    found = evaluate(model, sae, tokens, tokens_per_batch=40, seed=0, baselines=False)
    assert found.fvu.value == 0
    assert found.ce.added.value == 0
    assert found.ce.kl.value == 0
    network = LlamaForCausalLM.from_pretrained(folder)
    losses = []
    for row in map(torch.from_numpy, tokens.rows["report"]):
        with torch.no_grad():
            logits = network(row[None]).logits[0, :-1]
        losses.append(torch.nn.functional.cross_entropy(logits, row[1:], reduction="none"))
    assert found.ce.plain.value == pytest.approx(float(torch.cat(losses).mean()), rel=1e-5)


def test_the_loss_with_an_sae_is_that_of_an_edited_forward_pass(model: LanguageModel) -> None:
    tokens = MemoryTokens()
    sae = SAE.initialise(config(model, TopK(k=2), 8), mean=torch.zeros(WIDTH), scale=1.0)
    found = evaluate(model, sae, tokens, tokens_per_batch=40, seed=0, baselines=True)
    assert set(found.baselines) == {"untrained", "pca", "neurons"}
    total, n = 0.0, 0
    for batch in tokens.batches("report", 40):

        def edited(x: torch.Tensor, keep: torch.Tensor = batch.keep) -> torch.Tensor:
            return torch.where(keep[..., None], sae.substitute(x), x)

        with model.edit({HOOK: edited}):
            logits = model.logits(batch.ids, batch.real)[:, :-1]
        counted = batch.real[:, 1:]
        targets = batch.ids[:, 1:][counted]
        total += float(torch.nn.functional.cross_entropy(logits[counted], targets, reduction="sum"))
        n += len(targets)
    assert found.ce.sae.value == pytest.approx(total / n, rel=1e-5)
