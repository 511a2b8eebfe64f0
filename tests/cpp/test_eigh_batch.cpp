// A batch is the loop, bit for bit, for any number of threads.
#include <random>

#include "check.hpp"
#include "portfolio/eigh.hpp"

using namespace portfolio;

namespace {

Matrix random_symmetric(std::size_t n) {
  std::mt19937_64 engine(n);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  Matrix m(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) m(i, j) = m(j, i) = uniform(engine);
  }
  return m;
}

}  // namespace

int main() {
  std::vector<Matrix> matrices;
  for (const std::size_t n : {1u, 16u, 50u, 51u, 7u, 130u, 32u}) matrices.push_back(random_symmetric(n));
  matrices.emplace_back(9, 9);         // zeros
  matrices.emplace_back(60, 60, 1.0);  // one eigenvalue 59 times
  std::vector<MatrixView> views;
  for (const Matrix& m : matrices) views.push_back(m.view());
  for (const std::size_t threads : {1u, 4u}) {
    set_num_threads(threads);
    const auto batch = eigh_batch(views);
    CHECK(batch.size() == matrices.size());
    for (std::size_t k = 0; k < matrices.size(); ++k) {
      const auto alone = eigh(views[k]);
      CHECK(batch[k].values == alone.values && batch[k].vectors.data == alone.vectors.data);
      CHECK(batch[k].device.name == "cpu" && !batch[k].device.reason.empty());
    }
  }
  CHECK(eigh_batch({}).empty());
  matrices[2](3, 1) += 0.5;
  CHECK_THROWS(eigh_batch(views), "[eigh_batch] matrices[2]: expected a symmetric matrix, got");
  views[1] = MatrixView{matrices[1].data.data(), 1, 4};
  CHECK_THROWS(eigh_batch(views), "[eigh_batch] matrices[1]: expected a square matrix, got shape (1, 4)");
  return check::finish();
}
