"""Run by .ci/run in an environment that holds our wheel and what it asks for, nothing else."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib import metadata

import numpy as np

import portfolio_engine

installed = {d.metadata["Name"].lower().replace("_", "-") for d in metadata.distributions()}
assert installed <= {"portfolio-engine", "numpy", "scipy-openblas32"}, f"more than asked for: {installed}"
assert importlib.util.find_spec("fastapi") is None
assert "site-packages" in portfolio_engine.__file__, portfolio_engine.__file__

# Uncorrelated assets: the least-variance weights are as the inverse variances.
answer = portfolio_engine.solve_qp(
    np.diag([0.04, 0.01, 0.02]), np.zeros(3), A=np.ones((1, 3)), b=np.ones(1), lb=np.zeros(3)
)
np.testing.assert_allclose(answer.x, np.array([1, 4, 2]) / 7, atol=1e-8)

# Without the extra the service says what to install, in a line and not in a traceback.
for command in ([sys.executable, "-m", "portfolio_service"], ["wheel-env/bin/portfolio-engine", "--help"]):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0, command
    assert "portfolio-engine[" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
sys.stdout.write(f"wheel: {portfolio_engine.__file__} works with {sorted(installed)}\n")
