// Our answers against those recorded from the real carbon and whisper (tests/fixtures/carbon).

#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "graphite-bridge/carbon/aggregation_rules.hpp"
#include "graphite-bridge/carbon/name_list.hpp"
#include "graphite-bridge/carbon/pickled_points.hpp"
#include "graphite-bridge/carbon/point_path.hpp"
#include "graphite-bridge/carbon/rewrite_rules.hpp"
#include "graphite-bridge/carbon/storage_aggregation.hpp"
#include "graphite-bridge/carbon/storage_schemas.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/series.hpp"

using namespace dadvisor::graphite;

namespace {

std::string read_fixture(std::string const& name) {
  std::ifstream file(std::string(DADVISOR_FIXTURES) + "/carbon/" + name);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string text_of(Archives const& archives) {
  std::string text;
  for (Archive const& archive : archives) {
    if (!text.empty()) text += ',';
    text += std::to_string(archive.step) + ":" + std::to_string(archive.points);
  }
  return text;
}

std::string text_of(Point const& point) {
  return std::string(point.path) + " " + repr(point.value) + " " + repr(point.time);
}

std::string method_name(AggregationMethod method) {
  static std::map<AggregationMethod, std::string> const names{
      {AggregationMethod::average, "average"}, {AggregationMethod::sum, "sum"},
      {AggregationMethod::last, "last"},       {AggregationMethod::max, "max"},
      {AggregationMethod::min, "min"},         {AggregationMethod::avg_zero, "avg_zero"},
      {AggregationMethod::absmax, "absmax"},   {AggregationMethod::absmin, "absmin"}};
  return names.at(method);
}

std::vector<double> numbers(std::string const& text) {
  std::vector<double> values;
  std::istringstream words(text);
  for (std::string word; words >> word;)
    values.push_back(word == "None" ? absent : parse_float(word).value());
  return values;
}

std::string unhex(std::string const& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

struct Files {
  LoadedSchemas schemas = parse_storage_schemas(read_fixture("storage-schemas.conf"), "schemas");
  LoadedAggregations aggregations =
      parse_storage_aggregation(read_fixture("storage-aggregation.conf"), "aggregation");
  LoadedAggregationRules rules =
      parse_aggregation_rules(read_fixture("aggregation-rules.conf"), "rules");
  LoadedRewriteRules rewrites = parse_rewrite_rules(read_fixture("rewrite-rules.conf"), "rewrite");
  LoadedNameList white = parse_name_list(read_fixture("whitelist.conf"), "white");
  LoadedNameList black = parse_name_list(read_fixture("blacklist.conf"), "black");
};

std::string answer(Files const& files, std::string const& kind, std::string question) {
  if (kind == "schema") return text_of(files.schemas.schemas.archives(question));
  if (kind == "aggregation") {
    auto const how = files.aggregations.aggregations.of(question);
    return method_name(how.method) + " " + repr(how.x_files_factor);
  }
  if (kind == "rules") {
    std::string text;
    for (std::size_t i = 0; i < files.rules.rules.size(); ++i)
      if (auto const output = files.rules.rules[i].output(question))
        text += (text.empty() ? "" : " ") + std::to_string(i) + ":" + *output;
    return text;
  }
  if (kind == "pre") return rewritten(files.rewrites.pre, question);
  if (kind == "post") return rewritten(files.rewrites.post, question);
  if (kind == "whitelist") return files.white.names.contains(question) ? "1" : "0";
  if (kind == "blacklist") return files.black.names.contains(question) ? "1" : "0";
  if (kind == "retentions") {
    auto const archives = parse_retentions(question);
    return archives ? text_of(*archives) : "!";
  }
  if (kind == "path") return canonical_path(question).value_or("!");
  if (kind == "line") {
    if (auto const tab = question.find("\\t"); tab != std::string::npos)
      question.replace(tab, 2, "\t");
    auto const point = parse_point_line(question);
    return point ? text_of(*point) : "!";
  }
  if (kind == "pickle") {
    std::string text;
    auto const read = read_pickled_points(unhex(question), [&](Point const& point) {
      text += (text.empty() ? "" : "|") + text_of(point);
    });
    REQUIRE(read);
    return text;
  }
  auto const space = kind.find(' ');
  auto const values = numbers(question);
  if (kind.starts_with("method ")) {
    for (auto const method :
         {RuleMethod::sum, RuleMethod::avg, RuleMethod::min, RuleMethod::max, RuleMethod::p50,
          RuleMethod::p75, RuleMethod::p80, RuleMethod::p90, RuleMethod::p95, RuleMethod::p99,
          RuleMethod::p999, RuleMethod::count}) {
      static constexpr std::array names{"sum", "avg", "min", "max", "p50",  "p75",
                                        "p80", "p90", "p95", "p99", "p999", "count"};
      if (kind.substr(space + 1) == names[static_cast<std::size_t>(method)])
        return repr(apply_rule_method(method, values));
    }
  }
  if (kind.starts_with("aggregate ")) {
    std::istringstream words(kind.substr(space));
    std::string name;
    StorageAggregation how;
    words >> name >> how.x_files_factor;
    while (method_name(how.method) != name)
      how.method = static_cast<AggregationMethod>(static_cast<int>(how.method) + 1);
    auto const value = aggregate_points(how, values);
    return value ? repr(*value) : "-";
  }
  return "unknown kind";
}

}  // namespace

TEST_CASE("carbon's files and lines mean what they mean to carbon") {
  Files const files;
  CHECK(files.schemas.errors.empty());
  CHECK(files.aggregations.errors.empty());
  CHECK(files.rules.errors.empty());
  CHECK(files.rewrites.errors.empty());
  CHECK(files.white.errors.empty());
  CHECK(files.black.errors.empty());
  std::istringstream answers(read_fixture("answers.tsv"));
  std::set<std::string> kinds;
  for (std::string line; std::getline(answers, line);) {
    auto const first = line.find('\t'), second = line.find('\t', first + 1);
    auto const kind = line.substr(0, first);
    auto const question = line.substr(first + 1, second - first - 1);
    INFO(kind << ": " << question);
    CHECK(answer(files, kind, question) == line.substr(second + 1));
    kinds.insert(kind.substr(0, kind.find(' ')));
  }
  CHECK(kinds.size() == 13);
}
