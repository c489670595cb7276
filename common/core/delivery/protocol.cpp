#include "common/core/delivery/protocol.hpp"

#include <boost/json.hpp>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::delivery {
namespace {

namespace json = boost::json;

constexpr std::string_view body_magic = "dAB2";
constexpr std::size_t name_bytes = 255;

Error malformed(std::string what) { return Error{Errc::malformed, 0, std::move(what)}; }

char const* name_of(Lane lane) { return lane == Lane::fresh ? "fresh" : "backlog"; }

json::object marks_object(LaneMarks const& marks) {
  return {{"fresh", marks.fresh}, {"backlog", marks.backlog}};
}

// Reads members of an object; remembers whether all that was demanded was there and of its type.
class Members {
 public:
  explicit Members(json::value const* value)
      : object_(value != nullptr ? value->if_object() : nullptr), ok_(object_ != nullptr) {}
  bool ok() const { return ok_; }
  json::value const* find(char const* name) const {
    return object_ != nullptr ? object_->if_contains(name) : nullptr;
  }
  std::uint64_t number(char const* name) {
    if (auto const* value = find(name)) {
      if (auto const* small = value->if_int64(); small != nullptr && *small >= 0)
        return static_cast<std::uint64_t>(*small);
      if (auto const* great = value->if_uint64()) return *great;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t integer(char const* name) {
    auto const* const value = find(name);
    auto const* const number = value != nullptr ? value->if_int64() : nullptr;
    if (number != nullptr) return *number;
    ok_ = false;
    return 0;
  }
  std::string string(char const* name, std::size_t limit) {
    auto const* const value = find(name);
    auto const* const text = value != nullptr ? value->if_string() : nullptr;
    if (text != nullptr && text->size() <= limit) return std::string(*text);
    ok_ = false;
    return {};
  }
  bool flag(char const* name) const {
    auto const* const value = find(name);
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  Lane lane() {
    auto const name = string("lane", 16);
    if (name != "fresh" && name != "backlog") ok_ = false;
    return name == "backlog" ? Lane::backlog : Lane::fresh;
  }
  LaneMarks marks(char const* name) {
    Members members(find(name));
    LaneMarks const marks{members.number("fresh"), members.number("backlog")};
    ok_ = ok_ && members.ok();
    return marks;
  }
  // {"fresh": {"hi": 1}, "backlog": {"hi": 2}}
  LaneMarks marks_of_lanes(char const* name) {
    Members fresh(find("fresh"));
    Members backlog(find("backlog"));
    LaneMarks const marks{fresh.number(name), backlog.number(name)};
    ok_ = ok_ && fresh.ok() && backlog.ok();
    return marks;
  }

 private:
  json::object const* object_;
  bool ok_;
};

json::value parse(std::string_view text) {
  json::error_code error;
  auto value = json::parse(text, error);
  return error ? json::value() : value;
}

}  // namespace

std::string to_json(Hello const& hello) {
  json::object const object{{"agent", hello.agent},
                            {"instance", hello.instance},
                            {"boot_id", hello.boot_id},
                            {"epoch", hello.epoch},
                            {"fresh", {{"first", hello.first.fresh}}},
                            {"backlog", {{"first", hello.first.backlog}}}};
  return json::serialize(object);
}

std::string to_json(HelloReply const& reply) {
  json::object object;
  if (reply.kind == HelloReply::Kind::welcome) {
    object = {{"fresh", {{"hi", reply.hi.fresh}}}, {"backlog", {{"hi", reply.hi.backlog}}}};
  } else {
    object = {{"refused", reply.kind == HelloReply::Kind::conflict ? "conflict" : "old_epoch"},
              {"epoch", reply.epoch},
              {"text", reply.text}};
  }
  return json::serialize(object);
}

std::string to_json(BatchesReply const& reply) {
  // Nearly all, one a batch: without a tree.
  if (reply.want == BatchesReply::Want::nothing && reply.refused.empty()) {
    auto text = "{\"acked\":{\"fresh\":" + std::to_string(reply.acked.fresh) +
                ",\"backlog\":" + std::to_string(reply.acked.backlog) + "}";
    if (reply.clock_offset)
      text += ",\"clock_offset_ns\":" + std::to_string(reply.clock_offset->count());
    text += '}';
    return text;
  }
  json::object object{{"acked", marks_object(reply.acked)}};
  if (reply.want == BatchesReply::Want::hello) {
    object["hello"] = true;
  } else if (reply.want != BatchesReply::Want::nothing) {
    object["want"] = reply.sequence;
    object["lane"] = name_of(reply.lane);
    object["key"] = reply.want == BatchesReply::Want::key;
  }
  if (!reply.refused.empty()) {
    json::array refused;
    for (auto const& batch : reply.refused)
      refused.push_back(json::object{
          {"lane", name_of(batch.lane)}, {"sequence", batch.sequence}, {"reason", batch.reason}});
    object["refused"] = std::move(refused);
  }
  if (reply.clock_offset) object["clock_offset_ns"] = reply.clock_offset->count();
  return json::serialize(object);
}

unsigned status_of(HelloReply const& reply) {
  return reply.kind == HelloReply::Kind::welcome ? 200 : 409;
}

unsigned status_of(BatchesReply const& reply) {
  return reply.want == BatchesReply::Want::nothing ? 200 : 409;
}

Result<Hello> parse_hello(std::string_view text) {
  if (text.size() > hello_bytes) return Error{Errc::too_large, 0, "hello"};
  auto const value = parse(text);
  Members members(&value);
  Hello hello;
  hello.agent = members.string("agent", frame_limit::agent_bytes);
  hello.instance = members.string("instance", name_bytes);
  hello.boot_id = members.string("boot_id", name_bytes);
  hello.epoch = members.number("epoch");
  hello.first = members.marks_of_lanes("first");
  if (!members.ok()) return malformed("hello: not the object that it must be");
  if (hello.agent.empty() || hello.instance.empty()) return malformed("hello: nobody speaks");
  if (hello.first.fresh == 0 || hello.first.backlog == 0)
    return malformed("hello: sequences start at 1");
  return hello;
}

Result<HelloReply> parse_hello_reply(std::string_view text) {
  auto const value = parse(text);
  Members members(&value);
  HelloReply reply;
  if (members.find("refused") != nullptr) {
    auto const kind = members.string("refused", 32);
    if (kind != "conflict" && kind != "old_epoch") return malformed("hello reply: " + kind);
    reply.kind = kind == "conflict" ? HelloReply::Kind::conflict : HelloReply::Kind::old_epoch;
    reply.epoch = members.number("epoch");
    reply.text = members.string("text", 4096);
  } else {
    reply.hi = members.marks_of_lanes("hi");
  }
  if (!members.ok()) return malformed("hello reply: not the object that it must be");
  return reply;
}

Result<BatchesReply> parse_batches_reply(std::string_view text) {
  auto const value = parse(text);
  Members members(&value);
  BatchesReply reply;
  reply.acked = members.marks("acked");
  if (members.flag("hello")) {
    reply.want = BatchesReply::Want::hello;
  } else if (members.find("want") != nullptr) {
    reply.want = members.flag("key") ? BatchesReply::Want::key : BatchesReply::Want::sequence;
    reply.lane = members.lane();
    reply.sequence = members.number("want");
  }
  if (auto const* const refused = members.find("refused")) {
    if (!refused->is_array()) return malformed("batches reply: refused");
    for (auto const& element : refused->get_array()) {
      Members batch(&element);
      auto const lane = batch.lane();
      auto const sequence = batch.number("sequence");
      reply.refused.push_back({lane, sequence, batch.string("reason", 4096)});
      if (!batch.ok()) return malformed("batches reply: refused");
    }
  }
  if (members.find("clock_offset_ns") != nullptr)
    reply.clock_offset = Nanoseconds(members.integer("clock_offset_ns"));
  if (!members.ok()) return malformed("batches reply: not the object that it must be");
  return reply;
}

std::string start_batches(std::string_view instance, std::optional<WallTime> sent) {
  std::string body;
  ByteWriter writer(body);
  writer.raw(body_magic);
  writer.string(instance);
  writer.u64(sent ? static_cast<std::uint64_t>(sent->time_since_epoch().count()) : 0);
  return body;
}

void add_frame(std::string& body, std::string_view frame) {
  ByteWriter writer(body);
  writer.u32(static_cast<std::uint32_t>(frame.size()));
  writer.raw(frame);
}

Result<Batches> parse_batches(std::string_view body) {
  if (body.size() > body_bytes) return Error{Errc::too_large, 0, "batches: the body"};
  ByteReader reader(body);
  if (reader.raw(body_magic.size()) != body_magic) return malformed("batches: no magic");
  Batches batches;
  batches.instance = reader.string(name_bytes);
  auto const sent = static_cast<std::int64_t>(reader.u64());
  if (sent < 0) return malformed("batches: sent before 1970");
  if (sent > 0) batches.sent = WallTime(Nanoseconds(sent));
  while (reader.ok() && reader.left() > 0) {
    auto const size = reader.u32();
    if (size > frame_limit::frame_bytes) return Error{Errc::too_large, 0, "batches: a frame"};
    batches.frames.push_back(reader.raw(size));
    if (batches.frames.size() > 2 * window) return Error{Errc::too_large, 0, "batches: frames"};
  }
  if (!reader.ok()) return malformed("batches: cut short");
  if (batches.instance.empty() || batches.frames.empty()) return malformed("batches: empty");
  return batches;
}

}  // namespace dadvisor::delivery
