// The three names of libdispatch that the host uses, to hand a prebuilt library to Metal.
#pragma once

#include <cstddef>
#include <string>

struct dispatch_data {
  std::string bytes;
};
using dispatch_data_t = dispatch_data*;

#define DISPATCH_DATA_DESTRUCTOR_DEFAULT nullptr

inline dispatch_data_t dispatch_data_create(const void* bytes, std::size_t size, std::nullptr_t, std::nullptr_t) {
  return new dispatch_data{std::string(static_cast<const char*>(bytes), size)};
}
inline void dispatch_release(dispatch_data_t data) { delete data; }
