"""What all tests share: no deadlines (a busy machine is no failure) and one thread (tiny tensors gain by it)."""

from __future__ import annotations

import torch
from hypothesis import settings

settings.register_profile("everywhere", deadline=None)
settings.load_profile("everywhere")
torch.set_num_threads(1)
