#include "common/curl/handle.hpp"

#include <new>

#include "common/core/trust.hpp"

namespace dadvisor::curl {

namespace {

int on_progress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<std::stop_token const*>(stop)->stop_requested() ? 1 : 0;
}

}  // namespace

void append(List& list, std::string const& text) {
  curl_slist* const longer = curl_slist_append(list.get(), text.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

void prepare(CURL* handle, std::stop_token const& stop, char* error) {
  curl_easy_reset(handle);
  error[0] = '\0';
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  if (auto const trusted = system_certificates(); !trusted.empty())
    curl_easy_setopt(handle, CURLOPT_CAINFO, trusted.c_str());
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA,
                   const_cast<void*>(static_cast<void const*>(&stop)));
}

}  // namespace dadvisor::curl
