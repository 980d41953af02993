"""Hook points by name, edits, generation, memory: one tiny Llama."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import TopPLogitsWarper

from monosema.errors import ResourceError, UsageError
from monosema.models import (
    HookPoint,
    LanguageModel,
    ModelSettings,
    canonical_name,
    deepest,
    measure_dtype,
    points_of,
)
from monosema.models.generating import Sample
from monosema.models.rows import padded

Load = Callable[[str, str], LanguageModel]


@pytest.fixture
def model(load: Load) -> LanguageModel:
    return load("llama", "float32")


def test_names_of_hook_points_are_read_in_both_tongues() -> None:
    assert str(HookPoint.parse("resid_post.16")) == "resid_post.16"
    assert HookPoint.parse("blocks.3.hook_resid_pre") == HookPoint("resid_pre", 3)
    assert HookPoint.parse("blocks.0.mlp.hook_post") == HookPoint("mlp_act", 0)
    assert HookPoint.parse("blocks.12.attn.hook_z") == HookPoint("z", 12)
    assert HookPoint.parse("blocks.1.hook_attn_out") == HookPoint("attn_out", 1)
    assert HookPoint.parse("blocks.1.hook_mlp_out") == HookPoint("mlp_out", 1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resid_pots.3", r'did you mean "resid_post"'),
        ("resid_post", "resid_post.12"),
        ("resid_post.-1", "resid_post.12"),
        ("blocks.2.hook_resid_post_x", r'did you mean "hook_resid_post"'),
        ("blocks.2.hook_resid_mid", "no hook point"),
        ("blocks.2.ln2.hook_normalized", "mlp_in"),
    ],
)
def test_an_unknown_hook_point_is_refused_with_the_nearest_name(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        HookPoint.parse(name)
    assert "\n" not in str(caught.value)


def test_names_of_hook_points_side_by_side_are_canonical_and_ordered() -> None:
    assert canonical_name("blocks.3.hook_resid_post+mlp_out.1") == "resid_post.3+mlp_out.1"
    assert points_of("mlp_in.2+mlp_out.2") == (HookPoint("mlp_in", 2), HookPoint("mlp_out", 2))
    assert deepest("resid_post.1+mlp_out.2+mlp_in.2") == HookPoint("mlp_out", 2)
    assert deepest("resid_pre.2+resid_post.2+z.2") == HookPoint("resid_post", 2)
    with pytest.raises(UsageError, match="names one place twice"):
        points_of("resid_post.1+blocks.1.hook_resid_post")
    with pytest.raises(UsageError, match="did you mean"):
        points_of("resid_post.1+resid_pots.2")


def test_transformer_lens_names_capture_under_canonical_names(model: LanguageModel) -> None:
    ids = torch.arange(2, 8)[None]
    assert list(model.capture(ids, ["blocks.1.hook_resid_post"])) == ["resid_post.1"]


def test_an_edit_leaves_padding_as_it_is_in_generation_and_forward(model: LanguageModel) -> None:
    prompts = [[5, 6, 7], [9, 10, 11, 12, 13, 14]]
    ids, real = padded(prompts, left=True)

    def nan_on_padding(x: Tensor) -> Tensor:
        if x.shape[:2] != real.shape:
            return x + 1
        return torch.where(real[:, :, None], x + 1, torch.nan)

    before = model.capture(ids, ["resid_post.1"], real)["resid_post.1"]
    with model.edit({"resid_post.1": nan_on_padding}):
        after = model.capture(ids, ["resid_post.1"], real)["resid_post.1"]
        together = model.generate(prompts, max_new_tokens=5).ids
        alone = [model.generate([prompt], max_new_tokens=5).ids[0] for prompt in prompts[1:]]
    assert torch.equal(after[~real], before[~real])
    assert torch.equal(after[real], before[real] + 1)
    assert together[1] == alone[0]


def test_an_edit_reaches_the_prompt_and_every_new_token(model: LanguageModel) -> None:
    lengths: list[int] = []

    def note(x: Tensor) -> Tensor:
        lengths.append(x.shape[1])
        return x

    with model.edit({"resid_post.0": note}):
        new = model.generate([[5, 6, 7, 8]], max_new_tokens=6).ids[0]
    assert lengths[0] == 4
    assert lengths[1:] == [1] * (len(lengths) - 1)
    assert len(new) <= len(lengths) <= 6


def test_an_edit_that_changes_the_shape_is_refused(model: LanguageModel) -> None:
    with pytest.raises(UsageError, match="keep the shape"), model.edit({"z.0": lambda x: x[..., :3]}):
        model.logits(torch.arange(2, 8)[None])


def test_hooks_are_gone_after_an_error(model: LanguageModel) -> None:
    ids = torch.arange(2, 8)[None]
    plain = model.logits(ids)

    def fail(x: Tensor) -> Tensor:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), model.edit({"resid_post.1": fail}):
        model.logits(ids)
    assert torch.equal(model.logits(ids), plain)


def test_sampling_repeats_with_its_seed_and_leaves_the_generator_alone(model: LanguageModel) -> None:
    def sample(seed: int) -> list[list[int]]:
        return model.generate([[5, 6, 7]], max_new_tokens=12, temperature=1.5, seed=seed).ids

    torch.manual_seed(8)
    state = torch.get_rng_state()
    assert sample(1) == sample(1)
    assert len({str(sample(seed)) for seed in range(4)}) > 1
    assert torch.equal(torch.get_rng_state(), state)
    cold = model.generate([[5, 6, 7]], max_new_tokens=6, temperature=1e-4, seed=3)
    assert cold.ids == model.generate([[5, 6, 7]], max_new_tokens=6).ids


def test_what_the_folder_advises_on_generating_does_not_shape_the_text(
    model: LanguageModel, folder: Callable[[str], Any], tmp_path: Any
) -> None:
    import json
    import shutil

    shutil.copytree(folder("llama"), tmp_path / "advised")
    advice = {
        "eos_token_id": [1, 300],
        "repetition_penalty": 5.0,
        "do_sample": True,
        "temperature": 3.0,
        "top_k": 2,
    }
    (tmp_path / "advised" / "generation_config.json").write_text(json.dumps(advice))
    advised = LanguageModel.load(str(tmp_path / "advised"), dtype="float32", device="cpu")
    assert (
        advised.generate([[5, 6, 7]], max_new_tokens=20).ids
        == model.generate([[5, 6, 7]], max_new_tokens=20).ids
    )
    assert advised._ends == [1, 300], "yet each of its end tokens ends a text"


@pytest.mark.parametrize("prompts", [[], [""], [[5, 6], []]])
def test_an_empty_prompt_is_refused(prompts: list[Any], model: LanguageModel) -> None:
    with pytest.raises(UsageError, match=r"prompt \d holds no token"):
        model.generate(prompts)


def test_more_tokens_than_the_model_sees_are_refused(model: LanguageModel) -> None:
    with pytest.raises(UsageError, match="64"):
        model.generate([[5] * 60], max_new_tokens=5)
    assert len(model.generate([[5] * 60], max_new_tokens=4).ids[0]) <= 4
    with pytest.raises(UsageError, match="rows have 65 tokens"):
        model.logits(torch.full((1, 65), 5))


@pytest.mark.parametrize(
    "error", [RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), MemoryError()]
)
def test_memory_that_runs_out_in_a_forward_pass_is_a_resource_error(
    error: Exception, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load("gpt2", "float32")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(model._base, "forward", fail)
    with pytest.raises(ResourceError, match=r"forward pass of \(1, 3\) tokens; lower tokens_per_batch"):
        model.logits(torch.tensor([[5, 6, 7]]))
    with pytest.raises(ResourceError, match="forward pass"):
        model.generate([[5, 6, 7]], max_new_tokens=2)


def test_other_runtime_errors_stay_what_they_are(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("gpt2", "float32")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(model._base, "forward", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        model.logits(torch.tensor([[5, 6, 7]]))


def test_a_text_and_one_hook_point_give_the_activations_of_its_tokens(model: LanguageModel) -> None:
    ids, real = model.tokenize(["the fox"])
    expected = model.capture(ids, ["resid_post.1"], real)["resid_post.1"][0]
    assert torch.equal(model.capture("the fox", "resid_post.1"), expected)


def test_losses_are_those_of_the_logits(model: LanguageModel) -> None:
    ids = torch.arange(2, 26).reshape(2, 12)
    expected = torch.nn.functional.cross_entropy(
        model.logits(ids)[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none"
    )
    torch.testing.assert_close(model.losses(ids), expected)


def test_text_without_a_chat_template_is_refused_as_a_chat(model: LanguageModel) -> None:
    with pytest.raises(UsageError, match="no chat template"):
        model.chat([{"role": "user", "content": "the fox"}])


def test_the_number_format_on_a_processor_is_measured() -> None:
    choice = measure_dtype(torch.device("cpu"))
    assert choice.dtype in ("float32", "bfloat16")
    assert choice.reason


def test_settings_refuse_what_cannot_be() -> None:
    assert ModelSettings(source="x").tokens_per_batch is None
    with pytest.raises(UsageError, match="source is empty"):
        ModelSettings(source="")
    with pytest.raises(UsageError, match="tokens_per_batch is 0"):
        ModelSettings(source="x", tokens_per_batch=0)


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("spread", [4.0, 0.01])
def test_tokens_are_drawn_as_from_what_transformers_keeps(top_p: float, spread: float) -> None:
    torch.manual_seed(0)
    scores = torch.randn(1, 700) * spread  # flat: far more than the ranked candidates are needed
    theirs = TopPLogitsWarper(top_p)(torch.zeros(1, 1, dtype=torch.int64), scores / 0.7)
    expected = theirs.softmax(1)[0]
    n = 40_000
    rows = scores.expand(n, -1)
    ours = Sample(0.7, top_p, seed=0)(torch.zeros(n, 1, dtype=torch.int64), rows)
    assert bool(((ours > -torch.inf).sum(1) == 1).all())
    share = torch.bincount(ours.argmax(1), minlength=700) / n
    error = (expected * (1 - expected) / n).sqrt()
    assert bool((share[expected == 0] <= 1 / n).all())  # at most one token: sums in another order
    assert bool(((share - expected).abs() <= 5 * error + 1e-4).all())
