#include <cmath>

#include "normal_quantile.hpp"
#include "sobol.hpp"
#include "step_returns.hpp"

namespace portfolio {
namespace {

const NormalKernels& kernels() { return PORTFOLIO_SIMD_CHOOSE(normal_kernels); }
void draw(const DrawRange& range, std::size_t count, float* out) { kernels().normals32(range, count, out); }
void draw(const DrawRange& range, std::size_t count, double* out) { kernels().normals64(range, count, out); }
void chi(const DrawRange& range, int degrees, float* out) { kernels().chi_squared32(range, degrees, out); }
void chi(const DrawRange& range, int degrees, double* out) { kernels().chi_squared64(range, degrees, out); }
void expm1s(std::size_t count, float* values) { kernels().expm1s32(count, values); }
void expm1s(std::size_t count, double* values) {
  for (std::size_t k = 0; k < count; ++k) values[k] = std::expm1(values[k]);
}

const StepKernels<float>& steps(float) { return PORTFOLIO_SIMD_CHOOSE(scenario_kernels).steps32; }
const StepKernels<double>& steps(double) { return PORTFOLIO_SIMD_CHOOSE(scenario_kernels).steps64; }

template <class T>
class ModelReturns final : public StepReturns<T> {
 public:
  ModelReturns(const PackedFactor<T>& factor, const Sobol* sobol, const SimulateOptions& options)
      : factor_(factor),
        sobol_(sobol),
        options_(options),
        normals_((factor.rank() + kDrawsRound) * kStrip),
        chi_squared_(kStrip) {}

  void step(std::uint64_t first, std::uint32_t number, T* returns) override {
    const DrawRange range{options_.seed, first, number};
    if (sobol_ != nullptr) {
      points(range);
    } else {
      draw(range, factor_.rank(), normals_.data());
    }
    if (options_.distribution == Distribution::student_t) {
      chi(range, options_.degrees_of_freedom, chi_squared_.data());
      steps(T{}).spread(chi_squared_.data(), static_cast<T>(options_.degrees_of_freedom), factor_.rank(),
                        normals_.data());
    }
    steps(T{}).returns(factor_.tiles().data(), factor_.tiles().size(), normals_.data(), returns);
    if (options_.distribution == Distribution::lognormal) expm1s(factor_.assets() * kStrip, returns);
  }

 private:
  void points(const DrawRange& range) {
    double uniform[kStrip];
    for (std::size_t k = 0; k < factor_.rank(); ++k) {
      sobol_->points(range.step * factor_.rank() + k, range.first_path, kStrip, uniform);
      for (std::size_t p = 0; p < kStrip; ++p) {
        normals_.data()[k * kStrip + p] = static_cast<T>(normal_quantile(uniform[p]));
      }
    }
  }

  const PackedFactor<T>& factor_;
  const Sobol* sobol_;
  const SimulateOptions& options_;
  Lines<T> normals_, chi_squared_;
};

}  // namespace

template <class T>
std::unique_ptr<StepReturns<T>> model_returns(const PackedFactor<T>& factor, const Sobol* sobol,
                                              const SimulateOptions& options) {
  return std::make_unique<ModelReturns<T>>(factor, sobol, options);
}
template std::unique_ptr<StepReturns<float>> model_returns(const PackedFactor<float>&, const Sobol*,
                                                           const SimulateOptions&);
template std::unique_ptr<StepReturns<double>> model_returns(const PackedFactor<double>&, const Sobol*,
                                                            const SimulateOptions&);

}  // namespace portfolio
