#include "common/http/response_head.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::http;

TEST_CASE("an answer's head tells how its body ends and what becomes of the connection") {
  Response response;
  response.headers = {{"Content-Type", "text/plain"}, {"ETag", "\"1\""}};
  BodyEnd of_three;
  of_three.length = 3;
  CHECK(response_head(response, of_three, false, true) ==
        "HTTP/1.1 200 OK\r\nServer: dadvisor\r\nContent-Type: text/plain\r\nETag: \"1\"\r\n"
        "Content-Length: 3\r\n\r\n");
  response.headers.clear();
  CHECK(response_head(response, of_three, false, false) ==
        "HTTP/1.1 200 OK\r\nServer: dadvisor\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
  CHECK(response_head(response, of_three, true, true) ==
        "HTTP/1.0 200 OK\r\nServer: dadvisor\r\nContent-Length: 3\r\n"
        "Connection: keep-alive\r\n\r\n");
  CHECK(response_head(response, of_three, true, false) ==
        "HTTP/1.0 200 OK\r\nServer: dadvisor\r\nContent-Length: 3\r\n\r\n");
  BodyEnd chunked;
  chunked.chunked = true;
  response.status = 304;
  CHECK(response_head(response, {}, false, true) ==
        "HTTP/1.1 304 Not Modified\r\nServer: dadvisor\r\n\r\n");
  response.status = 200;
  CHECK(response_head(response, chunked, false, false) ==
        "HTTP/1.1 200 OK\r\nServer: dadvisor\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\n");
}

TEST_CASE("neither a header's name nor its value can begin another header") {
  Response response;
  response.status = 503;
  response.headers = {{"Location\r\nX", "/a\r\nSet-Cookie: b\x7f\n"}};
  CHECK(response_head(response, {}, false, true) ==
        "HTTP/1.1 503 Service Unavailable\r\nServer: dadvisor\r\n"
        "Location  X: /a  Set-Cookie: b  \r\n\r\n");
}
