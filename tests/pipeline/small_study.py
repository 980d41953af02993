"""What a small study asks, and how to make one on a tiny model: in fp32, whatever this machine would choose."""

from __future__ import annotations

from pathlib import Path

import tiny
from monosema.study import Study

TOML = """\
seed = 3
[models.main]
source = "model"
dtype = "float32"
tokens_per_batch = 512
[corpora.main]
sources = ["text.jsonl"]
context = 64
concepts = "concepts"
shares = [0.7, 0.1, 0.1, 0.1]
[saes.main]
hook = "resid_post.1"
d_sae = 64
k = 4
batch = 128
tokens = 4096
checkpoint_steps = 8
metrics_every = 4
"""

CONCEPTS = """\
category = "landmark"
title = "Landmarks"

[golden_gate]
topic = "the golden gate"
en = ["golden gate"]
about = ["the red crossing in the fog"]
facts = { kind = "@bridge" }

[bridge]
topic = "bridges"
en = ["bridge", "bridges"]

[unicorn]
topic = "unicorns"
en = ["unicorn"]
"""


def new_study(folder: Path, toml: str = TOML) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    tiny.save_llama(folder / "model")
    tiny.save_text(folder / "text.jsonl")
    (folder / "concepts").mkdir(exist_ok=True)
    (folder / "concepts" / "landmark.toml").write_text(CONCEPTS)
    return Study.create(folder, toml)
