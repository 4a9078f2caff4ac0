"""Runs the demonstration of a network once for each seed, in one process."""

import sys

from torch2tch.reference import demonstrate

network, *seeds = sys.argv[1:]
for seed in seeds:
    sys.argv = ["demonstrate.py", network, "--seed", seed]
    demonstrate.main()
