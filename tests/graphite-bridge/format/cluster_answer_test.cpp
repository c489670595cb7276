#include "graphite-bridge/format/cluster_answer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "graphite-bridge/format/python_pickle.hpp"
#include "made_series.hpp"

using namespace dadvisor::graphite;
using namespace std::string_literals;
using test::series;

namespace {

nlohmann::json unpacked(std::string const& bytes) { return nlohmann::json::from_msgpack(bytes); }

}  // namespace

// The bytes are those that pickletools' table of opcodes gives; tests/e2e lets Python read them.
TEST_CASE("a pickle is a list of dictionaries that executes nothing") {
  PythonPickle pickle;
  pickle.open_list();
  pickle.open_dictionary();
  pickle.text("a\xff");
  pickle.integer(1480294860);
  pickle.text("b");
  pickle.integer(-2);
  pickle.close_dictionary();
  pickle.integer(std::int64_t{1} << 40);
  pickle.boolean(true);
  pickle.boolean(false);
  pickle.real(1.5);
  pickle.real(absent);
  pickle.close_list();
  CHECK(pickle.take() ==
        "\x80\x02](}("
        "X\x04\0\0\0a\xef\xbf\xbd"
        "J\xcc\x81\x3b\x58"
        "X\x01\0\0\0bJ\xfe\xff\xff\xffu"
        "\x8a\x08\0\0\0\0\0\x01\0\0"
        "\x88\x89G\x3f\xf8\0\0\0\0\0\0Ne."s);
}

TEST_CASE("MessagePack has what graphite-web's cluster reads") {
  auto one = series("a\xff", 60, 10, {1.5, absent});
  one.path_expression = "a*";
  one.consolidation = Consolidation::avg_zero;
  one.x_files_factor = 0.5;
  auto const list = unpacked(to_cluster(SeriesList{one}, ClusterFormat::message_pack));
  REQUIRE(list.size() == 1);
  CHECK(list[0] == nlohmann::json{{"name", "a\xef\xbf\xbd"},
                                  {"start", 60},
                                  {"end", 80},
                                  {"step", 10},
                                  {"values", {1.5, nullptr}},
                                  {"pathExpression", "a*"},
                                  {"valuesPerPoint", 1},
                                  {"consolidationFunc", "avg_zero"},
                                  {"xFilesFactor", 0.5}});
  CHECK(unpacked(to_cluster(SeriesList{}, ClusterFormat::message_pack)).empty());
}

TEST_CASE("whole numbers are integers to graphite-web's cluster") {
  auto one = series("a", 60, 10, {2, absent, 2.5});
  auto const reals = to_cluster(SeriesList{one}, ClusterFormat::pickle);
  CHECK(reals.find("](G@\0\0\0\0\0\0\0NG@\4\0\0\0\0\0\0e"s) != reals.npos);
  one.whole = true;
  auto const integers = to_cluster(SeriesList{one}, ClusterFormat::pickle);
  CHECK(integers.find("](J\2\0\0\0NG@\4\0\0\0\0\0\0e"s) != integers.npos);
  auto const list = unpacked(to_cluster(SeriesList{one}, ClusterFormat::message_pack));
  auto const& values = list.at(0).at("values");
  CHECK(values == nlohmann::json{2, nullptr, 2.5});
  CHECK(values[0].is_number_integer());
}

TEST_CASE("nodes as MessagePack have intervals where they are leaves") {
  std::vector<FoundNode> const nodes{{"a", false}, {"a.b", true}};
  auto const list = unpacked(to_cluster(nodes, 1480294860, ClusterFormat::message_pack));
  REQUIRE(list.size() == 2);
  CHECK(list[0] == nlohmann::json{{"path", "a"}, {"is_leaf", false}});
  CHECK(list[1]["path"] == "a.b");
  CHECK(list[1]["is_leaf"] == true);
  CHECK(list[1]["intervals"] == nlohmann::json::array({{0, 1480294860}}));
}
