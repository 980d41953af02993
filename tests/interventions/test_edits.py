"""Edits change what they say and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import tiny
from monosema.errors import UsageError
from monosema.interventions import (
    PLACES,
    Edit,
    Fluency,
    Positions,
    Push,
    Steering,
    Way,
    ablate,
    add,
    clamp,
    mean_losses,
    raise_to,
    scale,
    steer,
    steer_each,
)
from monosema.interventions.ways import SteeringEach
from monosema.models import LanguageModel
from monosema.sae import L1, SAE, SAEConfig, TopK

D, F = 32, 40


def make_sae(model: LanguageModel, kind: TopK | L1, massive: float = math.inf) -> SAE:
    torch.manual_seed(0)
    config = SAEConfig(
        kind=kind, d_model=D, d_sae=F, input="resid_post.1", output="resid_post.1",
        model=model.name, model_hash=model.hash, seed=0,
    )  # fmt: skip
    sae = SAE.initialise(config, mean=torch.zeros(D), scale=2.0, massive=massive)
    sae.b_enc.copy_(torch.rand(F) * 0.1)
    return sae


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return LanguageModel.load(
        str(tiny.save_llama(tmp_path_factory.mktemp("model"))), dtype="float32", device="cpu"
    )


@pytest.fixture(params=["topk", "l1"])
def sae(request: pytest.FixtureRequest, model: LanguageModel) -> SAE:
    return make_sae(model, TopK(k=6) if request.param == "topk" else L1())


def rows() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 7, D)


@pytest.mark.parametrize(
    ("edit", "new"),
    [
        (clamp(3, 2.5), lambda a: torch.full_like(a, 2.5)),
        (raise_to(3, 0.5), lambda a: a.clamp_min(0.5)),
        (add(3, -0.25), lambda a: a - 0.25),
        (scale(3, 3.0), lambda a: 3 * a),
        (ablate(3), torch.zeros_like),
    ],
)
def test_an_edit_moves_x_along_its_feature_by_what_it_changes(sae: SAE, edit: Edit, new: object) -> None:
    x = rows()
    a = sae.encode(x.reshape(-1, D)).dense()[:, 3].double()
    assert callable(new)
    direction = sae.W_dec[3].double() / sae.W_dec[3].double().norm() / sae.scale
    expected = x.double() + ((new(a) - a)[:, None] * direction).reshape(x.shape)
    torch.testing.assert_close(Steering(sae, [edit])(x).double(), expected, rtol=1e-5, atol=1e-6)


def test_edits_of_several_features_add_up_and_of_one_follow_each_other(sae: SAE) -> None:
    x = rows()
    both = Steering(sae, [clamp(3, 2.0), clamp(9, 1.0)])(x)
    apart = Steering(sae, [clamp(3, 2.0)])(x) + Steering(sae, [clamp(9, 1.0)])(x) - x
    torch.testing.assert_close(both, apart, rtol=1e-5, atol=1e-6)
    assert torch.equal(Steering(sae, [clamp(3, 1.0), scale(3, 2.0)])(x), Steering(sae, [clamp(3, 2.0)])(x))


def test_an_edit_that_changes_no_activation_changes_no_bit(sae: SAE) -> None:
    x = rows()
    edits = [scale(feature, 1.0) for feature in range(F)] + [raise_to(4, -1.0), add(5, 0.0)]
    assert torch.equal(Steering(sae, edits)(x), x)


def test_what_is_only_added_asks_for_no_activation(sae: SAE, monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows()
    beside = Steering(sae, [add(3, 1.5), scale(9, 1.0)])(x)  # the second changes nothing, but must be encoded
    monkeypatch.setattr(SAE, "encode", lambda *_: pytest.fail("encoded"))
    torch.testing.assert_close(Steering(sae, [add(3, 1.5)])(x), beside, rtol=1e-5, atol=1e-6)


def test_massive_positions_are_not_touched(model: LanguageModel) -> None:
    x = rows()
    x[1, 2] *= 100
    sae = make_sae(model, TopK(k=6), massive=50.0)
    edited = Steering(sae, [clamp(3, 5.0)])(x)
    changed = (edited != x).any(-1)
    assert not changed[1, 2]
    assert int(changed.sum()) == changed.numel() - 1


def test_positions_say_where(sae: SAE) -> None:
    x = rows()
    answer = Steering(sae, [clamp(3, 5.0, positions="answer")])
    changed = (answer(x) != x).any(-1)
    assert changed[:, -1].all()
    assert not changed[:, :-1].any()
    assert (answer(x[:, :1]) != x[:, :1]).any(-1).all()
    prompt = Steering(sae, [clamp(3, 5.0, positions="prompt")])
    assert (prompt(x) != x).any(-1).all()
    assert torch.equal(prompt(x[:, :1]), x[:, :1])


@pytest.mark.parametrize("make", [clamp, raise_to, add])
def test_a_fading_edit_is_whole_in_the_prompt_and_a_third_of_it_afterwards(
    sae: SAE, make: Callable[[int, float, Positions], Edit]
) -> None:
    x, push = rows(), torch.linspace(-1, 1, D)
    fading = Steering(sae, [make(3, 3.0, "fading")], Push(3 * push, "fading"))
    assert torch.equal(fading(x), Steering(sae, [make(3, 3.0, "all")], Push(3 * push))(x))
    third = Steering(sae, [make(3, 1.0, "all")], Push(push))(x[:, :1])
    torch.testing.assert_close(fading(x[:, :1]), third, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("edit", [clamp(3, 2.5), raise_to(3, 0.5), add(3, 1.5)])
def test_each_way_acts_on_rows_of_its_own(sae: SAE, edit: Edit) -> None:
    x, push = rows(), Push(torch.linspace(-1, 1, D), "fading")
    ways = [Way(edits=[edit]), Way(), Way(edits=[add(3, 1.0, "prompt")], push=push)]
    (each,) = SteeringEach(sae, ways, len(x)).hooks.values()
    alone = [Steering(sae, way.edits, way.push) for way in ways]
    for part in (x, x[:, :1]):  # a prompt, and a new token
        together = each(torch.cat([part] * 3)).chunk(3)
        for found, one in zip(together, alone, strict=True):
            assert torch.equal(found, one(part))


def test_nothing_is_hooked_where_no_way_does_anything(sae: SAE) -> None:
    assert SteeringEach(sae, [Way(), Way()], 3).hooks == {}


def test_what_is_added_in_several_places_is_what_each_edit_adds(sae: SAE) -> None:
    x, push = rows(), Push(torch.linspace(-1, 1, D), "answer")
    edits = [add(3, 1.5), add(5, -0.5, "answer"), add(3, 0.25, "fading")]
    both = Steering(sae, edits, push)
    each = [*(Steering(sae, [edit]) for edit in edits), Steering(sae, [], push)]
    for part in (x, x[:, :1]):
        expected = part + sum(one(part) - part for one in each)
        torch.testing.assert_close(both(part), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("where", PLACES)
def test_copies_are_steered_like_their_prompt(model: LanguageModel, sae: SAE, where: Positions) -> None:
    prompts = [model.encode(text) for text in ("the golden", "a fox sees", "old")]
    ways = [Way(), *(Way(edits=[add(3, a, where), raise_to(9, 2.0, where)]) for a in (3.0, 6.0))]
    for way, written in zip(
        ways, steer_each(model, sae, prompts, ways, temperature=0.0, max_new_tokens=24, copies=3), strict=True
    ):
        alone = steer(model, sae, prompts, way.edits, temperature=0.0, max_new_tokens=24)
        assert written.ids == [ids for ids in alone.ids for _ in range(3)]
        assert written.texts == [text for text in alone.texts for _ in range(3)]


def test_steered_text_is_the_plain_one_where_nothing_changes_and_another_where_it_does(
    model: LanguageModel, sae: SAE
) -> None:
    prompts = ["the golden", "a fox sees the old red bridge"]
    plain = steer(model, sae, prompts, seed=4, max_new_tokens=12)
    assert steer(model, sae, prompts, [scale(3, 1.0)], seed=4, max_new_tokens=12) == plain
    assert steer(model, sae, prompts, [clamp(3, 500.0)], seed=4, max_new_tokens=12) != plain
    assert steer(model, sae, prompts, seed=4, max_new_tokens=12) == plain


def test_wrong_edits_are_named(model: LanguageModel, sae: SAE) -> None:
    with pytest.raises(UsageError, match="no feature 40; this SAE has 0 to 39"):
        Steering(sae, [clamp(F, 1.0)])
    with pytest.raises(UsageError, match="lower the dose"):
        clamp(3, 1e9)
    with pytest.raises(UsageError, match="lower the dose"):
        scale(3, math.nan)
    with pytest.raises(UsageError, match="scale of feature 3 cannot fade"):
        Edit(feature=3, operation="scale", value=2.0, positions="fading")
    with pytest.raises(UsageError, match='unknown operation "clmp"'):
        Edit(feature=1, operation="clmp", value=1.0)
    with pytest.raises(UsageError, match="more than the 128"):
        steer(model, sae, ["the fox " * 200], [clamp(3, 1.0)])


def test_ways_stay_with_their_rows_as_others_leave_the_batch_and_some_are_copied(sae: SAE) -> None:
    ways = [Way(), Way(edits=[raise_to(3, 2.0)]), Way(edits=[add(3, 2.0)])]
    steering = SteeringEach(sae, ways, 2)
    (each,) = steering.hooks.values()
    x = torch.randn(6, 2, D, generator=torch.Generator().manual_seed(2))
    before = each(x)
    steering.keep([0, 1, 1, 5, 5])
    assert torch.equal(each(x[[0, 1, 1, 5, 5]]), before[[0, 1, 1, 5, 5]])
    steering.keep([3])
    assert torch.equal(each(x[[5]]), before[[5]])


def test_mean_losses_are_those_of_the_continuation_alone(model: LanguageModel) -> None:
    prompts, written = [[5, 6, 7], [9]], [[8, 10], [11, 12, 13]]
    found = mean_losses(model, prompts, [*written])
    for prompt, new, loss in zip(prompts, written, found, strict=True):
        logits = model.logits(torch.tensor([[*prompt, *new]]))[0].log_softmax(-1)
        expected = -sum(float(logits[len(prompt) - 1 + i, token]) for i, token in enumerate(new)) / len(new)
        assert loss == pytest.approx(expected, rel=1e-5)
    assert mean_losses(model, [[5]], [[]]) == [math.inf]


def test_loops_strange_text_and_nothing_are_not_fluent(model: LanguageModel, tmp_path: Path) -> None:
    prompts = [[5, 6, 7]] * 4
    plain = model.generate(prompts, max_new_tokens=16, temperature=1.0, seed=1).ids
    fluency = Fluency.of(model, prompts, plain)
    assert fluency.judge(model, prompts, plain) == [True] * 4
    assert fluency.judge(model, prompts[:2], [[9] * 16, []]) == [False, False]
