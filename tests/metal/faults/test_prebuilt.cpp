// A prebuilt library is used; one that does not load is replaced by the text of the kernels.
#include "check.hpp"
#include "faults.hpp"
#include "shaders.hpp"
#include "work.hpp"

int main() {
  using namespace portfolio::metal;
  const bool good = kPrebuiltLibraryBytes > 4 && kPrebuiltLibrary[0] == 'M';
  CHECK(kPrebuiltLibraryBytes == (good ? 17u : 10u));
  fake::Faults faults;
  faults.does_not_compile = true;  // so only a prebuilt library can work
  fake::set_faults(faults);
  const std::vector<float> values = work::numbers(10);
  const work::Result result = work::doubled(values);
  CHECK(work::right(result, values));
  CHECK(result.device.name == (good ? "metal" : "cpu"));
  CHECK(good || result.device.reason.find("Metal did not compile scale.metal") == 0);
  fake::set_faults({});
  Gpu::close();
  CHECK(work::doubled(values).device.name == "metal");
  Gpu::close();
  CHECK(fake::live_objects() == 0);
  return check::finish();
}
