#include "aggregator/cli/point_sender.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "aggregator/cli/store_text.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t most_body = 2 << 20;
constexpr int most_attempts = 120;  // a second apart: a store that starts, tiers that lag behind

// The series of one day that are sent at once.
struct Part {
  std::string body;
  std::uint64_t points = 0;
  double sum = 0, magnitude = 0;
};

Result<void> take_answer(std::string_view body, Part const& part, Sent& sent) {
  boost::system::error_code error;
  auto const parsed = json::parse(body, error);
  auto const* const object = error ? nullptr : parsed.if_object();
  Error const wrong{Errc::malformed, 0,
                    "the answer is not that of a dAdvisor aggregator of this version"};
  if (object == nullptr) return wrong;
  auto const whole = [&](json::value const* value) {
    return value != nullptr && value->is_int64() ? static_cast<std::uint64_t>(value->get_int64())
                                                 : 0;
  };
  auto const* const sum = object->if_contains("points_sum");
  auto const* const refused = object->if_contains("refused");
  if (sum == nullptr || !sum->is_number() || refused == nullptr || !refused->is_object())
    return wrong;
  auto const points = whole(object->if_contains("points"));
  std::uint64_t all_refused = 0;
  for (auto const& [why, count] : refused->get_object()) {
    all_refused += whole(&count);
    sent.refused[std::string(why)] += whole(&count);
  }
  double const taken = sum->to_number<double>();
  bool const same_sum = all_refused > 0 || std::abs(taken - part.sum) <= 1e-9 * part.magnitude;
  if (points + all_refused != part.points || !same_sum)
    return Error{Errc::malformed, 0,
                 fmt::format("{} points with the sum {} were sent, and the aggregator has {} with "
                             "the sum {}",
                             part.points, part.sum, points, taken)};
  sent.points += points;
  sent.sum += taken;
  sent.values += whole(object->if_contains("values"));
  sent.kept += whole(object->if_contains("kept"));
  return {};
}

Answer send(Part const& part, std::string const& socket, Sent& sent) {
  Answer answer;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::seconds(1));
    http::ClientRequest request;
    request.method = "POST";
    request.target = "/store/import";
    request.body = part.body;
    request.timeout = std::chrono::minutes(30);
    answer = ask({"unix:" + std::filesystem::absolute(socket).lexically_normal().string(), "", ""},
                 std::move(request));
    if (answer.http_status != 503) break;
  }
  if (answer.status != exit_ok) return answer;
  if (auto taken = take_answer(answer.body, part, sent); !taken)
    return {"", to_string(taken.error()), exit_failed};
  return answer;
}

}  // namespace

Answer send_days(DayFiles& files, std::string const& socket, bool progress, Sent& sent) {
  auto const days = files.days();
  std::size_t number = 0;
  for (std::int64_t const day : days) {
    auto const points = files.read(day);
    if (!points) return {"", to_string(points.error()), exit_failed};
    if (progress)
      std::fprintf(stderr, "\r\033[K%s (%zu of %zu days)",
                   utc_text(day * day_seconds).substr(0, 10).c_str(), ++number, days.size());
    Part part;
    for (std::size_t i = 0; i < points->size(); ++i) {
      DayPoint const& point = (*points)[i];
      if (i == 0 || (*points)[i - 1].series != point.series) {
        if (part.body.size() >= most_body) {
          if (auto done = send(part, socket, sent); done.status != exit_ok) return done;
          part = {};
        }
        DaySeries const& series = files.name(point.series);
        part.body += series.step > 0 ? fmt::format("={} {}\n", series.path, series.step)
                                     : fmt::format("={}\n", series.path);
      }
      part.body += point.span > 0 ? fmt::format("{} {} {}\n", point.time, point.value, point.span)
                                  : fmt::format("{} {}\n", point.time, point.value);
      ++part.points;
      part.sum += point.value;
      part.magnitude += std::abs(point.value);
    }
    if (part.points > 0)
      if (auto done = send(part, socket, sent); done.status != exit_ok) return done;
    if (auto removed = files.remove(day); !removed)
      return {"", to_string(removed.error()), exit_failed};
  }
  if (progress) std::fputs("\r\033[K", stderr);
  return {};
}

}  // namespace dadvisor::aggregator::cli
