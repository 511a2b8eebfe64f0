#include "portfolio/device.hpp"

#include "arrays.hpp"

void init_device(py::module_& m) {
  m.def("available_devices", [] {
    py::list out;
    for (const auto& d : portfolio::available_devices()) out.append(py::make_tuple(d.name, d.available, d.description));
    return out;
  });
  m.def(
      "set_default_device",
      [](const std::string& device) {
        portfolio::set_default_device(portfolio::parse_device(device, "set_default_device"));
      },
      py::arg("device"));
  m.def("default_device", [] { return portfolio::to_string(portfolio::default_device()); });
  m.def("metal_health", [] {
    const portfolio::DeviceHealth health = portfolio::metal_health();
    py::dict limits;
    limits["simdgroup_matrix"] = health.simdgroup_matrix;
    limits["threads_per_threadgroup"] = health.threads_per_threadgroup;
    limits["threadgroup_memory"] = health.threadgroup_memory;
    limits["buffer_length"] = health.buffer_length;
    py::dict out;
    out["available"] = health.available;
    out["healthy"] = health.healthy;
    out["emulated"] = health.emulated;
    out["name"] = health.name;
    out["reason"] = health.reason;
    out["fallbacks"] = health.fallbacks;
    out["last_fallback"] = health.last_fallback;
    out["limits"] = limits;
    return out;
  });
  m.def("set_num_threads", &portfolio::set_num_threads, py::arg("count"));
  m.def("num_threads", &portfolio::num_threads);
  m.def("simd_level", &portfolio::simd_level_name);
}
