#include "simd_use.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 says so of its own std::regex under sanitizers
#endif

#include <map>
#include <regex>
#include <set>
#include <vector>

namespace fake {
namespace {

std::string bare(const std::string& source) {  // no comments, no [[attributes]]
  static const std::regex noise(R"(//[^\n]*|\[\[[^\]]*\]\])");
  return std::regex_replace(source, noise, " ");
}

// Where the bracket at `open` closes.
std::size_t close_of(const std::string& text, std::size_t open, char left, char right) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == left) ++depth;
    if (text[i] == right && --depth == 0) return i;
  }
  return text.size();
}

// The bodies of all functions by name; overloads together.
std::map<std::string, std::string> bodies(const std::string& text) {
  static const std::regex head(R"(([A-Za-z_]\w*)\s*\()");
  static const std::set<std::string> keywords = {"if", "for", "while", "switch"};
  std::map<std::string, std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), head), end; at != end; ++at) {
    const auto open = static_cast<std::size_t>(at->position() + at->length() - 1);
    const std::size_t body = text.find_first_not_of(" \n\t", close_of(text, open, '(', ')') + 1);
    if (keywords.count((*at)[1]) != 0 || body == std::string::npos || text[body] != '{') continue;
    found[(*at)[1]] += text.substr(body, close_of(text, body, '{', '}') - body);
  }
  return found;
}

// A template's instance has a name of its own: [[host_name("sum_64")]] kernel void sum<64>(...).
std::string function_of(const std::string& source, const std::string& kernel) {
  const std::size_t named = source.find("host_name(\"" + kernel + "\")");
  std::smatch match;
  static const std::regex head(R"(kernel\s+void\s+(\w+))");
  const std::string rest = named == std::string::npos ? "" : source.substr(named);
  return std::regex_search(rest, match, head) ? match[1].str() : kernel;
}

}  // namespace

bool uses_simd(const std::string& source, const std::string& kernel) {
  static const std::regex word(R"([A-Za-z_]\w*)");
  const auto functions = bodies(bare(source));
  std::vector<std::string> open = {function_of(source, kernel)};
  std::set<std::string> seen;
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    const auto found = functions.find(name);
    if (!seen.insert(name).second || found == functions.end()) continue;
    const std::string& body = found->second;
    for (std::sregex_iterator at(body.begin(), body.end(), word), end; at != end; ++at) {
      const std::string used = at->str();
      if (used.rfind("simd_", 0) == 0 || (used.rfind("simdgroup_", 0) == 0 && used != "simdgroup_barrier")) return true;
      open.push_back(used);
    }
  }
  return false;
}

}  // namespace fake
