"""The only importer of the native extension; every module above calls the kernels through here."""

from __future__ import annotations

from portfolio_engine._tally import tallied, watch

try:
    from portfolio_engine import _core
except ImportError as error:
    raise ImportError(
        "portfolio_engine: the native extension is missing or does not load; reinstall with 'pip install .' "
        f"(needs a C++20 compiler). Cause: {error}"
    ) from error

CancelToken = _core.CancelToken
available_devices = _core.available_devices
set_default_device = _core.set_default_device
default_device = _core.default_device
metal_health = _core.metal_health
watch(metal_health)
set_num_threads = _core.set_num_threads
num_threads = _core.num_threads
simd_level = _core.simd_level
covariance = tallied(_core.covariance)
covariance_batch = tallied(_core.covariance_batch)
eigh = tallied(_core.eigh)
eigh_batch = tallied(_core.eigh_batch)
eigvalsh = _core.eigvalsh
nearest_psd = tallied(_core.nearest_psd)
solve_qp = tallied(_core.solve_qp)
solve_qp_batch = tallied(_core.solve_qp_batch)
solve_qp_list = tallied(_core.solve_qp_list)
efficient_frontier = tallied(_core.efficient_frontier)
solve_cvar = tallied(_core.solve_cvar)
risk_parity = tallied(_core.risk_parity)
risk_parity_batch = tallied(_core.risk_parity_batch)
philox4x32_10 = _core.philox4x32_10
standard_normals = _core.standard_normals
simulate = tallied(_core.simulate)
simulate_bootstrap = tallied(_core.simulate_bootstrap)
performance = tallied(_core.performance)
performance_batch = tallied(_core.performance_batch)
rolling_performance = tallied(_core.rolling_performance)
