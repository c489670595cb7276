#include "common/core/config/option_table.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

#include "common/core/config/yaml_text.hpp"
#include "common/core/config/yaml_values.hpp"
#include "common/core/log.hpp"

namespace dadvisor::config {
namespace {

Error out_of_range(std::string const& given, std::string const& least, std::string const& most) {
  return Error{Errc::malformed, 0,
               fmt::format("'{}' is out of range; write one from {} to {}", given, least, most)};
}

// Levenshtein's distance, for keys of a few dozen bytes.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t const above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string flag_of(std::string_view key) {
  std::string flag = "--" + std::string(key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  std::replace(flag.begin(), flag.end(), '.', '-');
  return flag;
}

OptionTable::OptionTable(std::string program, std::string about, std::string version)
    : program_(std::move(program)), about_(std::move(about)), version_(std::move(version)) {}

void OptionTable::add(Option option) { options_.push_back(std::move(option)); }

void OptionTable::verb(std::string name, std::string help) {
  verbs_.emplace(std::move(name), std::move(help));
}

void OptionTable::text(std::string key, std::string& target, std::string value, std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = std::move(value);
  option.help = std::move(help);
  option.shown_default = target;
  option.set = [&target](std::string_view given) -> Result<void> {
    target = given;
    return {};
  };
  option.values = [&target] { return std::vector{target}; };
  add(std::move(option));
}

void OptionTable::list(std::string key, std::vector<std::string>& target, std::string value,
                       std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = std::move(value);
  option.help = std::move(help);
  option.shown_default = fmt::format("{}", fmt::join(target, ", "));
  option.list = true;
  option.clear = [&target] { target.clear(); };
  option.set = [&target](std::string_view given) -> Result<void> {
    target.emplace_back(given);
    return {};
  };
  option.values = [&target] { return target; };
  add(std::move(option));
}

void OptionTable::boolean(std::string key, bool& target, std::string help) {
  Option option;
  option.key = std::move(key);
  option.help = std::move(help);
  option.shown_default = target ? "true" : "false";
  option.boolean = true;
  option.set = [&target](std::string_view given) -> Result<void> {
    auto const value = parse_boolean(given);
    if (!value) return value.error();
    target = *value;
    return {};
  };
  option.values = [&target] { return std::vector<std::string>{target ? "true" : "false"}; };
  add(std::move(option));
}

void OptionTable::integer(std::string key, std::int64_t& target, std::int64_t least,
                          std::int64_t most, std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = "NUMBER";
  option.help = std::move(help);
  option.shown_default = std::to_string(target);
  option.set = [&target, least, most](std::string_view given) -> Result<void> {
    auto const value = parse_integer(given);
    if (!value) return value.error();
    if (*value < least || *value > most) {
      return out_of_range(std::string(given), std::to_string(least), std::to_string(most));
    }
    target = *value;
    return {};
  };
  option.values = [&target] { return std::vector{std::to_string(target)}; };
  add(std::move(option));
}

void OptionTable::duration(std::string key, Nanoseconds& target, Nanoseconds least,
                           Nanoseconds most, std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = "DURATION";
  option.help = std::move(help);
  option.shown_default = duration_text(target);
  option.set = [&target, least, most](std::string_view given) -> Result<void> {
    auto const value = parse_duration(given);
    if (!value) return value.error();
    if (*value < least || *value > most) {
      return out_of_range(std::string(given), duration_text(least), duration_text(most));
    }
    target = *value;
    return {};
  };
  option.values = [&target] { return std::vector{duration_text(target)}; };
  add(std::move(option));
}

void OptionTable::size(std::string key, std::uint64_t& target, std::uint64_t least,
                       std::uint64_t most, std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = "SIZE";
  option.help = std::move(help);
  option.shown_default = size_text(target);
  option.set = [&target, least, most](std::string_view given) -> Result<void> {
    auto const value = parse_size(given);
    if (!value) return value.error();
    if (*value < least || *value > most) {
      return out_of_range(std::string(given), size_text(least), size_text(most));
    }
    target = *value;
    return {};
  };
  option.values = [&target] { return std::vector{size_text(target)}; };
  add(std::move(option));
}

void OptionTable::address(std::string key, HostPort& target, std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = "HOST:PORT";
  option.help = std::move(help);
  if (!target.host.empty()) option.shown_default = to_string(target);
  option.set = [&target](std::string_view given) -> Result<void> {
    auto value = parse_host_port(given);
    if (!value) return value.error();
    target = std::move(*value);
    return {};
  };
  option.values = [&target] {
    return target.host.empty() ? std::vector<std::string>() : std::vector{to_string(target)};
  };
  add(std::move(option));
}

void OptionTable::choice(std::string key, std::string& target, std::vector<std::string> choices,
                         std::string help) {
  Option option;
  option.key = std::move(key);
  option.value = fmt::format("{}", fmt::join(choices, "|"));
  option.help = std::move(help);
  option.shown_default = target;
  option.set = [&target, choices = std::move(choices)](std::string_view given) -> Result<void> {
    if (std::find(choices.begin(), choices.end(), given) == choices.end()) {
      return Error{Errc::malformed, 0,
                   fmt::format("'{}' is none of its values; write {}", printable(given, 100),
                               fmt::join(choices, " or "))};
    }
    target = given;
    return {};
  };
  option.values = [&target] { return std::vector{target}; };
  add(std::move(option));
}

Option const* OptionTable::find(std::string_view key) const {
  for (auto const& option : options_) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

std::string OptionTable::suggestion(std::string_view key, bool as_flag,
                                    std::string const& otherwise) const {
  std::string best;
  std::size_t nearest = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (auto const& option : options_) {
    if (option.only_flag && !as_flag) continue;
    std::string const name = as_flag ? flag_of(option.key) : option.key;
    if (auto const apart = distance(key, name); apart < nearest) {
      nearest = apart;
      best = name;
    }
  }
  return best.empty() ? otherwise : fmt::format("; did you mean '{}'?", best);
}

std::string OptionTable::where(std::string_view key) const {
  auto const found = sources_.find(std::string(key));
  return found == sources_.end() ? std::string(key) : found->second;
}

Result<void> OptionTable::apply(Option const& option, std::vector<std::string> const& values,
                                std::string const& source) {
  if (option.clear) option.clear();
  for (auto const& value : values) {
    if (auto const set = option.set(value); !set) {
      return Error{set.error().code, 0, source + ": " + set.error().context};
    }
  }
  sources_[option.key] = source;
  return {};
}

Result<void> OptionTable::load_file(std::string const& path) {
  auto const values = read_yaml_values(path);
  if (!values) return values.error();
  for (auto const& value : *values) {
    auto const place = fmt::format("{}:{}: {}", path, value.line, printable(value.key, 100));
    auto const wrong = [&](std::string const& what) {
      return Error{Errc::malformed, 0, place + ": " + what};
    };
    auto const* option = find(value.key);
    if (!option && ignores_others_) continue;
    if (!option || option->only_flag) {
      auto const section = value.key + ".";
      for (auto const& other : options_) {
        if (other.key.starts_with(section)) {
          return wrong("a section; write its keys below it, indented");
        }
      }
      return wrong("unknown key" +
                   suggestion(value.key, false, "; " + program_ + " --help lists the keys"));
    }
    if (value.empty) return wrong("has no value; write one or leave the line out");
    if (value.list && !option->list) return wrong("takes one value, not a list");
    if (auto const applied = apply(*option, value.values, place); !applied) return applied;
  }
  return {};
}

Result<std::vector<OptionTable::Given>> OptionTable::parse_flags(int argc, char const* const* argv,
                                                                 Loaded& loaded) {
  CLI::App app(about_, program_);
  app.set_version_flag("--version", program_ + " " + version_);
  app.set_help_flag("-h,--help", "This text");
  app.allow_extras();
  app.get_formatter()->column_width(40);
  std::string config;
  std::vector<std::vector<std::string>> given(options_.size());
  std::vector<CLI::Option*> flags;
  for (std::size_t i = 0; i < options_.size(); ++i) {
    auto const& option = options_[i];
    auto names = flag_of(option.key);
    if (option.letter != 0) names = fmt::format("-{},{}", option.letter, names);
    auto help = option.help;
    if (!option.shown_default.empty()) help += fmt::format(" [{}]", option.shown_default);
    if (!option.only_flag && option.key.find_first_of("_.") != std::string::npos) {
      help += fmt::format(" (key: {})", option.key);
    }
    if (option.only_flag) help += " (flag only)";
    auto* flag = option.boolean ? app.add_flag(names, given[i], help)
                                : app.add_option(names, given[i], help)
                                      ->type_name(option.value)
                                      ->expected(1)
                                      ->allow_extra_args(false);
    flag->multi_option_policy(option.list ? CLI::MultiOptionPolicy::TakeAll
                                          : CLI::MultiOptionPolicy::TakeLast);
    flags.push_back(flag);
  }
  app.add_option("--config", config, "Configuration file (YAML); flags win over it")
      ->type_name("FILE");
  app.add_flag("--print-config", loaded.print, "Print the configuration in effect, and exit");
  for (auto const& [name, help] : verbs_) app.add_subcommand(name, help)->fallthrough();
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (CLI::CallForHelp const&) {
    loaded.output = app.help();
    return Error{};
  } catch (CLI::CallForVersion const&) {
    loaded.output = program_ + " " + version_ + "\n";
    return Error{};
  } catch (CLI::ParseError const& failure) {
    return Error{Errc::malformed, 0, fmt::format("{}; see {} --help", failure.what(), program_)};
  }
  auto extras = app.remaining(true);
  if (!extras.empty()) {
    auto const name = extras[0].substr(0, extras[0].find('='));
    return Error{Errc::malformed, 0,
                 fmt::format("{}: unknown {}{}", printable(name, 100),
                             name.starts_with('-') ? "option" : "word",
                             suggestion(name, true, "; see " + program_ + " --help"))};
  }
  for (auto const* chosen : app.get_subcommands()) loaded.verb = chosen->get_name();
  loaded.file = config;
  std::vector<Given> result;
  for (std::size_t i = 0; i < options_.size(); ++i) {
    if (flags[i]->count() > 0) result.push_back(Given{&options_[i], given[i]});
  }
  return result;
}

std::string OptionTable::in_effect() const {
  std::vector<YamlEntry> entries;
  for (auto const& option : options_) {
    if (option.only_flag || !option.values) continue;
    auto values = option.values();
    if (values.empty() && !option.list) continue;
    entries.push_back({option.key, std::move(values), option.list,
                       given(option.key) ? printable(where(option.key)) : std::string()});
  }
  return yaml_text(entries);
}

Loaded OptionTable::load(int argc, char const* const* argv, std::string const& default_file) {
  Loaded loaded;
  auto const fail = [&](Error const& error) {
    loaded.exit_code = 2;
    loaded.output = fmt::format("{}: {}\n", program_, error.context);
    return loaded;
  };
  auto const flags = parse_flags(argc, argv, loaded);
  if (!flags) return loaded.output.empty() ? fail(flags.error()) : loaded;
  if (loaded.file.empty() && ::access(default_file.c_str(), F_OK) == 0) loaded.file = default_file;
  if (!loaded.file.empty()) {
    if (auto const read = load_file(loaded.file); !read) return fail(read.error());
  }
  for (auto const& [option, values] : *flags) {
    if (auto const applied = apply(*option, values, flag_of(option->key)); !applied) {
      return fail(applied.error());
    }
  }
  loaded.run = true;
  return loaded;
}

}  // namespace dadvisor::config
