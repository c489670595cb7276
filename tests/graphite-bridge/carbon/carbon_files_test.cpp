#include <catch2/catch.hpp>

#include "graphite-bridge/carbon/aggregation_rules.hpp"
#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_list.hpp"
#include "graphite-bridge/carbon/rewrite_rules.hpp"
#include "graphite-bridge/carbon/storage_aggregation.hpp"
#include "graphite-bridge/carbon/storage_schemas.hpp"

using namespace dadvisor::graphite;

namespace {

// The one error of a file, which must begin with "FILE:LINE: ".
void check_error(std::vector<std::string> const& errors, std::string const& where,
                 std::string const& what) {
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].substr(0, where.size()) == where);
  CHECK(errors[0].find(what) != std::string::npos);
}

}  // namespace

TEST_CASE("without a file paths are kept as carbon keeps them by default") {
  StorageSchemas const schemas;
  CHECK(schemas.archives("any.path") == Archives{{60, 60 * 24 * 7}});
  auto const how = StorageAggregations().of("any.path");
  CHECK(how.method == AggregationMethod::average);
  CHECK(how.x_files_factor == 0.5);
}

TEST_CASE("a slip in storage-schemas.conf is named by line, with what to do") {
  auto const errors = [](std::string const& text) {
    return parse_storage_schemas(text, "s").errors;
  };
  check_error(errors("[a]\npattern = x\nretentions = 10s\n"), "s:3: ", "write STEP:TIME");
  check_error(errors("[a]\npattern = x\nretentions = 10s:6h,15s:7d\n"), "s:3: ", "multiple");
  check_error(errors("[a]\npattern = (?=x)y\nretentions = 10s:6h\n"), "s:2: ", "look-around");
  check_error(errors("[a]\npattern = (a)\\1\nretentions = 10s:6h\n"), "s:2: ", "back references");
  check_error(errors("[a]\nretentions = 10s:6h\n"), "s:1: ", "add \"pattern");
  check_error(errors("[a]\npattern = x\n"), "s:1: ", "add \"retentions");
  check_error(errors("pattern = x\n"), "s:1: ", "write [NAME]");
  check_error(errors("[a]\npattern = x\nretentions = 10s:6h\nwhat\n"), "s:4: ", "key = value");
  check_error(errors("[a]\npattern = 5%\nretentions = 10s:6h\n"), "s:2: ", "write %%");
  check_error(
      errors("[a]\npattern = x\nretentions = 10s:6h\n[a]\npattern = y\nretentions = 1s:1h\n"),
      "s:4: ", "twice");
  check_error(errors("[a]\npattern = x\npattern = y\nretentions = 10s:6h\n"), "s:3: ", "twice");
  check_error(errors("[DEFAULT]\npattern = x\nretentions = 10s:6h\n"), "s:1: ", "[default]");
  check_error(errors("[a]\npattern = x\nretentions = 1s:99999999999y\n"), "s:3: ", "no time");
}

TEST_CASE("a slip in storage-aggregation.conf is named by line, with what to do") {
  auto const errors = [](std::string const& text) {
    return parse_storage_aggregation(text, "a").errors;
  };
  check_error(errors("[a]\npattern = x\nxFilesFactor = 2\n"), "a:3: ", "0 to 1");
  check_error(errors("[a]\npattern = x\nxFilesFactor = nan\n"), "a:3: ", "0 to 1");
  check_error(errors("[a]\npattern = x\naggregationMethod = mean\n"), "a:3: ", "average");
  check_error(errors("[a]\nxFilesFactor = 0\n"), "a:1: ", "pattern");
}

TEST_CASE("a slip in aggregation-rules.conf is named by line, with what to do") {
  auto const errors = [](std::string const& text) {
    return parse_aggregation_rules(text, "r").errors;
  };
  check_error(errors("# a comment\na (60) = mean b\n"), "r:2: ", "write sum");
  check_error(errors("a (0) = sum b\n"), "r:1: ", "seconds");
  check_error(errors("a (x) = sum b\n"), "r:1: ", "seconds");
  check_error(errors("a = sum b\n"), "r:1: ", "METHOD INPUT");
  check_error(errors("a (60) sum b\n"), "r:1: ", "METHOD INPUT");
  check_error(errors("a.<x> (60) = sum b.<y>\n"), "r:1: ", "no <x>");
  check_error(errors("a.<x (60) = sum b.<x>\n"), "r:1: ", "without its >");
  check_error(errors("a (60) = sum b.(\n"), "r:1: ", "regular expression");
}

TEST_CASE("a slip in rewrite-rules.conf and in a list is named by line") {
  auto const errors = [](std::string const& text) { return parse_rewrite_rules(text, "w").errors; };
  check_error(errors("a = b\n"), "w:1: ", "[pre] or [post]");
  check_error(errors("[pre]\na\n"), "w:2: ", "REGEX = REPLACEMENT");
  check_error(errors("[pre]\n(a = b\n"), "w:2: ", "regular expression");
  check_error(errors("[pre]\na = \\2\n"), "w:2: ", "no group 2");
  check_error(errors("[other]\n"), "w:1: ", "[pre] or [post]");
  check_error(parse_name_list("ok\n(\n", "l").errors, "l:2: ", "regular expression");
}

TEST_CASE("a second heading begins a set of rewrite rules anew") {
  auto const loaded = parse_rewrite_rules("[pre]\na = b\n[post]\nc = d\n[pre]\nb = e\n", "w");
  CHECK(loaded.errors.empty());
  CHECK(rewritten(loaded.pre, "ab") == "ae");
  CHECK(rewritten(loaded.post, "ac") == "ad");
}

TEST_CASE("an empty white list is no list") {
  auto const loaded = parse_name_list("# nothing\n\n", "l");
  CHECK(loaded.errors.empty());
  CHECK(loaded.names.empty());
}
