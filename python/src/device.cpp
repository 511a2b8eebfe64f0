#include "portfolio/device.hpp"

#include "arrays.hpp"

void init_device(py::module_& m) {
  m.def("available_devices", [] {
    py::list out;
    for (const auto& d : portfolio::available_devices()) out.append(py::make_tuple(d.name, d.available, d.description));
    return out;
  });
  m.def("set_num_threads", &portfolio::set_num_threads, py::arg("count"));
  m.def("num_threads", &portfolio::num_threads);
}
