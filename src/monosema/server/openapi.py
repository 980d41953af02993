"""`python -m monosema.server.openapi`: the description of the API, from which the browser's types are made."""

from __future__ import annotations

import json
import sys

from monosema.server.app import create_app

if __name__ == "__main__":
    json.dump(create_app([]).openapi(), sys.stdout, indent=2)
