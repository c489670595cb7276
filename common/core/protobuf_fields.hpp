#pragma once
// Fields of protobuf messages that come from elsewhere (protobuf.dev, "Encoding"), read with
// protozero, which takes another wire type than it was asked for by assert() alone. Each throws
// what protozero throws for a broken message: protozero::exception. Any thread.

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string_view>

namespace dadvisor::protobuf {

inline protozero::pbf_reader reader_of(std::string_view message) {
  return protozero::pbf_reader(protozero::data_view(message.data(), message.size()));
}

// The string or bytes of the field that `field` is at; valid as long as the message.
inline std::string_view text_in(protozero::pbf_reader& field) {
  if (!field.has_wire_type(protozero::pbf_wire_type::length_delimited))
    throw protozero::unknown_pbf_wire_type_exception();
  auto const view = field.get_view();
  return {view.data(), view.size()};
}

inline protozero::pbf_reader message_in(protozero::pbf_reader& field) {
  return reader_of(text_in(field));
}

inline std::int64_t number_in(protozero::pbf_reader& field) {
  if (!field.has_wire_type(protozero::pbf_wire_type::varint))
    throw protozero::unknown_pbf_wire_type_exception();
  return field.get_int64();
}

}  // namespace dadvisor::protobuf
