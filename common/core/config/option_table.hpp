#pragma once
// The configuration of one program as a table: each row binds a key to a variable. load() reads
// the YAML file over the variables' first values, and the command line over that. Errors name
// file, line and key, and say what to write instead. Used once, in main, before any thread.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/config/option.hpp"
#include "common/core/config/value.hpp"

namespace dadvisor::config {

// What main does after load().
struct Loaded {
  bool run = false;    // false: print `output` (to stderr unless exit_code is 0) and exit
  bool print = false;  // print in_effect() and exit, once what is left to settle is settled
  int exit_code = 0;   // 2: usage or configuration
  std::string output;  // ends in a line feed
  std::string verb;    // empty: none was given
  std::string file;    // the configuration file that was read; empty: none
};

class OptionTable {
 public:
  OptionTable(std::string program, std::string about, std::string version);

  // Each binds `key` to `target`, which must outlive load() and whose value is the default shown.
  void text(std::string key, std::string& target, std::string value, std::string help);
  void list(std::string key, std::vector<std::string>& target, std::string value, std::string help);
  void boolean(std::string key, bool& target, std::string help);
  void integer(std::string key, std::int64_t& target, std::int64_t least, std::int64_t most,
               std::string help);
  void duration(std::string key, Nanoseconds& target, Nanoseconds least, Nanoseconds most,
                std::string help);
  void size(std::string key, std::uint64_t& target, std::uint64_t least, std::uint64_t most,
            std::string help);
  void address(std::string key, HostPort& target, std::string help);
  void choice(std::string key, std::string& target, std::vector<std::string> choices,
              std::string help);
  void add(Option option);
  // A word that may stand before or between the flags: `dadvisor-agent once`.
  void verb(std::string name, std::string help);

  // Keys of the file that are in no row are another program's: they are passed over.
  void ignore_other_keys() { ignores_others_ = true; }

  // `--config FILE` is read, else `default_file` where it exists. --help and --version end with
  // exit code 0, an error with 2.
  Loaded load(int argc, char const* const* argv, std::string const& default_file);

  // All keys of the file with the values that they have now, as such a file; what was given says
  // where.
  std::string in_effect() const;

  // Where the value of `key` came from, for errors found later: "agent.yml:3: step", "--step", or
  // the key alone.
  std::string where(std::string_view key) const;
  bool given(std::string_view key) const { return sources_.contains(std::string(key)); }

 private:
  struct Given {  // one option on the command line
    Option const* option;
    std::vector<std::string> values;
  };

  Option const* find(std::string_view key) const;
  // "; did you mean 'X'?" with the nearest key, else `otherwise`.
  std::string suggestion(std::string_view key, bool as_flag, std::string const& otherwise) const;
  Result<void> apply(Option const& option, std::vector<std::string> const& values,
                     std::string const& source);
  Result<void> load_file(std::string const& path);
  Result<std::vector<Given>> parse_flags(int argc, char const* const* argv, Loaded& loaded);

  std::string program_, about_, version_;
  bool ignores_others_ = false;
  std::vector<Option> options_;
  std::map<std::string, std::string> verbs_;    // name -> help
  std::map<std::string, std::string> sources_;  // key -> where()
};

}  // namespace dadvisor::config
