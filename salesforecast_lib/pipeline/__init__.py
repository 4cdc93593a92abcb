"""Runner and command line: notebooks are files here, never imports."""

import os

# Before torch is imported: two of its threads collapse as soon as anything else runs; an export took 9 minutes for .4.
os.environ.setdefault("OMP_NUM_THREADS", "1")
