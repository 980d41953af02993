"""Filter what `write_library.py` wrote and pack it into the package as one more part of the library.

    python recipes/bundle_library.py FOLDER NAME

Drops empty, short, looping and refusing answers and duplicates (the rules of `bundle_first_slice.py`), and writes
`NAME.jsonl.gz` and `NAME.json` into the package, or into the folder given as third argument. `NAME.json` records how
many documents each concept has. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from bundle_first_slice import DATA, REASONS


def kept_records(source: Path) -> tuple[list[dict[str, Any]], Counter[str]]:
    """What passes, in the order of the files, and how many were dropped for each reason."""
    dropped: Counter[str] = Counter()
    kept, seen = [], set()
    for path in sorted(source.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            reason = next((name for name, test in REASONS.items() if test(record["text"])), None)
            reason = "duplicate" if reason is None and record["text"] in seen else reason
            if reason is None:
                kept.append(record)
                seen.add(record["text"])
            else:
                dropped[reason] += 1
    return kept, dropped


def bundle(source: Path, name: str, folder: Path) -> dict[str, Any]:
    """Write the two files; return the facts that stand in the second."""
    kept, dropped = kept_records(source)
    text = "".join(json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n" for record in kept)
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    facts = {
        "what": "Answers and continuations of SmolLM2-135M-Instruct about the concepts of the catalogue",
        "licence": "Apache-2.0, as the model that wrote them: SmolLM2-135M-Instruct by Hugging Face",
        "made_by": "recipes/write_library.py, recipes/bundle_library.py",
        "documents": len(kept),
        "dropped": dict(sorted(dropped.items())),
        "chats": sum(record["chat"] for record in kept),
        "genres": dict(sorted(Counter(record["genre"] for record in kept).items())),
        "concepts": dict(Counter(record["concept"] for record in kept).most_common()),
        "characters": sum(len(record["prompt"]) + len(record["text"]) for record in kept),
        "bytes": len(packed),
        "blake2": hashlib.blake2b(packed, digest_size=32).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jsonl.gz").write_bytes(packed)
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def main() -> None:
    """Read the arguments, make the files, say what they hold."""
    parser = argparse.ArgumentParser(description="Pack written text into the package.")
    parser.add_argument("source", type=Path, help="folder of *.jsonl")
    parser.add_argument("name", help="name of the part, such as written_1")
    parser.add_argument("folder", type=Path, nargs="?", default=DATA)
    arguments = parser.parse_args()
    facts = bundle(arguments.source, arguments.name, arguments.folder)
    print(json.dumps({key: value for key, value in facts.items() if key != "concepts"}, indent=2))


if __name__ == "__main__":
    main()
