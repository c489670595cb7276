#include "graphite-bridge/picture/scale.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor::graphite::picture;

namespace {

ScaleRequest between(double low, double high, int most = 5) {
  ScaleRequest out;
  out.lowest = low;
  out.highest = high;
  out.most_divisions = most;
  return out;
}

std::vector<std::string> texts(Scale const& scale) {
  std::vector<std::string> out;
  for (auto const& label : scale.labels) out.push_back(label.text);
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("steps are 1, 2 or 5 of a power of ten, or a power of two") {
  CHECK(nice_step(0.9, UnitSystem::si) == 1);
  CHECK(nice_step(1, UnitSystem::si) == 1);
  CHECK(nice_step(1.01, UnitSystem::si) == 2);
  CHECK(nice_step(2.5, UnitSystem::si) == 5);
  CHECK(nice_step(5.1, UnitSystem::si) == 10);
  CHECK(nice_step(0.0011, UnitSystem::si) == Approx(0.002));
  CHECK(nice_step(3e299, UnitSystem::si) == Approx(5e299));
  CHECK(nice_step(1000, UnitSystem::binary) == 1024);
  CHECK(nice_step(1024, UnitSystem::binary) == 1024);
  CHECK(nice_step(0.3, UnitSystem::binary) == 0.5);
  CHECK(nice_step(11, UnitSystem::seconds) == 15);
  CHECK(nice_step(4000, UnitSystem::seconds) == 7200);
  CHECK(nice_step(11000, UnitSystem::milliseconds) == 15000);
}

TEST_CASE("an axis runs from step to step around the values") {
  auto const scale = make_scale(between(13, 87));
  CHECK(scale.bottom == 0);
  CHECK(scale.top == 100);
  CHECK(texts(scale) == Texts{"0", "20", "40", "60", "80", "100"});
  CHECK(scale.position(50) == Approx(0.5));
  CHECK(scale.position(200) == Approx(2));
  auto const coarse = make_scale(between(13, 87, 2));
  CHECK(texts(coarse) == Texts{"0", "50", "100"});
}

TEST_CASE("labels of one axis share prefix and decimals") {
  CHECK(texts(make_scale(between(0, 2'000'000))) == Texts{"0", "0.5M", "1.0M", "1.5M", "2.0M"});
  CHECK(texts(make_scale(between(0.01, 0.049))) == Texts{"0.01", "0.02", "0.03", "0.04", "0.05"});
  auto bytes = between(0, 3.9e9);
  bytes.unit_system = UnitSystem::binary;
  bytes.unit = "B/s";
  CHECK(texts(make_scale(bytes)) == Texts{"0", "1 GiB/s", "2 GiB/s", "3 GiB/s", "4 GiB/s"});
  auto plain = between(0, 2'000'000);
  plain.unit_system = UnitSystem::none;
  CHECK(texts(make_scale(plain)) == Texts{"0", "500000", "1000000", "1500000", "2000000"});
}

TEST_CASE("durations are divided as clocks are") {
  auto request = between(0, 3000);
  request.unit_system = UnitSystem::seconds;
  CHECK(texts(make_scale(request)) == Texts{"0", "10 min", "20 min", "30 min", "40 min", "50 min"});
}

TEST_CASE("one value has room around it, and 0 a 1 above it") {
  auto const constant = make_scale(between(42, 42));
  CHECK(constant.bottom <= 42 - 4.2 + 1e-9);  // a tenth of it on both sides
  CHECK(constant.top >= 42 + 4.2 - 1e-9);
  CHECK(constant.position(42) > 0.3);
  CHECK(constant.position(42) < 0.7);
  auto const zero = make_scale(between(0, 0));
  CHECK(zero.bottom == 0);
  CHECK(zero.top == 1);
  auto const negative = make_scale(between(-7, -7));
  CHECK(negative.bottom < -7);
  CHECK(negative.top > -7);
  // A difference that a double can hardly hold is none.
  auto const close = make_scale(between(9007199254740992.0, 9007199254740994.0));
  CHECK(close.top - close.bottom > 1e14);
}

TEST_CASE("values of any size have an axis") {
  for (auto const& [low, high] :
       {std::pair(1e300, 3e300), std::pair(-1.7e308, 1.7e308), std::pair(1e-300, 3e-300),
        std::pair(-3e300, -1e300), std::pair(0.0, 5e-324)}) {
    auto const scale = make_scale(between(low, high));
    INFO(low << " " << high);
    CHECK(std::isfinite(scale.bottom));
    CHECK(std::isfinite(scale.top));
    CHECK(scale.top > scale.bottom);
    CHECK(scale.labels.size() >= 2);
    CHECK(scale.labels.size() <= 8);
    CHECK(std::isfinite(scale.position(low)));
  }
  CHECK(texts(make_scale(between(1e300, 3e300))) ==
        Texts{"1e+300", "1.5e+300", "2e+300", "2.5e+300", "3e+300"});
}

TEST_CASE("nothing known is an axis from 0 to 1") {
  auto const scale = make_scale(ScaleRequest{});
  CHECK(scale.bottom == 0);
  CHECK(scale.top == 1);
}

TEST_CASE("limits that were asked for hold exactly") {
  auto request = between(13, 87);
  request.axis.min = 7;
  request.axis.max = 93;
  auto scale = make_scale(request);
  CHECK(scale.bottom == 7);
  CHECK(scale.top == 93);
  CHECK(scale.labels.front().value == 20);
  CHECK(scale.labels.back().value == 80);

  request = between(13, 87);
  request.axis.max_of_data = true;
  CHECK(make_scale(request).top == 87);

  request = between(13, 87);
  request.axis.limit = 60;
  CHECK(make_scale(request).top == 60);
  request.axis.limit = 90;  // above the values, below the next step
  CHECK(make_scale(request).top == 90);

  request = between(13, 87);
  request.axis.step = 25;
  CHECK(texts(make_scale(request)) == Texts{"0", "25", "50", "75", "100"});
  request.axis.step = 0.001;  // 74,000 lines: not taken
  CHECK(make_scale(request).lines.size() < 10);

  request = between(13, 87);
  request.axis.min = 100;  // above all values
  CHECK(make_scale(request).bottom == 100);
  CHECK(make_scale(request).top > 100);
}

TEST_CASE("yDivisors decides how many steps there are") {
  auto request = between(0, 70);
  request.divisions = {7};
  CHECK(texts(make_scale(request)) == Texts{"0", "10", "20", "30", "40", "50", "60", "70"});
  request.divisions = {4, 5, 6};  // 4 x 20 leaves 10 of room, 5 x 20 30, 2 x 50 is not asked for
  CHECK(make_scale(request).top == 80);
}

TEST_CASE("a second axis takes as many steps as the first") {
  auto request = between(3, 871);
  request.exact_divisions = 4;
  auto const scale = make_scale(request);
  CHECK(scale.lines.size() == 5);
  CHECK(scale.bottom == 0);
  CHECK(scale.top == 1000);  // 4 x 200 does not reach 871, 4 x 250 does
}

TEST_CASE("a logarithmic axis runs from power to power") {
  auto request = between(3, 4500);
  request.log_base = 10;
  auto const scale = make_scale(request);
  CHECK(scale.bottom == Approx(1));
  CHECK(scale.top == Approx(10000));
  CHECK(texts(scale) == Texts{"1", "10", "100", "1k", "10k"});
  CHECK(scale.position(100) == Approx(0.5));
  CHECK(std::isnan(scale.position(0)));
  CHECK(std::isnan(scale.position(-1)));
  CHECK(scale.minor.size() == 32);  // 2 to 9 in each decade

  request = between(1e-300, 1e300);
  request.log_base = 10;
  CHECK(make_scale(request).labels.size() <= 6);

  request = between(20, 30);
  request.log_base = 2;
  CHECK(make_scale(request).bottom == Approx(16));
  CHECK(make_scale(request).top == Approx(32));

  ScaleRequest none;
  none.log_base = 10;
  CHECK(make_scale(none).top > make_scale(none).bottom);
}

TEST_CASE("lines between labels part the steps evenly") {
  auto request = between(0, 20, 2);
  request.minor_lines = 1;
  CHECK(make_scale(request).minor == std::vector<double>{5, 15});
}
