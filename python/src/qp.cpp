#include "portfolio/qp.hpp"

#include <algorithm>

#include "arrays.hpp"
#include "interrupt.hpp"

namespace {

using portfolio::QpProblem;

portfolio::QpMethod parse_method(const std::string& name, const char* function) {
  using portfolio::QpMethod;
  for (const QpMethod method : {QpMethod::automatic, QpMethod::active_set, QpMethod::interior_point}) {
    if (name == portfolio::to_string(method)) return method;
  }
  throw std::invalid_argument(std::string("[") + function +
                              "] method: expected \"auto\", \"active_set\" or \"interior_point\", got \"" + name +
                              "\"");
}

template <class T>
T option(const py::tuple& given, std::size_t place, const char* function, const char* name, const char* expected) {
  try {
    return given[place].cast<T>();
  } catch (const py::cast_error&) {
    throw std::invalid_argument(std::string("[") + function + "] " + name + ": expected " + expected + ", got " +
                                py::cast<std::string>(py::repr(given[place])));
  }
}

// The options as Python passes them, by place: a call of a small problem takes tens of microseconds.
struct Options {
  portfolio::QpOptions values;

  Options(const py::tuple& given, const char* function) {
    values.tolerance = option<double>(given, 0, function, "tolerance", "a number");
    values.max_iterations = option<int>(given, 1, function, "max_iterations", "a whole number");
    values.polish = option<bool>(given, 2, function, "polish", "True or False");
    values.device = portfolio::parse_device(option<std::string>(given, 3, function, "device", "a string"), function);
    values.method = parse_method(option<std::string>(given, 4, function, "method", "a string"), function);
    values.interrupt =
        interrupt_of(option<std::optional<double>>(given, 5, function, "time_limit", "seconds or None"),
                     option<portfolio::CancelToken*>(given, 6, function, "cancel", "a CancelToken or None"));
    values.check_matrix = option<bool>(given, 7, function, "check_matrix", "True or False");
  }
};

py::dict to_dict(portfolio::QpResult&& r) {
  static const py::handle x = key("x"), y = key("y"), z = key("z"), z_box = key("z_box"), status = key("status"),
                          objective = key("objective"), primal = key("primal_residual"), dual = key("dual_residual"),
                          gap = key("gap"), iterations = key("iterations"), polished = key("polished"),
                          seconds = key("seconds"), method = key("method"), z_trade = key("z_trade"),
                          turnover_dual = key("turnover_dual");
  py::dict out;
  out[x] = to_numpy(std::move(r.x));
  out[y] = to_numpy(std::move(r.y));
  out[z] = to_numpy(std::move(r.z));
  out[z_box] = to_numpy(std::move(r.z_box));
  out[status] = portfolio::to_string(r.status);
  out[objective] = r.objective;
  out[primal] = r.primal_residual;
  out[dual] = r.dual_residual;
  out[gap] = r.gap;
  out[iterations] = r.iterations;
  out[polished] = r.polished;
  out[seconds] = r.seconds;
  out[method] = portfolio::to_string(r.method);
  if (!r.z_trade.empty()) out[z_trade] = to_numpy(std::move(r.z_trade));
  out[turnover_dual] = r.turnover_dual;
  add_device(out, r.device);
  return out;
}

// The arrays of a problem, in this order wherever they come.
constexpr std::size_t kArrays = 14;
constexpr const char* kNames[kArrays] = {"P",
                                         "q",
                                         "G",
                                         "h",
                                         "A",
                                         "b",
                                         "lb",
                                         "ub",
                                         "start",
                                         "held",
                                         "trading_cost",
                                         "loadings",
                                         "factor_covariance",
                                         "specific_variance"};
constexpr py::ssize_t kAxes[kArrays] = {2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 2, 2, 1};
constexpr std::size_t kStart = 8;
using Arrays = std::vector<MaybeDoubles>;

// What stands before turnover and options in every call.
Arrays arrays_of(const py::args& given) {
  Arrays out(kArrays);
  for (std::size_t i = 0; i < kArrays; ++i) {
    if (!given[i].is_none()) out[i] = given[i].cast<Doubles>();
  }
  return out;
}

template <class Matrix, class Vector>
QpProblem problem_of(const Matrix& matrix, const Vector& vector, double turnover) {
  return {matrix(0), vector(1),  matrix(2),
          vector(3), matrix(4),  vector(5),
          vector(6), vector(7),  {matrix(11), matrix(12), vector(13)},
          vector(9), vector(10), turnover};
}

QpProblem problem_of(const Arrays& given, double turnover, const char* function) {
  return problem_of([&](std::size_t i) { return matrix_view(given[i], function, kNames[i]); },
                    [&](std::size_t i) { return vector_view(given[i], function, kNames[i]); }, turnover);
}

py::dict solve_qp(const py::args& arguments) {
  constexpr const char* name = "solve_qp";
  const Arrays given = arrays_of(arguments);
  Options options(arguments[kArrays + 1], name);
  const QpProblem problem = problem_of(given, arguments[kArrays].cast<double>(), name);
  options.values.start = vector_view(given[kStart], name, "start");
  portfolio::QpResult result;
  {
    const py::gil_scoped_release release;
    result = portfolio::solve_qp(problem, options.values);
  }
  return to_dict(std::move(result));
}

std::vector<portfolio::QpResult> solve_all(const std::vector<QpProblem>& problems,
                                           const std::vector<portfolio::VectorView>& starts,
                                           portfolio::QpOptions& options) {
  options.starts = starts.data();
  const py::gil_scoped_release release;
  return portfolio::solve_qp_batch(problems, options);
}

// One field of all results: an array of numbers, a list of words, an array with a row for each.
template <class Field>
auto numbers(const std::vector<portfolio::QpResult>& results, Field portfolio::QpResult::* field) {
  py::array_t<Field> out(static_cast<py::ssize_t>(results.size()));
  Field* to = out.mutable_data();
  for (const auto& result : results) *to++ = result.*field;
  return out;
}

template <class Word>
py::list words(const std::vector<portfolio::QpResult>& results, const Word& word) {
  py::list out(results.size());
  std::string last;
  py::str text(last);
  for (std::size_t k = 0; k < results.size(); ++k) {
    const std::string own = word(results[k]);
    if (own != last) text = py::str(last = own);  // most are the same object
    out[k] = text;
  }
  return out;
}

py::array_t<double> rows(const std::vector<portfolio::QpResult>& results,
                         std::vector<double> portfolio::QpResult::* field) {
  const std::size_t width = results.empty() ? 0 : (results[0].*field).size();
  py::array_t<double> out({results.size(), width});
  double* to = out.mutable_data();
  for (const auto& result : results) to = std::copy((result.*field).begin(), (result.*field).end(), to);
  return out;
}

// The fields of to_dict, each for all results of one shape: an object for each would take longer than a small problem.
py::dict to_columns(const std::vector<portfolio::QpResult>& results) {
  using Result = portfolio::QpResult;
  py::dict out;
  out["x"] = rows(results, &Result::x);
  out["y"] = rows(results, &Result::y);
  out["z"] = rows(results, &Result::z);
  out["z_box"] = rows(results, &Result::z_box);
  out["status"] = words(results, [](const Result& r) { return portfolio::to_string(r.status); });
  out["objective"] = numbers(results, &Result::objective);
  out["primal_residual"] = numbers(results, &Result::primal_residual);
  out["dual_residual"] = numbers(results, &Result::dual_residual);
  out["gap"] = numbers(results, &Result::gap);
  out["iterations"] = numbers(results, &Result::iterations);
  out["polished"] = numbers(results, &Result::polished);
  out["seconds"] = numbers(results, &Result::seconds);
  out["method"] = words(results, [](const Result& r) { return portfolio::to_string(r.method); });
  if (!results.empty() && !results[0].z_trade.empty()) out["z_trade"] = rows(results, &Result::z_trade);
  out["turnover_dual"] = numbers(results, &Result::turnover_dual);
  out["device"] = words(results, [](const Result& r) { return r.device.name; });
  out["device_reason"] = words(results, [](const Result& r) { return r.device.reason; });
  return out;
}

// One argument of a batch: shared by all problems, or with one more leading axis.
struct Argument {
  const MaybeDoubles& array;
  const char* name;
  py::ssize_t dimensions;  // of one problem's

  bool batched() const { return array && array->ndim() == dimensions + 1; }

  void check(const char* function) const {
    if (array && array->ndim() != dimensions && !batched()) {
      throw std::invalid_argument(std::string("[") + function + "] " + name + ": expected " +
                                  std::to_string(dimensions) + " axes, or one more for a batch, got " +
                                  shape_of(*array));
    }
  }

  portfolio::VectorView vector(std::size_t k) const {
    if (!array) return {};
    const auto size = static_cast<std::size_t>(array->shape(array->ndim() - 1));
    return {array->data() + (batched() ? k * size : 0), size};
  }

  portfolio::MatrixView matrix(std::size_t k) const {
    if (!array) return {};
    const auto rows = static_cast<std::size_t>(array->shape(array->ndim() - 2));
    const auto cols = static_cast<std::size_t>(array->shape(array->ndim() - 1));
    return {array->data() + (batched() ? k * rows * cols : 0), rows, cols};
  }
};

py::dict solve_qp_batch(const py::args& all) {
  constexpr const char* name = "solve_qp_batch";
  const Arrays given = arrays_of(all);
  Options options(all[kArrays + 1], name);
  std::vector<Argument> arguments;
  const MaybeDoubles limit = all[kArrays].cast<Doubles>();
  for (std::size_t i = 0; i < kArrays; ++i) arguments.push_back({given[i], kNames[i], kAxes[i]});
  arguments.push_back({limit, "turnover", 0});
  const Argument* first = nullptr;
  for (const Argument& argument : arguments) {
    argument.check(name);
    if (!argument.batched()) continue;
    if (first == nullptr) first = &argument;
    if (argument.array->shape(0) != first->array->shape(0)) {
      throw std::invalid_argument(std::string("[") + name + "] " + argument.name + ": expected a batch of " +
                                  std::to_string(first->array->shape(0)) + " as in " + first->name + ", got " +
                                  shape_of(*argument.array));
    }
  }
  if (first == nullptr) {
    throw std::invalid_argument(std::string("[") + name +
                                "] arguments: expected at least one with a leading batch axis, got none");
  }
  const auto count = static_cast<std::size_t>(first->array->shape(0));
  std::vector<QpProblem> problems(count);
  std::vector<portfolio::VectorView> starts(count);
  for (std::size_t k = 0; k < count; ++k) {
    problems[k] =
        problem_of([&](std::size_t i) { return arguments[i].matrix(k); },
                   [&](std::size_t i) { return arguments[i].vector(k); }, limit->data()[limit->ndim() == 0 ? 0 : k]);
    starts[k] = arguments[kStart].vector(k);
  }
  return to_columns(solve_all(problems, starts, options.values));
}

// Problems of any shapes. Arrays that are the same object are shared, not copied.
py::list solve_qp_list(const std::vector<Arrays>& given, const std::vector<double>& turnover, const py::tuple& with) {
  constexpr const char* name = "solve_qp_batch";
  Options options(with, name);
  std::vector<QpProblem> problems;
  std::vector<portfolio::VectorView> starts;
  for (std::size_t k = 0; k < given.size(); ++k) {
    problems.push_back(problem_of(given[k], turnover[k], name));
    starts.push_back(vector_view(given[k][kStart], name, "start"));
  }
  py::list out;
  for (auto& result : solve_all(problems, starts, options.values)) out.append(to_dict(std::move(result)));
  return out;
}

}  // namespace

// portfolio_engine/qp.py is the only caller: the arrays in the order of kNames, turnover, the options in their order.
void init_qp(py::module_& m) {
  m.def("solve_qp", &solve_qp);
  m.def("solve_qp_batch", &solve_qp_batch);
  m.def("solve_qp_list", &solve_qp_list, py::arg("problems"), py::arg("turnover"), py::arg("options"));
}
