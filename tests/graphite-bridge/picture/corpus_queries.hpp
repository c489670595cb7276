#pragma once
// Queries as they stand in a file, asked of the corpus' points as they were at its end.

#include <cstdint>
#include <istream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "graphite-bridge/parameters.hpp"

namespace dadvisor::graphite::picture::test {

constexpr std::int64_t corpus_now = 1480312800;

inline std::string unescaped(std::string const& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

inline Parameters parse_query(std::string const& query) {
  Parameters out;
  std::stringstream parts(query);
  for (std::string part; std::getline(parts, part, '&');) {
    auto const equals = part.find('=');
    out.emplace(unescaped(part.substr(0, equals)), unescaped(part.substr(equals + 1)));
  }
  return out;
}

// Name and query string of each line: NAME TAB QUERY; # begins a comment.
inline std::vector<std::pair<std::string, std::string>> read_queries(std::istream& file) {
  std::vector<std::pair<std::string, std::string>> out;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    auto const tab = line.find('\t');
    out.emplace_back(line.substr(0, tab), line.substr(tab + 1));
  }
  return out;
}

}  // namespace dadvisor::graphite::picture::test
