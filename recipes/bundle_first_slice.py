"""Make the text that comes with the package.

    python recipes/bundle_first_slice.py path/to/smollm2_written/written.jsonl

Reads the records that SmolLM2-135M-Instruct wrote, drops empty, short, looping and refusing answers, and writes
`first_slice.jsonl.gz` and `first_slice.json` into the package, or into the folder given as second argument. The
same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import itertools
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "src" / "monosema" / "world" / "data"
SHORTEST = 40
DISTINCT_BIGRAMS = 0.6  # an answer with a lower share of distinct word pairs goes round in circles
MOST_BYTES = 1_200_000
REFUSAL = re.compile(
    r"^\W*(I'm|I am) (sorry|unable|not able)|^\W*(sorry|as an AI)\b|\bI (can't|cannot) (assist|help|provide)"
    r"|\bas an? (AI|text-based|language model|chatbot)\b",
    re.IGNORECASE,
)


def is_short(text: str) -> bool:
    """Whether the answer has fewer than `SHORTEST` characters."""
    return len(text.strip()) < SHORTEST


def is_looping(text: str) -> bool:
    """Whether the answer repeats itself."""
    words = text.split()
    pairs = list(itertools.pairwise(words))
    return len(pairs) >= 8 and len(set(pairs)) < DISTINCT_BIGRAMS * len(pairs)


def is_refusal(text: str) -> bool:
    """Whether the answer talks about what the model cannot do."""
    return REFUSAL.search(text.strip().replace("’", "'")) is not None


REASONS = {"short": is_short, "looping": is_looping, "refusal": is_refusal}


def names_bridge(record: dict[str, Any]) -> bool:
    """Whether a record speaks of the Golden Gate."""
    return "Golden Gate" in record["prompt"] + record["text"]


def bundle(source: Path, folder: Path) -> dict[str, Any]:
    """Write the two files; return the facts that stand in the second."""
    lines = source.read_text(encoding="utf-8").splitlines()
    dropped: Counter[str] = Counter()
    kept, seen = [], set()
    for line in lines:
        record = json.loads(line)
        reasons = (
            ("short",) if names_bridge(record) else tuple(REASONS)
        )  # each record of the bridge is wanted
        reason = next((name for name in reasons if REASONS[name](record["text"])), None)
        if reason is None and line in seen:
            reason = "duplicate"
        if reason is None:
            kept.append(record)
            seen.add(line)
        else:
            dropped[reason] += 1
    text = "".join(json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n" for record in kept)
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    if len(packed) > MOST_BYTES:
        sys.exit(f"{len(packed)} bytes; expected at most {MOST_BYTES}: filter more")
    facts = {
        "what": "Answers and continuations of SmolLM2-135M-Instruct about some hundreds of topics",
        "licence": "Apache-2.0, as the model that wrote them: SmolLM2-135M-Instruct by Hugging Face",
        "made_by": "recipes/bundle_first_slice.py",
        "read": len(lines),
        "dropped": dict(sorted(dropped.items())),
        "documents": len(kept),
        "chats": sum(record["chat"] for record in kept),
        "golden_gate": sum(map(names_bridge, kept)),
        "golden_gate_read": sum(names_bridge(json.loads(line)) for line in lines),
        "topics": len({record["topic"] for record in kept}),
        "categories": dict(sorted(Counter(record["category"] for record in kept).items())),
        "characters": sum(len(record["prompt"]) + len(record["text"]) for record in kept),
        "bytes": len(packed),
        "blake2": hashlib.blake2b(packed, digest_size=32).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "first_slice.jsonl.gz").write_bytes(packed)
    (folder / "first_slice.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def main() -> None:
    """Read the arguments, make the files, say what they hold."""
    parser = argparse.ArgumentParser(description="Make the text that comes with the package.")
    parser.add_argument("source", type=Path, help="written.jsonl")
    parser.add_argument("folder", type=Path, nargs="?", default=DATA)
    arguments = parser.parse_args()
    print(json.dumps(bundle(arguments.source, arguments.folder), indent=2))


if __name__ == "__main__":
    main()
