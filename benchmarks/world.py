"""How fast is text composed and tokenised, on one core?

    python -m benchmarks.world --json

`tokens_per_minute`: documents of the grammar made and encoded with the model's tokenizer, tokens over wall time.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["RAYON_NUM_THREADS"] = "1"  # before the tokenizer starts its threads

from benchmarks.harness import report
from monosema.corpora import Document, Encoder, Span
from monosema.models import load_tokenizer
from monosema.world import Catalogue
from monosema.world.grammar import Composed, compose

TARGETS = {"tokens_per_minute": (">=", 3_000_000)}
AT_ONCE = 256


def as_document(number: int, one: Composed) -> Document:
    """A composed document as corpora know it."""
    return Document(id=str(number), text=one.text, spans=tuple(Span(*span) for span in one.spans))


def main() -> None:
    """Compose, encode, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    encoder, catalogue = Encoder(load_tokenizer(options.model)), Catalogue.load()
    list(compose(catalogue, seed=0, documents=16))  # prepares every maker
    start, tokens = time.perf_counter(), 0
    for begin in range(0, options.documents, AT_ONCE):
        made = compose(catalogue, seed=0, documents=min(AT_ONCE, options.documents - begin), start=begin)
        documents = [as_document(begin + number, one) for number, one in enumerate(made)]
        tokens += sum(len(one.ids) for one in encoder.encode(documents))
    seconds = time.perf_counter() - start
    figures = {"tokens": tokens, "tokens_per_minute": round(60 * tokens / seconds)}
    report("world", figures, TARGETS, seconds, as_json=options.json)


if __name__ == "__main__":
    main()
