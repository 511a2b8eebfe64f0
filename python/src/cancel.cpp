#include <memory>

#include "interrupt.hpp"

namespace py = pybind11;

namespace {

// A deadline is Python's own TimeoutError; a cancelled call is told apart by the library's error.
void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const portfolio::Interrupted& error) {
    if (error.cancelled()) {
      const py::object type = py::module_::import("portfolio_engine.errors").attr("CancelledError");
      PyErr_SetString(type.ptr(), error.what());
    } else {
      PyErr_SetString(PyExc_TimeoutError, error.what());
    }
  }
}

}  // namespace

void init_cancel(py::module_& m) {
  py::class_<portfolio::CancelToken, std::shared_ptr<portfolio::CancelToken>>(m, "CancelToken", R"(
Ends computations that were given it, from any thread.

One token may be given to any number of calls (``cancel=``) and stays cancelled: take a new one for the next piece of
work. Cancelling is safe at any time, also after the computation ended.)")
      .def(py::init<>())
      .def("cancel", &portfolio::CancelToken::cancel, "End what runs with this token, and refuse what starts with it.")
      .def_property_readonly("cancelled", &portfolio::CancelToken::cancelled, "Whether `cancel` was called.");
  py::register_exception_translator(&translate);
}
