#include "aggregator/alert/journal.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "aggregator/alert/state_json.hpp"
#include "rules_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;
using namespace dadvisor::aggregator::alert::test;

namespace {

InstanceState firing() {
  InstanceState state;
  state.status = Status::firing;
  state.level = Level::crit;
  state.since = at(1040);
  state.crit_since = at(1010);
  state.last_data = at(1040);
  state.value = 97.25;
  state.path = "a.1.x";
  state.incident = "01ARYZ6S410000000000000000";
  state.sequence = 1;
  state.opened = at(1040);
  state.began = at(1010);
  state.labels = {{"app", "cart"}, {"owner", "pay"}};
  state.title = "CPU of cart \"\xe8\xbd\xa6\"";
  return state;
}

Transition fired() {
  Transition transition;
  transition.rule = "r1";
  transition.instance = "a.1.x";
  transition.tick = at(1040);
  transition.from = Status::pending;
  transition.from_level = Level::crit;
  transition.state = firing();
  transition.notice = true;
  transition.condition = "> 90 for 30s";
  transition.expr = "a.*.x";
  transition.notify = {"owner"};
  return transition;
}

std::string slurp(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> files_in(std::string const& directory) {
  std::vector<std::string> out;
  for (auto const& entry : std::filesystem::directory_iterator(directory))
    out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

Log const quiet("test", LogLevel::error);

}  // namespace

TEST_CASE("a transition comes back from JSON as it was") {
  auto const transition = fired();
  auto const back = transition_from_json(to_json(transition));
  REQUIRE(back);
  CHECK(*back == transition);
  Transition plain;
  plain.rule = "r";
  plain.instance = "i";
  auto const plain_back = transition_from_json(to_json(plain));
  REQUIRE(plain_back);
  CHECK(*plain_back == plain);
}

TEST_CASE("JSON that is no transition is malformed") {
  for (auto const* text :
       {"[]", "{}", R"({"tick":1,"from":"OK","notice":true})",
        R"({"tick":"x","from":"OK","notice":true,"state":{"status":"OK","since":1,"last_data":1}})",
        R"({"tick":1,"from":"BAD","notice":true,"state":{"status":"OK","since":1,"last_data":1}})",
        R"({"tick":1,"from":"OK","notice":1,"state":{"status":"OK","since":1,"last_data":1}})",
        R"({"tick":1,"from":"OK","notice":true,"state":{"status":"OK","since":1}})"})
    CHECK_FALSE(transition_from_json(boost::json::parse(text)));
}

TEST_CASE("the journal's bytes are those of the golden file") {
  TemporaryDirectory directory;
  Journal journal({directory.path(), seconds(3600), 1 << 20, seconds(86400)}, quiet);
  States states;
  states["r1"]["a.2.x"].last_data = at(1030);
  REQUIRE(journal.write(at(1030), {}, states, {}));
  states["r1"]["a.1.x"] = firing();
  REQUIRE(journal.write(at(1040), {fired()}, states, {}));
  auto const bytes = slurp(directory.path() + "/alert-000000001030.journal");
  auto const golden = slurp(std::string(DADVISOR_FIXTURES) + "/alert/alert-000000001030.journal");
  CHECK(bytes == golden);
}

TEST_CASE("a journal cut at any byte yields the ticks before the cut, and never a wrong state") {
  auto const golden = slurp(std::string(DADVISOR_FIXTURES) + "/alert/alert-000000001030.journal");
  REQUIRE(golden.size() > 100);
  std::string checkpoint(record_magic);
  States states;
  states["r1"]["a.2.x"].last_data = at(1030);
  append_record(checkpoint, checkpoint_record(at(1030), states));
  append_record(checkpoint, tick_record(at(1030), {}));
  for (std::size_t cut = 0; cut <= golden.size(); ++cut) {
    auto const read = parse_records(std::string_view(golden).substr(0, cut));
    if (cut < record_magic.size()) {
      CHECK_FALSE(read);
      continue;
    }
    REQUIRE(read);
    Recovered recovered;
    for (auto const& record : read->records) REQUIRE(apply_record(record, recovered));
    if (cut == golden.size()) {
      CHECK_FALSE(read->torn);
      CHECK(recovered.states.at("r1").at("a.1.x") == firing());
      CHECK(recovered.notices == std::vector{fired()});
    } else if (cut >= checkpoint.size()) {
      CHECK(read->torn == (cut != checkpoint.size()));
      CHECK(recovered.states == states);
      CHECK(recovered.notices.empty());
    }
  }
}

TEST_CASE("a flipped bit is found, and zero bytes are no record") {
  std::string bytes(record_magic);
  append_record(bytes, "one");
  append_record(bytes, "two");
  for (std::size_t i = record_magic.size(); i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    auto const read = parse_records(damaged);
    REQUIRE(read);
    CHECK(read->torn);
    CHECK(read->records.size() == (i < record_magic.size() + 11 ? 0 : 1));
  }
  auto const zeros = parse_records(bytes + std::string(64, '\0'));
  REQUIRE(zeros);
  CHECK(zeros->torn);
  CHECK(zeros->records.size() == 2);
}

TEST_CASE("a restart reads the newest file and gets state and notices back") {
  TemporaryDirectory directory;
  {
    Journal journal({directory.path(), seconds(100), 1 << 20, seconds(86400)}, quiet);
    States states;
    REQUIRE(journal.write(at(1000), {}, states, {}));
    states["r1"]["a.1.x"] = firing();
    REQUIRE(journal.write(at(1100), {fired()}, states, {}));  // due: a new file
    REQUIRE(journal.write(at(1110), {}, states, {}));
  }
  CHECK(files_in(directory.path()) ==
        std::vector<std::string>{"alert-000000001000.journal", "alert-000000001100.journal"});
  auto const recovered = Journal::recover(directory.path(), quiet);
  REQUIRE(recovered);
  CHECK(recovered->tick == at(1110));
  CHECK(recovered->states.at("r1").at("a.1.x") == firing());
  CHECK(recovered->notices == std::vector{fired()});
}

TEST_CASE("a newest file without a whole checkpoint gives way to the one before it") {
  TemporaryDirectory directory;
  {
    Journal journal({directory.path(), seconds(3600), 1 << 20, seconds(86400)}, quiet);
    States states;
    states["r1"]["a.1.x"] = firing();
    REQUIRE(journal.write(at(1000), {}, states, {}));
  }
  std::ofstream(directory.path() + "/alert-000000002000.journal") << "DADVREC1\x10";
  auto const recovered = Journal::recover(directory.path(), Log("test", LogLevel::error));
  REQUIRE(recovered);
  CHECK(recovered->tick == at(1000));
  CHECK(recovered->states.at("r1").size() == 1);
}

TEST_CASE("an empty directory is a first start, one of unreadable files is an error") {
  TemporaryDirectory directory;
  auto const first = Journal::recover(directory.path() + "/new", quiet);
  REQUIRE(first);
  CHECK_FALSE(first->tick);
  std::ofstream(directory.path() + "/alert-000000002000.journal") << "other";
  CHECK_FALSE(Journal::recover(directory.path(), quiet));
}

TEST_CASE("notices that nobody took go along into the next file") {
  TemporaryDirectory directory;
  {
    Journal journal({directory.path(), seconds(10), 1 << 20, seconds(86400)}, quiet);
    States states;
    REQUIRE(journal.write(at(1040), {fired()}, states, {}));
    auto newer = firing();
    newer.value = 99;
    states["r1"]["a.1.x"] = newer;
    REQUIRE(journal.write(at(1050), {}, states, {fired()}));
  }
  auto const recovered = Journal::recover(directory.path(), quiet);
  REQUIRE(recovered);
  CHECK(recovered->notices == std::vector{fired()});
  CHECK(recovered->states.at("r1").at("a.1.x").value == 99);  // not set back by the old notice
}

TEST_CASE("files older than they are kept go") {
  TemporaryDirectory directory;
  Journal journal({directory.path(), seconds(10), 1 << 20, seconds(100)}, quiet);
  for (int t = 1000; t <= 1150; t += 10) REQUIRE(journal.write(at(t), {}, {}, {}));
  auto const files = files_in(directory.path());
  CHECK(files.front() == "alert-000000001050.journal");
  CHECK(files.size() == 11);
}
