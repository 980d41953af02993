"""Memory of a harvest, alone in a process: `python -m benchmarks.harvest_memory MODEL TOKENS` writes GB.

To disk, and then a pass on the fly; memory that is a file's (the shards that are read back) does not count, nor
does what model and tokens took before. The stream of a store is not in it: it takes 16 bytes a row, as it says.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.index import anonymous_memory
from monosema.activations import LiveStream, harvest_to_disk, plan_harvest
from monosema.corpora import Tokens
from monosema.models import LanguageModel

HOOK = "resid_post.0"
TOKENS_PER_BATCH = 4096


def main() -> None:
    model = LanguageModel.load(sys.argv[1], dtype="float32")
    tokens = Tokens(Path(sys.argv[2]))
    plan = plan_harvest(model.d_model, model.dtype, tokens_per_batch=TOKENS_PER_BATCH)
    with tempfile.TemporaryDirectory() as folder, anonymous_memory() as seen:
        stats = harvest_to_disk(model, tokens, {HOOK: Path(folder)}, plan)[HOOK].stats
        stream = LiveStream(model, tokens, HOOK, stats, tokens_per_batch=TOKENS_PER_BATCH, seed=0)
        for _ in range(stream.total // TOKENS_PER_BATCH):
            stream.next(TOKENS_PER_BATCH)
    print(max(seen) - seen[0])


if __name__ == "__main__":
    main()
