#!/usr/bin/env python3
import in_venv

in_venv.run("benches/bench.py")
