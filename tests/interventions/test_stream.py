"""Steered text token by token: the same text as all at once, and the features of whole passes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import tiny
from interventions.test_edits import make_sae
from monosema.errors import UsageError
from monosema.interventions import Changes, Edit, FiringsAt, Steering, add, clamp, steer, steer_stream
from monosema.models import LanguageModel, NewToken
from monosema.sae import SAE, TopK

PROMPT = "the old fox crosses"
CHOICE = {"max_new_tokens": 12, "temperature": 0.9, "top_p": 0.95, "seed": 4}
TOP = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    folder = tiny.save_llama(tmp_path_factory.mktemp("model"))
    return LanguageModel.load(str(folder), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def sae(model: LanguageModel) -> SAE:
    return make_sae(model, TopK(k=6))


@pytest.mark.parametrize("edits", [[], [clamp(3, 8.0), add(5, 2.0, "prompt"), clamp(9, 4.0, "answer")]])
def test_a_steered_stream_is_the_steered_text(model: LanguageModel, sae: SAE, edits: list[Edit]) -> None:
    written = steer(model, sae, [PROMPT], edits, **CHOICE)
    stream = list(steer_stream(model, model.encode(PROMPT), [Changes(sae=sae, edits=edits)], **CHOICE))
    assert [
        one.token for one in stream if isinstance(one, NewToken) and one.token is not None
    ] == written.ids[0]
    assert "".join(one.text for one in stream if isinstance(one, NewToken)) == written.texts[0]


def test_watching_changes_no_token_and_tells_what_a_whole_pass_tells(model: LanguageModel, sae: SAE) -> None:
    edits = [clamp(3, 8.0)]
    changes, prompt = [Changes(sae=sae, edits=edits)], model.encode(PROMPT)
    plain = list(steer_stream(model, prompt, changes, **CHOICE))
    stream = list(steer_stream(model, prompt, changes, watched=sae, top=TOP, **CHOICE))
    assert [one for one in stream if isinstance(one, NewToken)] == plain
    tokens = [one.token for one in plain if isinstance(one, NewToken) and one.token is not None]
    firings = [one for one in stream if isinstance(one, FiringsAt)]
    assert [one.place for one in firings] == list(range(len(tokens)))
    with model.edit({sae.output: Steering(sae, edits)}):
        whole = model.capture(torch.tensor([prompt + tokens]), [sae.input])[sae.input][0]
    expected = sae.encode(whole.float()).dense()[len(prompt) :].topk(TOP)
    special = [token in model.tokenizer.all_special_ids for token in tokens]
    assert any(special), "nothing is told at these"
    for row, one in enumerate(firings):
        assert one.features == ([] if special[row] else expected.indices[row].tolist())
        found = torch.tensor(one.activations)
        assert found.allclose(expected.values[row, : len(found)], rtol=1e-4, atol=1e-4)


def test_firings_follow_their_token_before_the_next_one(model: LanguageModel, sae: SAE) -> None:
    kinds = [
        type(one)
        for one in steer_stream(model, model.encode(PROMPT), watched=sae, **CHOICE)
        if isinstance(one, FiringsAt) or one.token is not None
    ]
    assert kinds == [NewToken, FiringsAt] * (len(kinds) // 2)


def test_nothing_is_told_of_massive_positions(model: LanguageModel) -> None:
    sae = make_sae(model, TopK(k=6), massive=1e-6)
    assert sae.massive < math.inf
    stream = steer_stream(model, model.encode(PROMPT), watched=sae, **CHOICE)
    assert {tuple(one.features) for one in stream if isinstance(one, FiringsAt)} == {()}


def test_two_saes_edit_one_stream(model: LanguageModel, sae: SAE) -> None:
    other = make_sae(model, TopK(k=2))
    both = [Changes(sae=sae, edits=[add(3, 4.0)]), Changes(sae=other, edits=[add(3, 4.0)])]
    stream = list(steer_stream(model, model.encode(PROMPT), both, **CHOICE))
    assert stream == list(
        steer_stream(model, model.encode(PROMPT), [Changes(sae=sae, edits=[add(3, 8.0)])], **CHOICE)
    )


def test_spared_positions_of_the_prompt_stay_as_they_are(model: LanguageModel, sae: SAE) -> None:
    prompt, seen = model.encode(PROMPT), list[torch.Tensor]()
    plain = model.capture(torch.tensor([prompt]), [sae.output])[sae.output]

    def note(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.clone())
        return x

    changes = Changes(sae=sae, edits=[clamp(3, 50.0)], spared=[0, 2])
    stream = steer_stream(model, prompt, [changes], **CHOICE)
    with model.edit({"resid_pre.2": note}):
        list(stream)
    same = (seen[0] - plain).abs().amax(2)[0] < 1e-6
    assert same.nonzero().flatten().tolist() == [0, 2]
    edited = list(steer_stream(model, prompt, [Changes(sae=sae, edits=[clamp(3, 50.0)])], **CHOICE))
    assert edited != list(steer_stream(model, prompt, [changes], **CHOICE))


def test_a_closed_stream_leaves_the_model_as_it_was(model: LanguageModel, sae: SAE) -> None:
    before = model.capture(PROMPT, sae.output)
    stream = steer_stream(model, model.encode(PROMPT), [Changes(sae=sae, edits=[clamp(3, 50.0)])], **CHOICE)
    next(stream)
    stream.close()
    assert torch.equal(model.capture(PROMPT, sae.output), before)


def test_an_sae_of_another_model_is_refused(model: LanguageModel, sae: SAE, tmp_path: Path) -> None:
    other = LanguageModel.load(
        str(tiny.save_llama(tmp_path / "other", seed=9)), dtype="float32", device="cpu"
    )
    with pytest.raises(UsageError, match="model"):
        next(steer_stream(other, other.encode(PROMPT), [Changes(sae=sae, edits=[])]))
    with pytest.raises(UsageError, match="model"):
        next(steer_stream(other, other.encode(PROMPT), watched=sae))
