// Every kernel of the library while the GPU fails in every way: the CPU's answer, bit for bit, and the reason.
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>

#include "check.hpp"
#include "faults.hpp"
#include "gpu.hpp"
#include "portfolio/covariance.hpp"
#include "portfolio/eigh.hpp"
#include "portfolio/monte_carlo.hpp"
#include "portfolio/qp.hpp"
#include "portfolio/risk_parity.hpp"

using namespace portfolio;
using metal::Gpu;

namespace {

struct Answer {
  std::vector<double> numbers;
  std::vector<DeviceUsed> devices;
};

struct Kernel {
  const char* name;
  std::function<Answer(Device)> run;
};

constexpr std::size_t kDays = 60, kAssets = 12, kBatch = 6;

// Returns, their covariances and what a fully invested long-only portfolio needs.
struct Data {
  std::vector<Matrix> returns, covariances;
  std::vector<double> mean = std::vector<double>(kAssets), weights = std::vector<double>(kAssets, 1.0 / kAssets);
  std::vector<double> ones = std::vector<double>(kAssets, 1.0), zeros = std::vector<double>(kAssets, 0.0), one = {1.0};
  std::vector<MatrixView> universes, matrices;

  Data() {
    CovarianceOptions on_cpu;
    on_cpu.device = Device::cpu;
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal(0.0, 0.01);
    for (std::size_t k = 0; k < kBatch; ++k) {
      Matrix sample(kDays, kAssets);
      for (double& value : sample.data) value = normal(random);
      returns.push_back(std::move(sample));
      covariances.push_back(covariance(returns[k].view(), on_cpu).covariance);
    }
    for (std::size_t i = 0; i < kAssets; ++i) mean[i] = 0.0002 * static_cast<double>(i);
    for (const Matrix& sample : returns) universes.push_back(sample.view());
    for (const Matrix& matrix : covariances) matrices.push_back(matrix.view());
  }
};

void append(Answer& answer, const std::vector<double>& numbers) {
  answer.numbers.insert(answer.numbers.end(), numbers.begin(), numbers.end());
}

template <class Result, class Numbers>
Answer answer_of(const std::vector<Result>& results, Numbers numbers) {
  Answer answer;
  for (const Result& result : results) {
    append(answer, numbers(result));
    answer.devices.push_back(result.device);
  }
  return answer;
}

std::vector<Kernel> kernels(const Data& data) {
  const auto covariances = [&data](Device device) {
    CovarianceOptions options;
    options.method = CovarianceMethod::ledoit_wolf;
    options.device = device;
    return answer_of(covariance_batch(data.universes, options), [](const auto& r) { return r.covariance.data; });
  };
  const auto eigenvalues = [&data](Device device) {
    return answer_of(eigh_batch(data.matrices, device), [](const auto& r) { return r.values; });
  };
  const auto programs = [&data](Device device) {
    std::vector<QpProblem> problems;
    for (const MatrixView P : data.matrices) {
      problems.push_back(
          {P, view(data.mean), {}, {}, {data.ones.data(), 1, kAssets}, view(data.one), view(data.zeros), {}});
    }
    QpOptions options;
    options.device = device;
    return answer_of(solve_qp_batch(problems, options), [](const auto& r) { return r.x; });
  };
  const auto parity = [&data](Device device) {
    std::vector<RiskParityProblem> problems;
    for (const MatrixView matrix : data.matrices) problems.push_back({matrix, {}});
    RiskParityOptions options;
    options.device = device;
    return answer_of(risk_parity_batch(problems, options), [](const auto& r) { return r.weights; });
  };
  const auto paths = [&data](Device device) {
    SimulateOptions options;
    options.scenarios = 2000;
    options.precision = Precision::float32;
    options.device = device;
    const auto result = simulate(view(data.mean), data.matrices[0], view(data.weights), options);
    return answer_of(std::vector{result},
                     [](const auto& r) { return std::vector{r.mean, r.volatility, r.var, r.cvar}; });
  };
  return {{"covariance_batch", covariances},
          {"eigh_batch", eigenvalues},
          {"solve_qp_batch", programs},
          {"risk_parity_batch", parity},
          {"simulate", paths}};
}

bool all_from(const Answer& answer, const std::string& device, const std::string& part = "") {
  for (const DeviceUsed& used : answer.devices) {
    if (used.name == device && used.reason.find(part) != std::string::npos) continue;
    std::printf("got %s: %s\n", used.name.c_str(), used.reason.c_str());
    return false;
  }
  return !answer.devices.empty();
}

bool close(const std::vector<double>& got, const std::vector<double>& want) {
  double scale = 0.0, error = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    scale = std::fmax(scale, std::fabs(want[i]));
    error = std::fmax(error, std::fabs(got[i] - want[i]));
  }
  return got.size() == want.size() && error <= 1e-4 * scale;
}

struct Case {
  const char* reason;
  fake::Faults faults;
  const char* timeout = "60";  // seconds
};

std::vector<Case> cases() {
  std::vector<Case> all = {{"the GPU has no buffer", {}},           {"Metal did not compile", {}},
                           {"Metal gave no command buffer", {}},    {"Metal gave no command encoder", {}},
                           {"the GPU failed: Caused GPU Hang", {}}, {"the GPU did not answer within", {}, "0.2"}};
  all[0].faults.no_buffer = true;
  all[1].faults.does_not_compile = true;
  all[2].faults.no_command_buffer = true;
  all[3].faults.no_encoder = true;
  all[4].faults.answer = fake::Answer::error;
  all[5].faults.answer = fake::Answer::never;
  return all;
}

void reopen(const fake::Faults& faults, const char* timeout) {
  ::setenv("PORTFOLIO_METAL_TIMEOUT", timeout, 1);
  Gpu::close();
  fake::set_faults(faults);
}

void failing(const Kernel& kernel, const Answer& cpu) {
  for (const Case& fault : cases()) {
    reopen(fault.faults, fault.timeout);
    const auto before = metal_health().fallbacks;
    const Answer answer = kernel.run(Device::metal);
    CHECK(all_from(answer, "cpu", fault.reason));
    CHECK(answer.numbers == cpu.numbers);
    CHECK(metal_health().fallbacks > before && metal_health().last_fallback.find(fault.reason) == 0);
    fake::let_go();
  }
}

// An old or a narrow GPU may do it another way, or leave it to the CPU and say why.
void limited(const Kernel& kernel, const Answer& cpu) {
  fake::Faults old, narrow;
  old.old_family = true;
  narrow.pipeline_threads = 64;
  for (const fake::Faults& faults : {old, narrow}) {
    reopen(faults, "60");
    const Answer answer = kernel.run(Device::metal);
    const bool on_gpu = answer.devices[0].name == "metal";
    std::printf("  %s: %s\n", answer.devices[0].name.c_str(), answer.devices[0].reason.c_str());
    CHECK(all_from(answer, on_gpu ? "metal" : "cpu"));
    CHECK(on_gpu ? close(answer.numbers, cpu.numbers) : answer.numbers == cpu.numbers);
    CHECK(metal_health().healthy);
  }
}

void absent(const Kernel& kernel) {
  fake::Faults faults;
  faults.no_device = true;
  reopen(faults, "60");
  CHECK(!metal_health().available && metal_health().reason == "this machine has no Metal device");
  CHECK_THROWS(kernel.run(Device::metal), "expected an available device, got \"metal\" (this machine has no Metal");
  CHECK(all_from(kernel.run(Device::automatic), "cpu", "this machine has no Metal device"));
}

bool no_objects_left() {
  for (int i = 0; i < 1000 && fake::live_objects() != 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // what never answered is let go of
  return fake::live_objects() == 0;
}

}  // namespace

int main() {
  const Data data;
  for (const Kernel& kernel : kernels(data)) {
    std::printf("%s\n", kernel.name);
    reopen({}, "60");
    const Answer cpu = kernel.run(Device::cpu), gpu = kernel.run(Device::metal);
    CHECK(all_from(cpu, "cpu") && all_from(gpu, "metal") && close(gpu.numbers, cpu.numbers));
    CHECK(all_from(kernel.run(Device::automatic), "cpu", "only when it is named"));
    failing(kernel, cpu);
    limited(kernel, cpu);
    absent(kernel);
    reopen({}, "60");
    CHECK(no_objects_left());
  }
  return check::finish();
}
