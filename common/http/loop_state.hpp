#pragma once
// What is inside a Loop. Includes Asio: only for the .cpp files of this folder that do anyway.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <list>
#include <memory>
#include <mutex>

#include "common/http/loop.hpp"

namespace dadvisor::http {

namespace asio = boost::asio;

struct Loop::State {
  State() : io(std::make_unique<asio::io_context>(1)) {}

  bool on_its_thread() { return io && io->get_executor().running_in_this_thread(); }
  void post(std::function<void()> function);

  std::mutex mutex;  // guards `io` being taken away while another thread posts
  std::unique_ptr<asio::io_context> io;
  std::list<asio::signal_set> signals;
};

}  // namespace dadvisor::http
