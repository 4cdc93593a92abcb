"""Runner and command line: notebooks are files here, never imports."""

import os

# Before torch is imported: two of its threads collapse as soon as anything else runs, and an export took nine minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
