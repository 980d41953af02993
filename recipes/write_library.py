"""Let a model write about the concepts of the catalogue: the raw text of the bundled library.

    python recipes/write_library.py FOLDER --prompts 12000 --seed 1

Each batch of prompts becomes one file, so a run that was stopped goes on where it was. `bundle_library.py` filters
what was written and packs it into the package. On two cores without low-precision units about 200 tokens/s.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from monosema.models import LanguageModel
from monosema.world import Catalogue, Prompt, draw_prompts, load_forms

BOOST = {"golden_gate_bridge": 3.0}
"""The demo's own concept is written about more often than its rank says."""
EXPONENT = 0.8
TEMPERATURE = 0.8
TOP_P = 0.95
TOGETHER = 8
"""Batches drawn together and sorted by length, so that a batch has prompts of about one length."""


def asked_of(model: LanguageModel, prompt: Prompt) -> list[int]:
    """Tokens that the model goes on from."""
    if prompt.chat:
        return model.chat([{"role": "user", "content": prompt.text}])
    return model.encode(prompt.text)


def draw_batch(
    model: LanguageModel, options: argparse.Namespace, number: int
) -> list[tuple[Prompt, list[int]]]:
    """The prompts of a batch, by its number, and their tokens."""
    group, place = divmod(number, TOGETHER)
    rng = random.Random(f"{options.seed}/{group}")
    size = options.batch * TOGETHER
    prompts = draw_prompts(Catalogue.load(), load_forms(), size, rng, exponent=EXPONENT, boost=BOOST)
    asked = sorted(((prompt, asked_of(model, prompt)) for prompt in prompts), key=lambda pair: len(pair[1]))
    return asked[place * options.batch :][: options.batch]


def write_batch(model: LanguageModel, options: argparse.Namespace, number: int) -> list[dict[str, object]]:
    """Let the model answer a batch of prompts."""
    drawn = draw_batch(model, options, number)
    written = model.generate(
        [ids for _, ids in drawn],
        max_new_tokens=options.new_tokens,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        seed=options.seed * 1_000_003 + number,
        kept=lambda rows: None,
    )
    return [
        {
            "category": prompt.concept.category,
            "concept": prompt.concept.id,
            "genre": prompt.genre,
            "chat": prompt.chat,
            "prompt": prompt.text,
            "text": text,
        }
        for (prompt, _), text in zip(drawn, written.texts, strict=True)
    ]


def main() -> None:
    """Write the batches that are missing."""
    parser = argparse.ArgumentParser(description="Let a model write about the concepts of the catalogue.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--prompts", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--new-tokens", type=int, default=220)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    model = LanguageModel.load(options.model)
    for number in range(-(-options.prompts // options.batch)):
        path = options.folder / f"{options.seed:02d}-{number:05d}.jsonl"
        if path.exists():
            continue
        start = time.monotonic()
        records = write_batch(model, options, number)
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        draft = path.with_suffix(".writing")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        print(f"{path.name}: {len(text)} bytes in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
