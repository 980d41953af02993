"""The table of features on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from monosema.index.table import GROUP, FeatureTable, features_file


def test_many_threads_read_one_table(tmp_path: Path) -> None:
    n = 40 * GROUP
    lists = np.random.default_rng(0).integers(0, 1 << 40, (n, 30))
    density = np.linspace(0, 1, n)
    with features_file(tmp_path) as file:
        file.add({"feature": np.arange(n), "density": density, "rows": lists})
    for _ in range(5):
        table = FeatureTable(tmp_path)

        def look(feature: int, table: FeatureTable = table) -> bool:
            row = table.row(feature)
            same = row["feature"] == feature and np.array_equal(row["rows"], lists[feature])
            return bool(same and table["density"][feature] == density[feature])

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(look, np.random.default_rng(1).integers(0, n, 400).tolist()))
