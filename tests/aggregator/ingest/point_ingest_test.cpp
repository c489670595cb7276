#include "aggregator/ingest/point_ingest.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <limits>

#include "common/core/foreign.hpp"
#include "common/core/frame/frame.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::ingest;

namespace {

constexpr std::int64_t noon = 1'700'000'040;  // a whole minute

// Decodes what it is given, as a replay would, and answers when the test says so.
struct PointStore final : store::Appender {
  std::vector<store::StreamMark> at_start;
  std::deque<std::function<void(Result<void>)>> waiting;
  std::map<std::pair<StreamId, std::uint64_t>, Batch> decoded;
  // Every value that was appended, by path, the newest per time.
  std::map<std::string, std::map<std::int64_t, double>> values;
  std::size_t deltas = 0;
  std::uint64_t unapplied = 0;

  void append(std::string frame, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done) override {
    auto const header = peek_frame(frame);
    REQUIRE(header);
    Batch const* base = nullptr;
    if (header->base) {
      ++deltas;
      base = &decoded.at({header->stream, *header->base});
    }
    auto read = decode_frame(frame, base);
    REQUIRE(read);
    CHECK(*read == *batch);
    CHECK(is_foreign(batch->stream));
    for (std::size_t i = 0; i < batch->rows.size(); ++i) {
      auto const& entity = batch->entities.list().at(batch->rows[i].slot).entity;
      auto const names = foreign_leaf_names(entity);
      CHECK(std::chrono::seconds(foreign_step(entity.key)) == batch->step);
      for (std::size_t cell = 0; cell < batch->rows[i].cells.size(); ++cell)
        if (auto const value = batch->rows[i].cells[cell])
          values[name_of(entity, names.at(cell))][unix_seconds(batch->tick)] = cell_real(*value);
    }
    decoded[{batch->stream, batch->sequence}] = *batch;
    waiting.push_back(std::move(done));
  }
  std::vector<store::StreamMark> marks() const override { return at_start; }
  std::uint64_t unapplied_cells() const override { return unapplied; }

  static std::string name_of(Entity const& entity, std::string_view leaf) {
    auto const& parent = entity.key.container_id;
    if (parent.starts_with(';')) return std::string(leaf) + parent;
    return parent.empty() ? std::string(leaf) : parent + "." + std::string(leaf);
  }
};

struct Receiver {
  test::HandClock clock{from_unix_seconds(noon)};
  PointStore store;
  std::deque<std::function<void()>> posted;
  graphite::CarbonFiles files;
  std::unique_ptr<ForeignRows> rows;
  std::unique_ptr<PointIngest> points;
  std::unique_ptr<http::StreamReader> reader;

  explicit Receiver(graphite::CarbonFiles its_files = {}, RouterOptions options = {},
                    ForeignRowsOptions row_options = {}, std::vector<Entity> known = {}) {
    rows = std::make_unique<ForeignRows>(
        row_options, store, [this](auto function) { posted.push_back(std::move(function)); },
        Log("points", LogLevel::error), std::move(known));
    points = std::make_unique<PointIngest>(
        options, *rows, std::make_shared<graphite::CarbonFiles const>(std::move(its_files)), clock);
    reader = points->line_reader();
  }
  void send(std::string const& text) { CHECK(reader->take(text) == text.size()); }
  void point(std::string const& path, double value, std::int64_t seconds) {
    send(path + " " + std::to_string(value) + " " + std::to_string(noon + seconds) + "\n");
  }
  void answer(Result<void> const& result) {
    for (auto& done : std::exchange(store.waiting, {})) done(result);
    for (auto& function : std::exchange(posted, {})) function();
  }
  void flush() {
    points->tick();
    answer({});
  }
  PointCounters const& counters() const { return points->counters(); }
};

graphite::StorageSchemas schemas(std::string const& text) {
  auto loaded = graphite::parse_storage_schemas(text, "s");
  REQUIRE(loaded.errors.empty());
  return loaded.schemas;
}

using Series = std::map<std::int64_t, double>;

}  // namespace

TEST_CASE("points go into the slots of their step, and the last value of a slot counts") {
  graphite::CarbonFiles files;
  files.schemas = schemas("[a]\npattern = fast$\nretentions = 10s:1h\n");
  Receiver receiver(std::move(files));
  receiver.point("a.fast", 1, 3);
  receiver.point("a.fast", 2, 9);
  receiver.point("a.fast", 3, 10);
  receiver.point("a.slow", 4, 59);
  receiver.point("root", 5, 0);
  receiver.flush();
  CHECK(receiver.store.values["a.fast"] == Series{{noon, 2}, {noon + 10, 3}});
  CHECK(receiver.store.values["a.slow"] == Series{{noon, 4}});  // carbon's default: a minute
  CHECK(receiver.store.values["root"] == Series{{noon, 5}});
  CHECK(receiver.counters().taken == 5);
  CHECK(receiver.rows->counters().series == 3);
}

TEST_CASE("a line counts when its end has come, and -1 is now") {
  Receiver receiver;
  CHECK(receiver.reader->take("a 1 -1\nb 2 ") == 7U);
  receiver.reader->closed(4);
  receiver.flush();
  CHECK(receiver.store.values["a"] == Series{{noon, 1}});
  CHECK(receiver.store.values.size() == 1);
  CHECK(receiver.counters().unfinished == 1);
}

TEST_CASE("what is no point is counted by its reason and harms no other") {
  Receiver receiver;
  receiver.send(
      "a 1\na b c\n\n\xff\xfe 1 2\na..b 1 -1\ndadvisor.x 1 -1\na nan -1\na inf -1\n"
      "a 1e400 -1\na 1 0\na 1 -5\na 1 99999999999\na 1 1e20\na 1 nan\n");
  receiver.point("a", 1, -86'401);
  receiver.point("a", 1, 601);
  receiver.point("a", 7, 0);
  receiver.flush();
  CHECK(receiver.store.values["a"] == Series{{noon, 7}});
  auto const& counters = receiver.counters();
  CHECK(counters.malformed == 3);
  CHECK(counters.bad_names == 3);
  CHECK(counters.not_a_number == 1);
  CHECK(counters.infinite == 2);
  CHECK(counters.too_old == 4);
  CHECK(counters.ahead == 3);
  CHECK(counters.taken == 1);
}

TEST_CASE("a line without end closes its connection alone") {
  Receiver receiver;
  CHECK_FALSE(receiver.reader->take(std::string(most_line_bytes + 1, 'x')));
  auto other = receiver.points->line_reader();
  CHECK(other->take("a 1 -1\n") == 7U);
  receiver.flush();
  CHECK(receiver.store.values.size() == 1);
}

TEST_CASE("tagged points are stored under carbon's form of their name") {
  Receiver receiver;
  receiver.send("disk;rack=a;dc=bj 1 -1\ndisk;dc=bj;rack=a 2 -1\nnet.rx;dc=bj;rack=a 3 -1\n");
  receiver.flush();
  CHECK(receiver.store.values["disk;dc=bj;rack=a"] == Series{{noon, 2}});
  CHECK(receiver.store.values["net.rx;dc=bj;rack=a"] == Series{{noon, 3}});
  CHECK(receiver.rows->counters().entities == 1);
}

TEST_CASE("many leaves of one parent are several entities, and are found again after a restart") {
  std::vector<Entity> known;
  Receiver first;
  std::size_t constexpr leaves = 200;
  for (std::size_t i = 0; i < leaves; ++i)
    first.point("p.leaf" + std::to_string(i), static_cast<double>(i), 0);
  first.flush();
  CHECK(first.rows->counters().entities == 4);  // ceil(200 / 64)
  for (auto const& [key, batch] : first.store.decoded)
    for (auto const& entry : batch.entities) known.push_back(entry.entity);
  Receiver second({}, {}, {}, known);
  CHECK(second.rows->counters().series == leaves);
  for (std::size_t i = leaves; i-- > 0;)
    second.point("p.leaf" + std::to_string(i), static_cast<double>(i) + 0.5, 60);
  second.point("p.new", 1, 60);
  second.flush();
  CHECK(second.rows->counters().entities == 4);
  for (std::size_t i = 0; i < leaves; ++i)
    CHECK(second.store.values["p.leaf" + std::to_string(i)] ==
          Series{{noon + 60, static_cast<double>(i) + 0.5}});
}

TEST_CASE("some hundreds of entities are one stream, which goes on behind a restart") {
  Receiver first;
  std::size_t constexpr parents = ForeignGroup::most_entities + 1;
  auto const name = [](std::size_t i) { return "p" + std::to_string(i) + ".a"; };
  for (std::size_t i = 0; i < parents; ++i) first.point(name(i), static_cast<double>(i), 0);
  first.flush();
  REQUIRE(first.store.decoded.size() == 2);
  auto const& whole = first.store.decoded.at({foreign_stream(60, 0), 1});
  CHECK(whole.rows.size() == ForeignGroup::most_entities);
  CHECK(first.store.decoded.at({foreign_stream(60, 1), 1}).rows.size() == 1);

  // A row alone is a row alone, under the list of all.
  first.point(name(7), 70, 60);
  first.point(name(3), 30, 60);
  first.flush();
  auto const& next = first.store.decoded.at({foreign_stream(60, 0), 2});
  REQUIRE(next.rows.size() == 2);
  CHECK(next.rows[0].slot < next.rows[1].slot);
  CHECK(next.entities == whole.entities);
  CHECK(first.store.values[name(3)] == Series{{noon, 3}, {noon + 60, 30}});
  CHECK(first.store.values[name(7)] == Series{{noon, 7}, {noon + 60, 70}});

  PointStore store;
  store.at_start = {{foreign_stream(60, 0), Lane::fresh, 2}};
  std::vector<Entity> known;
  for (auto const& entry : whole.entities) known.push_back(entry.entity);
  ForeignRows second(
      ForeignRowsOptions(), store, [](auto const&) {}, Log("points", LogLevel::error), known);
  REQUIRE(second.put(*second.find(name(7)), noon + 120, 1));
  second.flush();
  CHECK(store.decoded.contains({foreign_stream(60, 0), 3}));
}

TEST_CASE("a leaf that comes late widens the rows that are open") {
  Receiver receiver;
  for (int i = 0; i < 8; ++i) receiver.point("p.n" + std::to_string(i), i, 0);
  for (int i = 8; i < 30; ++i) {
    receiver.point("p.n" + std::to_string(i), i, 60);
    receiver.point("p.n" + std::to_string(i), i, 0);
  }
  receiver.flush();
  for (int i = 0; i < 8; ++i)
    CHECK(receiver.store.values["p.n" + std::to_string(i)] == Series{{noon, i}});
  for (int i = 8; i < 30; ++i)
    CHECK(receiver.store.values["p.n" + std::to_string(i)] == Series{{noon, i}, {noon + 60, i}});
}

TEST_CASE("a sender's order may change at any time") {
  Receiver receiver;
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back("n" + std::to_string(i));
  for (int round = 0; round < 8; ++round) {
    for (std::size_t i = 0; i < names.size(); ++i) receiver.point(names[i], round, round * 60);
    receiver.flush();
    std::ranges::rotate(names, names.begin() + 7);
    if (round % 3 == 1) std::swap(names[3], names[20]);
  }
  for (auto const& name : names) {
    auto const& series = receiver.store.values[name];
    REQUIRE(series.size() == 8);
    for (int round = 0; round < 8; ++round) CHECK(series.at(noon + round * 60) == round);
  }
  CHECK(receiver.store.deltas > 0);  // names travel once
}

TEST_CASE("a name that is another in any one place is not taken for the expected one") {
  for (std::size_t const length : {1, 7, 31, 32, 33, 47, 63, 64, 65, 90}) {
    for (std::size_t place = 0; place < length; ++place) {
      Receiver receiver;
      std::string const name(length, 'n');
      std::string other = name;
      other[place] = 'o';
      receiver.point(name, 1, 0);
      receiver.point(name, 2, 60);
      receiver.point(name, 3, 120);  // which is expected behind itself by now
      receiver.point(other, 4, 180);
      receiver.flush();
      CHECK(receiver.store.values[name] == Series{{noon, 1}, {noon + 60, 2}, {noon + 120, 3}});
      CHECK(receiver.store.values[other] == Series{{noon + 180, 4}});
    }
  }
}

TEST_CASE("what the log did not take comes again before anything newer") {
  Receiver receiver;
  receiver.point("a", 1, 0);
  receiver.points->tick();
  receiver.point("a", 2, 0);
  receiver.points->tick();  // the first is not answered yet: nothing more is appended
  CHECK(receiver.store.waiting.size() == 1);
  receiver.answer(Error{Errc::unavailable, ENOSPC, "disk full"});
  receiver.store.values.clear();
  receiver.flush();
  CHECK(receiver.store.values["a"] == Series{{noon, 1}});
  receiver.flush();
  CHECK(receiver.store.values["a"] == Series{{noon, 2}});
  CHECK(receiver.rows->counters().again == 1);
}

TEST_CASE("nothing is appended while the store lags") {
  Receiver receiver;
  receiver.store.unapplied = std::uint64_t{1} << 40;
  receiver.point("a", 1, 0);
  receiver.flush();
  CHECK(receiver.store.values.empty());
  receiver.store.unapplied = 0;
  receiver.flush();
  CHECK(receiver.store.values.size() == 1);
}

TEST_CASE("what waits for the log is bounded") {
  ForeignRowsOptions options;
  options.most_waiting_values = 80;  // ten rows of the narrowest schema, eight columns
  Receiver receiver({}, {}, options);
  for (int i = 0; i < 20; ++i) receiver.point("a", i, -60 * i);
  CHECK(receiver.counters().log_full == 10);
  receiver.flush();
  receiver.point("a", 1, 60);
  receiver.flush();
  CHECK(receiver.store.values["a"].size() == 11);
}

TEST_CASE("a sender waits while what came before is on its way, and memory stays bounded") {
  ForeignRowsOptions options;
  options.flushed_values = 80;  // ten rows of the narrowest schema, eight columns
  options.most_unflushed_values = 160;
  options.most_unapplied_cells = 1000;
  Receiver receiver({}, {}, options);
  auto& points = *receiver.points;
  int sent = 0;
  // As a server does; what is left when it has to wait.
  auto const send = [&](int count) {
    for (; count > 0 && points.may_read(); --count) receiver.point("a", 1, -60 * sent++);
    return count;
  };
  CHECK(send(1000) == 1000 - 10 - 20);  // of the first ten the answer is owed
  CHECK(receiver.store.waiting.size() == 10);
  CHECK(receiver.rows->counters().waiting_values == 160);
  receiver.answer({});  // these go on by themselves
  CHECK(receiver.store.waiting.size() == 20);
  CHECK(receiver.rows->counters().waiting_values == 0);

  receiver.store.unapplied = 1001;
  receiver.answer({});
  CHECK(send(1000) == 1000 - 20);
  CHECK(receiver.store.waiting.empty());
  receiver.store.unapplied = 1000;
  CHECK(points.may_read());
  CHECK(receiver.store.waiting.size() == 20);

  // While the log takes nothing nobody waits for it: what goes beyond the bound is counted.
  receiver.answer(Error{Errc::unavailable, ENOSPC, "disk full"});
  CHECK(send(30) == 0);
  CHECK(points.may_read());
  CHECK(receiver.store.waiting.empty());  // it is not tried at every read
  points.tick();
  receiver.answer({});
  CHECK(points.may_read());
  receiver.answer({});
  CHECK(receiver.store.values["a"].size() == static_cast<std::size_t>(sent));
  CHECK(receiver.counters().log_full == 0);

  // Nor does who cannot wait: what comes is handed over as soon.
  std::string datagrams;
  for (int i = 0; i < 10; ++i) datagrams += "b 1 " + std::to_string(noon - 60 * i) + "\n";
  points.datagram(datagrams);
  CHECK(receiver.store.waiting.size() == 10);
}

TEST_CASE("new series are bounded in number and in pace, known ones go on") {
  RouterOptions options;
  options.new_series_at_once = 3;
  options.new_series_per_second = 1;
  ForeignRowsOptions row_options;
  row_options.most_series = 4;
  Receiver receiver({}, options, row_options);
  for (int i = 0; i < 5; ++i) receiver.point("n" + std::to_string(i), 1, 0);
  CHECK(receiver.counters().too_many_series == 2);
  receiver.clock.advance(std::chrono::seconds(2));
  for (int i = 0; i < 5; ++i) receiver.point("n" + std::to_string(i), 2, 0);
  CHECK(receiver.counters().too_many_series == 3);  // the fifth is one too many for ever
  receiver.flush();
  CHECK(receiver.store.values.size() == 4);
}

TEST_CASE("lists and rewrite rules are asked in carbon's order, and again when they change") {
  graphite::CarbonFiles files;
  files.black = graphite::parse_name_list("secret\n", "b").names;
  files.white = graphite::parse_name_list("^raw\n^secret\n", "w").names;
  auto rewrites = graphite::parse_rewrite_rules("[pre]\n^raw_ = \n[post]\nx$ = y\n", "r");
  files.pre = rewrites.pre;
  files.post = rewrites.post;
  Receiver receiver(std::move(files));
  receiver.send("secret.a 1 -1\nother 1 -1\nraw_a.x 1 -1\n");
  receiver.send("secret.a 1 -1\nother 1 -1\nraw_a.x 2 -1\n");
  receiver.flush();
  CHECK(receiver.store.values == std::map<std::string, Series>{{"a.y", {{noon, 2}}}});
  CHECK(receiver.counters().blacklisted == 2);
  CHECK(receiver.counters().not_whitelisted == 2);
  receiver.points->use(std::make_shared<graphite::CarbonFiles const>());
  receiver.send("secret.a 1 -1\nother 1 -1\nraw_a.x 1 -1\n");
  receiver.flush();
  CHECK(receiver.store.values.contains("secret.a"));
  CHECK(receiver.store.values.contains("raw_a.x"));
}

TEST_CASE("aggregation rules make a point of an interval, and again when more comes") {
  graphite::CarbonFiles files;
  files.schemas = schemas("[a]\npattern = .\nretentions = 10s:1h\n");
  auto rules = graphite::parse_aggregation_rules(
      "all.<what> (10) = sum host*.<what>\nsame (10) = max same\n", "r");
  REQUIRE(rules.errors.empty());
  files.rules = rules.rules;
  Receiver receiver(std::move(files));
  receiver.point("host1.load", 1, 1);
  receiver.point("host2.load", 2, 9);
  receiver.point("same", 5, 1);
  receiver.point("same", 4, 2);
  receiver.flush();
  CHECK(receiver.store.values["host1.load"] == Series{{noon, 1}});
  CHECK_FALSE(receiver.store.values.contains("all.load"));  // not due yet
  CHECK_FALSE(receiver.store.values.contains("same"));      // only the aggregate has that name
  receiver.clock.advance(std::chrono::seconds(10));
  receiver.flush();
  CHECK(receiver.store.values["all.load"] == Series{{noon, 3}});
  CHECK(receiver.store.values["same"] == Series{{noon, 5}});
  receiver.point("host3.load", 4, 5);  // late, of the same interval
  receiver.point("host1.load", 10, 11);
  receiver.clock.advance(std::chrono::seconds(10));
  receiver.flush();
  CHECK(receiver.store.values["all.load"] == Series{{noon, 7}, {noon + 10, 10}});
  CHECK(receiver.counters().made == 4);
}

TEST_CASE("pickles come in as lines do") {
  Receiver receiver;
  auto pickles = receiver.points->pickle_reader();
  using namespace std::string_literals;
  auto const body =
      "](X\x03\x00\x00\x00"
      "a.b(I1700000045\nG\x40\x04\x00\x00\x00\x00\x00\x00tta."s;
  std::string const header{'\0', '\0', '\0', static_cast<char>(body.size())};
  std::string const both = header + body + header + body;
  CHECK(pickles->take(both.substr(0, 3)) == 0U);
  CHECK(pickles->take(both.substr(0, both.size() - 1)) == header.size() + body.size());
  CHECK(pickles->take(header + body) == header.size() + body.size());
  receiver.flush();
  CHECK(receiver.store.values["a.b"] == Series{{noon, 2.5}});
  CHECK(receiver.counters().pickles == 2);
  CHECK(pickles->take(std::string("\x00\x00\x00\x02"
                                  "N.",
                                  6)) == 6U);  // not a list
  CHECK(receiver.counters().malformed == 1);
  CHECK_FALSE(pickles->take("\xff\xff\xff\xff"));  // 4 GB
}

TEST_CASE("datagrams are lines, the last one with or without its end") {
  Receiver receiver;
  receiver.points->datagram("a 1 -1\nb 2 -1\n");
  receiver.points->datagram("c 3 -1");
  receiver.points->datagram("");
  receiver.flush();
  CHECK(receiver.store.values.size() == 3);
  CHECK(receiver.counters().malformed == 0);
}

TEST_CASE("at the end what waits is appended although answers are owed") {
  Receiver receiver;
  receiver.point("a", 1, 0);
  receiver.points->tick();
  receiver.point("a", 2, 60);
  receiver.points->tick(true);
  CHECK(receiver.store.values["a"] == Series{{noon, 1}, {noon + 60, 2}});
}
