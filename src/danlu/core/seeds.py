"""Where randomness comes from: every draw is a function of the study's seed and a number in the journal.

No generator state is ever saved: suggestion k of a study draws from the same stream in the first run, after a resume,
and in a replay.
"""

import numpy as np

_TRIAL = 1  # keeps the streams of trials (1, n) apart from those of suggestions (k,)


def suggestion_rng(seed: int, k: int) -> np.random.Generator:
    """The generator of the k-th suggestion."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(k,))))


def trial_seed(seed: int, number: int) -> int:
    """The seed of a trial, in [0, 2³²): what `torch.manual_seed` and its like take."""
    return int(np.random.SeedSequence(seed, spawn_key=(_TRIAL, number)).generate_state(1)[0])
