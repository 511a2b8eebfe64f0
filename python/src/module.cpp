#include <pybind11/pybind11.h>

namespace py = pybind11;

void init_device(py::module_& m);
void init_cancel(py::module_& m);
void init_covariance(py::module_& m);
void init_eigh(py::module_& m);
void init_qp(py::module_& m);
void init_frontier(py::module_& m);
void init_cvar(py::module_& m);
void init_risk_parity(py::module_& m);
void init_monte_carlo(py::module_& m);
void init_performance(py::module_& m);

PYBIND11_MODULE(_core, m) {
  m.doc() = "Native kernels of portfolio_engine; private, use portfolio_engine.kernels.";
  init_device(m);
  init_cancel(m);
  init_covariance(m);
  init_eigh(m);
  init_qp(m);
  init_frontier(m);
  init_cvar(m);
  init_risk_parity(m);
  init_monte_carlo(m);
  init_performance(m);
}
