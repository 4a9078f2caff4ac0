"""Runs a command on a terminal of its own; what it shows there goes to stdout."""

import os
import pty
import sys

status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))
