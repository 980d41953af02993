"""SAEDashboard's own runner, on a case that `sae_dashboard.py` has made.

    python -P sae_dashboard_runner.py CASE OUT

It runs in the peer's environment and knows nothing of ours; -P, so that the peer's package is not taken for the module
of its name beside this file. The model is built from its Hugging Face weights without any processing, so that
activations are the model's own. Runner, configuration and layout are at their defaults. Written into OUT: the page,
`check.npz` (activations and features of the first rows, maxima of the declared features) and `turn.json` (seconds).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sae_dashboard.data_writing_fns import save_feature_centric_vis  # type: ignore[import-not-found]
from sae_dashboard.sae_vis_data import SaeVisConfig  # type: ignore[import-not-found]
from sae_dashboard.sae_vis_runner import SaeVisRunner  # type: ignore[import-not-found]
from sae_lens import SAE, HookedSAETransformer  # type: ignore[import-not-found]
from transformer_lens import HookedTransformerConfig  # type: ignore[import-not-found]
from transformer_lens.pretrained.weight_conversions.gpt2 import (  # type: ignore[import-not-found]
    convert_gpt2_weights,
)
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast


def opened(folder: Path) -> Any:
    """TransformerLens's model with the weights in `folder`."""
    network = GPT2LMHeadModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    given = network.config
    config = HookedTransformerConfig(
        n_layers=given.n_layer,
        d_model=given.n_embd,
        n_ctx=given.n_positions,
        n_heads=given.n_head,
        d_head=given.n_embd // given.n_head,
        d_mlp=4 * given.n_embd,
        d_vocab=given.vocab_size,
        act_fn=given.activation_function,
        eps=given.layer_norm_epsilon,
        normalization_type="LN",
        original_architecture="GPT2LMHeadModel",
        init_weights=False,
        device="cpu",
    )
    model = HookedSAETransformer(config)
    model.load_and_process_state_dict(
        convert_gpt2_weights(network, config),
        fold_ln=False,
        center_writing_weights=False,
        center_unembed=False,
        fold_value_biases=False,
    )
    # given by file: the folder's own configuration is of a later transformers
    model.tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    return model.eval()


def main() -> None:
    place, out = Path(sys.argv[1]), Path(sys.argv[2])
    case = json.loads((place / "case.json").read_text())
    torch.set_num_threads(case["threads"])
    model, sae = opened(place / "model"), SAE.load_from_disk(place / "sae")
    ids = torch.from_numpy(np.load(place / "ids.npy"))  # [rows, context]
    hook = sae.cfg.metadata.hook_name
    with torch.inference_mode():
        _, cache = model.run_with_cache(ids[: case["checked_rows"]], names_filter=hook)
        x = cache[hook].flatten(0, 1)  # [n, d_model]
        acts = sae.encode(x)  # [n, d_sae]

    start = time.perf_counter()
    config = SaeVisConfig(hook_point=hook, features=case["features"])
    data = SaeVisRunner(config).run(encoder=sae, model=model, tokens=ids)
    made = time.perf_counter()
    save_feature_centric_vis(sae_vis_data=data, filename=out / "features.html")
    end = time.perf_counter()
    np.savez(out / "check.npz", x=x.numpy(), acts=acts.numpy(), maxima=np.array(data.feature_stats.max))
    turn = {
        "seconds": end - start,
        "of_these_to_write_s": end - made,
        "features": len(data.feature_data_dict),
        "tokens": ids.numel(),
        "threads": torch.get_num_threads(),
        "bytes": (out / "features.html").stat().st_size,
    }
    (out / "turn.json").write_text(json.dumps(turn))


if __name__ == "__main__":
    main()
