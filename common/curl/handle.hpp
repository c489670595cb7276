#pragma once
// Ownership of libcurl's easy handle and string list, and the options that all our transfers
// share. libcurl 7.84+ initialises itself thread-safely with the first handle.

#include <curl/curl.h>

#include <memory>
#include <stop_token>
#include <string>

namespace dadvisor::curl {

struct HandleEnd {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleEnd>;

struct ListEnd {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListEnd>;

// Adds `text` to `list`; bad_alloc where libcurl has no memory.
void append(List& list, std::string const& text);

// Clears the handle's options (its connections stay) and sets what every transfer has: no
// signals, no redirects, no proxy out of the environment, trust in the system's certificates, an
// error buffer, and an end as soon as `stop` asks for it (libcurl looks at least once a second).
// `stop` and `error` (CURL_ERROR_SIZE bytes) must outlive the transfer.
void prepare(CURL* handle, std::stop_token const& stop, char* error);

}  // namespace dadvisor::curl
