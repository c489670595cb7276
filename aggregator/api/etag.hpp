#pragma once
// Answers that a client has already: 304 where If-None-Match names the answer's ETag (RFC 9110,
// 13.1.2). The tag is a digest of the body, so it is true of every answer, whatever made it; it is
// weak, since the same body may go out compressed. It spares the way, not the work. Any thread.

#include <string>
#include <string_view>

#include "common/http/message.hpp"

namespace dadvisor::aggregator::api {

// `wanted`: the request's If-None-Match, empty where there is none. Only what is 200 and not over
// 4 MiB gets a tag.
http::Response with_etag(http::Response response, std::string_view wanted);

// The header of a GET or HEAD; empty for other methods.
std::string if_none_match(http::Request const& request);

}  // namespace dadvisor::aggregator::api
