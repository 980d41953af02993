"""Models that the common pattern's names do not tell the truth about, and models that also see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from models.families import LAYERS, MEMBERS, WIDTH, tokenizer
from monosema.errors import UsageError
from monosema.models import LanguageModel


def saved(folder: Path, network: Any) -> Path:
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    network.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def network(name: str, **changed: Any) -> Any:
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = MEMBERS["opt" if name == "opt" else "llama"].config | changed
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(name, vocab_size=320, **ends, **config))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("granite", {"residual_multiplier": 0.22}),  # multiplied before it is added
        ("opt", {"do_layer_norm_before": False}),  # the stream itself goes through the norm
    ],
)
def test_what_is_not_what_is_added_is_refused_by_name(
    name: str, changed: Any, dtype: str, tmp_path: Path
) -> None:
    model = LanguageModel.load(str(saved(tmp_path, network(name, **changed))), dtype=dtype, device="cpu")
    ids = torch.arange(2, 12)[None]
    for hook in ("attn_out.1", "blocks.1.hook_mlp_out"):
        with pytest.raises(UsageError, match=rf"{name} has no hook point .*_out\.1: .*use resid_pre\.1 or"):
            model.capture(ids, [hook])
        with pytest.raises(UsageError, match="has no hook point"), model.edit({hook: torch.zeros_like}):
            pass
    x = model.capture(ids, ["resid_post.1", "z.1", "mlp_act.1"])["resid_post.1"]
    assert torch.equal(model.resume("resid_post.1", x, ids), model.logits(ids))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_the_same_family_is_not_refused_where_the_sum_comes_out(dtype: str, tmp_path: Path) -> None:
    folder = saved(tmp_path, network("granite", residual_multiplier=1.0))
    model = LanguageModel.load(str(folder), dtype=dtype, device="cpu", until="attn_out.1")
    assert model.width("attn_out.1") == WIDTH


@pytest.mark.parametrize("until", [None, "resid_post.1"])
def test_of_a_model_that_also_sees_the_language_model_is_read(until: str | None, tmp_path: Path) -> None:
    text = transformers.Gemma3TextConfig(vocab_size=320, **MEMBERS["gemma3_text"].config)
    eyes = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = transformers.Gemma3Config(
        text_config=text.to_dict(), vision_config=eyes, mm_tokens_per_image=4, image_token_index=319
    )
    folder = saved(tmp_path, transformers.Gemma3ForConditionalGeneration(config))
    model = LanguageModel.load(str(folder), dtype="float32", device="cpu", until=until)
    assert (model.n_layers, model.d_model) == (LAYERS if until is None else 2, WIDTH)
    ids = torch.randint(10, 300, (2, 12), generator=torch.Generator().manual_seed(0))
    pre, attn, mlp, post = model.capture(
        ids, ["resid_pre.1", "attn_out.1", "mlp_out.1", "resid_post.1"]
    ).values()
    torch.testing.assert_close(pre + attn + mlp, post, rtol=1e-5, atol=1e-5)
    if until is None:
        assert torch.equal(model.resume("resid_post.1", post, ids), model.logits(ids))
        assert len(model.generate([[20, 21, 22]], max_new_tokens=3).ids[0]) <= 3
