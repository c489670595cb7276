#pragma once
// What the resolver has to tell: the containers as they were last looked at, the events that nobody
// has taken yet, and how far each follower has been told. A follower costs the ids of what it was
// not told yet, however slowly it reads. No I/O; one loop's thread.

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "agent/runtime/documents.hpp"
#include "agent/runtime/runtime_source.hpp"

namespace dadvisor::agent {

// How far one reader has been told.
struct Follower {
  bool greeted = false;
  bool state_due = true;
  std::uint64_t number = 0;   // of the last event told
  std::set<std::string> due;  // ids of containers that changed or went
  std::set<std::string> updates;
};

class Feed {
 public:
  // `run`: unlike that of any other run of the resolver.
  explicit Feed(std::string run) { hello_.run = std::move(run); }

  // Takes over what the source tells now; whether there is anything to tell of it.
  bool look(RuntimeSource& source);
  // A container's limits were changed.
  void updated(std::string const& id);
  // The state is told once more: so that whoever follows knows that somebody is there.
  void remind();

  // The address stays the follower's until leave().
  void follow(Follower& follower);
  void leave(Follower& follower) { followers_.erase(&follower); }
  // The next lines for a follower, some 256 KiB at the most; empty: it knows all. The state comes
  // last, and first when the source has settled: then all is told.
  std::string next(Follower& follower);

  // Of this run: events up to that number need not be kept.
  void taken(std::string const& run, std::uint64_t number);

  std::size_t containers() const { return containers_.size(); }
  std::size_t events() const { return events_.size(); }
  std::uint64_t cut() const { return cut_; }

 private:
  std::string line(documents::Document const& document);

  documents::Hello hello_;
  std::map<std::string, Container> containers_;
  std::deque<documents::Told> events_;  // not taken yet, by number
  std::uint64_t number_ = 0;            // of the last one
  RuntimeReport report_;
  std::string state_;  // its line
  bool settled_ = false;
  std::uint64_t dropped_ = 0;
  std::uint64_t cut_ = 0;  // containers too large to be told whole
  std::set<Follower*> followers_;
};

}  // namespace dadvisor::agent
