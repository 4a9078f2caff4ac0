"""Runs the demonstration of a network once for each seed, in one process."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts" / "reference"))

import demonstrate

network, *seeds = sys.argv[1:]
for seed in seeds:
    sys.argv = ["demonstrate.py", network, "--seed", seed]
    demonstrate.main()
