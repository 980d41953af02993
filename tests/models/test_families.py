"""Every family: hook points hold what they claim, edits act in cached generation, padding changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.families import CONTEXT, LAYERS, MEMBERS, WIDTH
from monosema.errors import UsageError
from monosema.models import HookPoint, LanguageModel, forward
from monosema.models.hooks import KINDS
from monosema.models.rows import padded

Load = Callable[[str, str], LanguageModel]
every_family = pytest.mark.parametrize("name", MEMBERS)
LENGTH = 20  # more than twice the sliding window
TOLERANCE_64 = dict.fromkeys(
    ("gptj", "gpt_neo", "gemma2"), 1e-6
)  # attention in float32 whatever the weights are
FLOAT32_INSIDE = (*TOLERANCE_64, "gemma3_text")  # slopes need a step above its rounding
ALIKE_64 = ("gemma2",)  # its float64 mask is -inf in the float32 softmax: a row that sees padding only is NaN


def rows(count: int = 2, length: int = LENGTH, seed: int = 0) -> Tensor:
    return torch.randint(2, 300, (count, length), generator=torch.Generator().manual_seed(seed))


def inside(module: nn.Module, path: str) -> nn.Module:
    return reduce(getattr, path.split("."), module)


def hooks_of(name: str) -> list[str]:
    return [f"{kind}.1" for kind in KINDS if kind not in MEMBERS[name].refused]


def same(x: Tensor) -> Tensor:
    return x


@every_family
def test_the_residual_stream_is_what_the_model_itself_calls_hidden_states(name: str, load: Load) -> None:
    model, ids = load(name, "float32"), rows()
    hooks = [f"resid_pre.{n}" for n in range(LAYERS)] + [f"resid_post.{n}" for n in range(LAYERS)]
    found = model.capture(ids, hooks)
    with torch.inference_mode():
        states = model._base(ids, output_hidden_states=True, use_cache=False).hidden_states
        for layer in range(LAYERS):
            assert torch.equal(found[f"resid_pre.{layer}"], states[layer])
        for layer in range(LAYERS - 1):
            assert torch.equal(found[f"resid_post.{layer}"], states[layer + 1])
        norm = inside(model._base, MEMBERS[name].norm)
        assert torch.equal(norm(found[f"resid_post.{LAYERS - 1}"]), states[-1])


@every_family
def test_attention_and_mlp_add_up_to_what_a_block_does(name: str, load: Load) -> None:
    model, ids = load(name, "float32"), rows()
    for layer in range(LAYERS):
        kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
        pre, attn, mlp, post = model.capture(ids, [f"{kind}.{layer}" for kind in kinds]).values()
        assert all(x.shape == (2, LENGTH, WIDTH) for x in (pre, attn, mlp, post))
        assert min(attn.norm(), mlp.norm()) > 1e-3
        torch.testing.assert_close(pre + attn + mlp, post, rtol=1e-5, atol=1e-5)


@every_family
def test_captured_activations_stand_in_the_order_they_were_asked_for(name: str, load: Load) -> None:
    asked = ["resid_post.2", "resid_pre.0", "attn_out.1"]
    assert list(load(name, "float32").capture(rows(), [*asked, HookPoint("attn_out", 1)])) == asked


@every_family
def test_the_heads_through_the_output_projection_give_what_attention_adds(name: str, load: Load) -> None:
    model, member = load(name, "float32"), MEMBERS[name]
    found = model.capture(rows(), ["z.1", "attn_out.1"])
    assert found["z.1"].shape[-1] == member.z_width == model.width("z.1")
    with torch.inference_mode():
        out = inside(model._blocks[1], member.projection)(found["z.1"])
        if member.post_norm:
            out = model._blocks[1].post_attention_layernorm(out)
    torch.testing.assert_close(out, found["attn_out.1"], rtol=1e-5, atol=1e-6)


@every_family
def test_what_is_added_at_a_hook_point_adds_its_image_to_the_residual_stream(name: str, load: Load) -> None:
    member = MEMBERS[name]
    model, ids = load(name, "float64" if member.float64 else "float32"), rows()
    for kind, added in {"z": "attn_out.1", "mlp_act": "mlp_out.1", "mlp_out": "resid_post.1"}.items():
        if kind in member.refused:
            continue
        hook = f"{kind}.1"
        x = torch.randn(model.width(hook), generator=torch.Generator().manual_seed(3)).to(model.dtype)
        normed = member.post_norm and kind != "mlp_out"  # its part alone: all else is nothing beside 1e6 x
        before = 0 if normed else model.capture(ids, [added])[added]
        with model.edit({hook: partial(torch.add, 1e6 * x if normed else x)}):
            change = model.capture(ids, [added])[added] - before
        image = model.into_stream(hook, x[None])
        assert image is not None
        torch.testing.assert_close(change, image.expand_as(change), rtol=1e-3, atol=1e-4)
    stream = torch.ones(2, WIDTH, dtype=model.dtype)
    for kind in ("resid_pre", "attn_out", "mlp_out", "resid_post"):
        image = model.into_stream(f"{kind}.1", stream)
        assert image is not None
        assert torch.equal(image, stream)
    assert model.into_stream("mlp_in.1", stream) is None
    assert model.into_stream("other.resid_post.1", stream) is None
    with pytest.raises(UsageError, match=f"has {LAYERS} layers"):
        model.into_stream(f"z.{LAYERS}", stream)


@every_family
def test_mlp_hook_points_have_the_widths_of_the_mlp(name: str, load: Load) -> None:
    model, member = load(name, "float32"), MEMBERS[name]
    assert model.width("mlp_in.1") == model.width("mlp_out.1") == model.d_model == WIDTH
    if "mlp_act" in member.refused:
        with pytest.raises(UsageError, match=rf"{name} has no hook point mlp_act.1: .*experts.*mlp_out"):
            model.width("mlp_act.1")
    else:
        assert model.width("mlp_act.1") == member.mlp_width


@every_family
def test_an_edit_that_edits_nothing_changes_no_bit(name: str, load: Load) -> None:
    model, ids = load(name, "float32"), rows()
    plain = model.logits(ids)
    for hook in hooks_of(name):
        with model.edit({hook: same}):
            assert torch.equal(model.logits(ids), plain), hook
        with model.edit({hook: torch.zeros_like}):
            assert not torch.equal(model.logits(ids), plain), hook
    assert torch.equal(model.logits(ids), plain)


def stepped(model: LanguageModel, ids: Tensor, real: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Greedy tokens [b, steps] and their logits [b, steps, V], one forward pass a token with a KV cache."""
    position = real.long().cumsum(1).sub(1).clamp_min(0)
    mask, feed, past = real.long(), ids, None
    tokens, logits = [], []
    with torch.inference_mode(), model._padding(real):
        for _ in range(steps):
            out = model._network(
                input_ids=feed,
                attention_mask=mask,
                position_ids=position,
                past_key_values=past,
                use_cache=True,
            )
            past = out.past_key_values
            logits.append(out.logits[:, -1])
            tokens.append(out.logits[:, -1].argmax(-1))
            feed, position = tokens[-1][:, None], position[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(feed)], dim=1)
    return torch.stack(tokens, dim=1), torch.stack(logits, dim=1)


@every_family
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edited_generation_with_a_cache_equals_full_recomputation(name: str, dtype: str, load: Load) -> None:
    if dtype == "float64" and not MEMBERS[name].float64:
        pytest.skip(f"{name} runs its experts in float32 only")
    model, steps = load(name, dtype), 14
    tolerance = 1e-4 if dtype == "float32" else TOLERANCE_64.get(name, 1e-10)
    added = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3)).to(model.dtype)
    lengths = (11, 11, 11) if dtype == "float64" and name in ALIKE_64 else (4, 11, 7)
    # with 14 new tokens each row leaves the sliding window behind
    prompts = [rows(1, n, seed=seed)[0].tolist() for seed, n in enumerate(lengths)]
    ids, real = padded(prompts, left=True)
    unedited = model.logits(ids, real)
    with model.edit({"resid_post.1": lambda x: x + added}):
        assert (unedited - model.logits(ids, real))[real].abs().max() > 1e-2, "the edit does something"
        new, logits = stepped(model, ids, real, steps)
        written = model.generate(prompts, max_new_tokens=steps).ids
        for row, prompt in enumerate(prompts):
            full = model.logits(torch.tensor([prompt + new[row].tolist()]))[0, len(prompt) - 1 : -1]
            assert (full - logits[row]).abs().max() < tolerance
            best = full.topk(2).values
            sure = int((best[:, 0] - best[:, 1] > tolerance).long().cumprod(0).sum())
            expected = full.argmax(-1)[:sure].tolist()
            assert new[row, :sure].tolist() == expected
            until_end = expected[: expected.index(1)] if 1 in expected else expected
            assert written[row][:sure] == until_end


@every_family
@pytest.mark.parametrize("left", [True, False])
def test_a_padded_row_gives_the_values_of_the_row_alone(name: str, left: bool, load: Load) -> None:
    model = load(name, "float32")
    lists = [rows(1, n, seed=n)[0].tolist() for n in (13, LENGTH, 3)]
    ids, real = padded(lists, left=left)
    hooks = hooks_of(name)
    together = model.capture(ids, hooks, real)
    for row, one in enumerate(lists):
        alone = model.capture(torch.tensor([one]), hooks)
        for hook in hooks:
            torch.testing.assert_close(together[hook][row, real[row]], alone[hook][0], rtol=1e-5, atol=1e-5)


@every_family
def test_loading_up_to_a_hook_point_reads_fewer_weights_and_captures_the_same(
    name: str, load: Load, folder: Callable[[str], Path]
) -> None:
    whole, ids = load(name, "float32"), rows()
    part = LanguageModel.load(str(folder(name)), dtype="float32", device="cpu", until="resid_post.1")
    assert part.n_layers == 2
    assert part.hash == whole.hash
    assert count(part) < count(whole)
    hooks = hooks_of(name)
    expected = whole.capture(ids, hooks)
    found = part.capture(ids, hooks)
    assert all(torch.equal(found[hook], expected[hook]) for hook in hooks)
    with pytest.raises(UsageError, match="load it whole"):
        part.logits(ids)


def count(model: LanguageModel) -> int:
    return sum(weight.numel() for weight in model._network.parameters())


@every_family
def test_layers_past_the_hook_point_do_not_run(name: str, load: Load) -> None:
    model, ran = load(name, "float32"), []
    handles = [
        block.register_forward_pre_hook(lambda m, args, n=n: ran.append(n))
        for n, block in enumerate(model._blocks)
    ]
    try:
        model.capture(rows(), ["resid_post.0", "attn_out.1"])
    finally:
        for handle in handles:
            handle.remove()
    assert ran == [0, 1]


@every_family
def test_going_on_from_captured_activations_gives_the_same_logits(name: str, load: Load) -> None:
    model, ids = load(name, "float32"), rows()
    plain = model.logits(ids)
    hooks = [f"{kind}.{n}" for kind in KINDS if kind not in MEMBERS[name].refused for n in range(LAYERS)]
    captured = model.capture(ids, hooks)
    for hook in hooks:
        assert torch.equal(model.resume(hook, captured[hook], ids), plain), hook
    left, real = padded([ids[0].tolist(), ids[1, :5].tolist()], left=True)
    x = model.capture(left, ["resid_post.0"], real)["resid_post.0"]
    assert torch.equal(model.resume("resid_post.0", x, left, real)[real], model.logits(left, real)[real])


@every_family
@pytest.mark.parametrize("kind", ["resid_post", "mlp_out"])
def test_gradients_are_slopes_of_the_loss(name: str, kind: str, load: Load) -> None:
    if kind in MEMBERS[name].refused or not MEMBERS[name].float64:
        pytest.skip(f"{name} has no {kind}, or none in float64")
    model, ids, hook = load(name, "float64"), rows(), f"{kind}.1"
    x = model.capture(ids, [hook])[hook]

    def loss(logits: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).double(), ids[:, 1:].flatten())

    value, gradient = model.gradient(hook, x, ids, None, loss)
    assert value == pytest.approx(float(loss(model.logits(ids))), rel=1e-6)
    along = torch.randn(x.shape, generator=torch.Generator().manual_seed(3), dtype=x.dtype)
    step = 1e-3 if name in FLOAT32_INSIDE else 1e-4
    ends = [float(loss(model.resume(hook, x + sign * step * along, ids))) for sign in (1, -1)]
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(
        float((gradient * along).sum()), rel=1e-3, abs=1e-6
    )


@every_family
def test_hook_points_side_by_side_are_captured_and_gone_on_from(name: str, load: Load) -> None:
    model, ids, both = load(name, "float32"), rows(), "mlp_in.1+mlp_out.1"
    if "mlp_in" in MEMBERS[name].refused or "mlp_out" in MEMBERS[name].refused:
        both = "resid_pre.1+attn_out.1"
    parts = both.split("+")
    found = model.capture(ids, [both, *parts])
    assert torch.equal(found[both], torch.cat([found[part] for part in parts], dim=-1))
    assert model.width(both) == found[both].shape[-1]
    several = "resid_post.0+resid_pre.2+resid_post.2"
    x = model.capture(ids, [several])[several]
    assert torch.equal(model.resume(several, x, ids), model.logits(ids))
    moved = x.clone()
    moved[..., 2 * WIDTH :] += 1  # what comes last decides
    after = model.capture(ids, ["resid_post.2"])["resid_post.2"] + 1
    assert torch.equal(model.resume(several, moved, ids), model.resume("resid_post.2", after, ids))


@every_family
def test_logits_of_the_last_positions_are_those_of_all(name: str, load: Load) -> None:
    model, ids, hook = load(name, "float32"), rows(), "resid_post.1"
    x = model.capture(ids, [hook])[hook]
    torch.testing.assert_close(model.resume(hook, x, ids, last=3), model.resume(hook, x, ids)[:, -3:])


@every_family
def test_losses_of_continuations_are_those_of_whole_rows(
    name: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(name, "float32")
    monkeypatch.setattr(forward, "LOGIT_BYTES", 4 * model.vocabulary * 20)  # several batches
    prompts = [[5, 6, 7], [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19], [5, 6, 7], [8], [5, 6, 7]]
    written = [[8, 20], list(range(20, 40)), list(range(30, 45)), [9], [40] * 12]
    found = model.continued_losses(prompts, written)
    for prompt, new, losses in zip(prompts, written, found, strict=True):
        whole = model.losses(torch.tensor([[*prompt, *new]]))[0, len(prompt) - 1 :]
        torch.testing.assert_close(losses, whole, rtol=2e-4, atol=2e-4)
    assert model.continued_losses([], []) == []
    with pytest.raises(UsageError, match="sees at most"):
        model.continued_losses([[5] * 60], [[6] * 5])


@every_family
def test_skipped_layers_do_not_run_and_work_again_after(name: str, load: Load) -> None:
    model, ids, ran = load(name, "float32"), rows(), []
    plain, x = model.logits(ids), model.capture(ids, ["resid_pre.2"])["resid_pre.2"]
    handle = model._blocks[1].register_forward_hook(lambda m, args, out: None)
    inner = inside(model._blocks[1], MEMBERS[name].projection).register_forward_pre_hook(
        lambda m, args: ran.append(1)
    )
    model.resume("resid_pre.2", x, ids)
    assert not ran
    assert torch.equal(model.logits(ids), plain)
    assert ran
    handle.remove()
    inner.remove()


@every_family
def test_the_table_knows_context_and_vocabulary(name: str, load: Load) -> None:
    model = load(name, "float32")
    assert (model.context, model.n_layers, model.vocabulary) == (CONTEXT, LAYERS, 320)
    with pytest.raises(
        UsageError, match=rf"hook point z.{LAYERS} is outside the model, which has {LAYERS} layers"
    ):
        model.capture(rows(), [HookPoint("z", LAYERS)])
