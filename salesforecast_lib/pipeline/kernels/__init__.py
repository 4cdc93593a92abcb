"""Kernels of a run's notebooks, begun in a tenth of the time: forked from a process that has imported the libraries.

- `ForkingKernelManager`: starts the first kernel of a process as usual and forks the others.
- `expect`: says how many kernels this process may start.
- `Template`: the process that they are forked from, as its owner sees it.
- `ForkedKernel`: one of them.
- `LIBRARIES`: what the template imports.
- `OFF`: variable of the environment; where it is 0, nothing is forked.
"""

from salesforecast_lib.pipeline.kernels.forking import (
    LIBRARIES,
    OFF,
    ForkedKernel,
    ForkingKernelManager,
    Template,
    expect,
)

__all__ = ["LIBRARIES", "OFF", "ForkedKernel", "ForkingKernelManager", "Template", "expect"]
