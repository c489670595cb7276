#include "common/core/result.hpp"

#include <cerrno>
#include <cstring>

namespace dadvisor {

namespace {

Errc errc_of(int number) {
  switch (number) {
    case ENODEV:
    case ESRCH:
    case EPIPE:
    case ECONNRESET:
      return Errc::gone;
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
      return Errc::denied;
    case ENOSPC:
    case EDQUOT:
    case ECONNREFUSED:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENETUNREACH:
    case EHOSTUNREACH:
      return Errc::unavailable;
    case ETIMEDOUT:
      return Errc::timeout;
    case EOPNOTSUPP:
    case ENOSYS:
      return Errc::unsupported;
    case EFBIG:
    case E2BIG:
    case ENAMETOOLONG:
      return Errc::too_large;
    default:
      return Errc::io;
  }
}

}  // namespace

Error os_error(int number, std::string context) {
  context += ": ";
  context += std::strerror(number);
  return Error{errc_of(number), number, std::move(context)};
}

char const* to_string(Errc code) {
  switch (code) {
    case Errc::gone:
      return "gone";
    case Errc::not_found:
      return "not found";
    case Errc::denied:
      return "denied";
    case Errc::malformed:
      return "malformed";
    case Errc::too_large:
      return "too large";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timeout:
      return "timeout";
    case Errc::conflict:
      return "conflict";
    case Errc::unsupported:
      return "unsupported";
    case Errc::io:
      return "i/o error";
  }
  return "unknown";
}

std::string to_string(Error const& error) {
  return error.context.empty() ? std::string(to_string(error.code)) : error.context;
}

}  // namespace dadvisor
