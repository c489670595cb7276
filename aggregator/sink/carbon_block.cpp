#include "aggregator/sink/carbon_block.hpp"

#include <cmath>
#include <utility>

#include "graphite-bridge/line.hpp"

namespace dadvisor::aggregator::sink {
namespace {

constexpr std::size_t block_size = 64 << 10;
constexpr std::size_t most_pickled = 500;  // points; carbon's MAX_DATAPOINTS_PER_MESSAGE

}  // namespace

void CarbonBlock::begin() {
  points_ = 0;
  lines_.clear();
  pickle_ = {};
  pickle_.open_list();
}

Result<void> CarbonBlock::add(std::string_view path, double value, std::int64_t time) {
  if (protocol_ == CarbonProtocol::plaintext) {
    if (auto const added = graphite::append_line(lines_, path, value, time); !added) return added;
    ++points_;
    return {};
  }
  if (!graphite::is_line_path(path) || !std::isfinite(value))
    return Error{Errc::malformed, 0, "carbon does not take it"};
  pickle_.text(path);
  pickle_.integer(time);
  pickle_.real(value);
  pickle_.close_pair();
  pickle_.close_pair();
  ++points_;
  return {};
}

bool CarbonBlock::full() const {
  return protocol_ == CarbonProtocol::plaintext ? lines_.size() >= block_size
                                                : points_ >= most_pickled;
}

std::string CarbonBlock::take() {
  std::string out;
  if (points_ > 0 && protocol_ == CarbonProtocol::plaintext) {
    out = std::move(lines_);
  } else if (points_ > 0) {
    pickle_.close_list();
    auto const message = pickle_.take();
    auto const size = static_cast<std::uint32_t>(message.size());
    for (int byte = 3; byte >= 0; --byte) out += static_cast<char>(size >> (8 * byte) & 0xff);
    out += message;
  }
  begin();
  return out;
}

}  // namespace dadvisor::aggregator::sink
