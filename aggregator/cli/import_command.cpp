#include "aggregator/cli/import_command.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <set>

#include "aggregator/cli/point_sender.hpp"
#include "aggregator/cli/text_lines.hpp"
#include "common/core/clock.hpp"
#include "common/core/fd.hpp"
#include "common/core/log.hpp"
#include "graphite-bridge/carbon/point_line.hpp"
#include "graphite-bridge/carbon/point_path.hpp"
#include "graphite-bridge/carbon/whisper_file.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_told = 20;  // faults of one input; the rest is counted
constexpr std::size_t most_whisper_bytes = std::size_t{1} << 30;

// Faults of the input: the first ones are told one by one.
class Faults {
 public:
  void tell(std::string const& where, std::string const& what) {
    if (++count_ <= most_told) std::fprintf(stderr, "%s: %s\n", where.c_str(), what.c_str());
  }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
};

// What the input is: an import that was cut short goes on only with the same.
std::string print_of(std::string const& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path + "\n";
  return fmt::format("{} {} {}.{}\n", path, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

// "a/b/c.wsp" below the directory is the series a.b.c, as graphite-web's finder has it; in
// "_tagged" stand tagged ones, whose name is the file's.
std::string whisper_series(fs::path const& below) {
  auto name = below;
  name.replace_extension();
  if (*below.begin() == "_tagged") {
    auto text = name.filename().string();
    for (auto at = text.find("_DOT_"); at != std::string::npos; at = text.find("_DOT_", at + 1))
      text.replace(at, 5, ".");
    return text;
  }
  std::string path;
  for (auto const& node : name) path += (path.empty() ? "" : ".") + node.string();
  return path;
}

// A span over a day's end comes with each day.
Result<void> add_whisper_point(DayFiles& files, std::uint32_t series,
                               graphite::WhisperPoint const& point, bool shared) {
  std::int64_t const end = point.time + point.span;
  for (std::int64_t time = point.time; time < end;) {
    std::int64_t const until = std::min(end, time - time % day_seconds + day_seconds);
    double const part = static_cast<double>(until - time) / static_cast<double>(point.span);
    auto const added = files.add({series, time, shared ? point.value * part : point.value,
                                  static_cast<std::int32_t>(until - time)});
    if (!added) return added;
    time = until;
  }
  return {};
}

}  // namespace

struct ImportCommand::Options {
  CLI::App *graphite, *whisper;
  std::string socket = "/run/dadvisor/admin.sock";
  std::string source, prefix, work;
  bool quiet = false;

  Result<DayFiles> open_files(std::string const& source_print, std::string& directory) const;
  Result<void> read_lines(DayFiles& files, Faults& faults) const;
  Result<void> read_whisper(DayFiles& files, std::vector<fs::path> const& all,
                            Faults& faults) const;
  Result<std::vector<fs::path>> whisper_files() const;
  int run(std::string const& source_print,
          std::function<Result<void>(DayFiles&, Faults&)> const& read) const;
};

Result<DayFiles> ImportCommand::Options::open_files(std::string const& source_print,
                                                    std::string& directory) const {
  directory = work;
  if (directory.empty()) {
    std::error_code error;
    directory = (fs::temp_directory_path(error) / "dadvisor-import-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) return os_error(errno, directory);
  }
  return DayFiles::open(directory, source_print);
}

Result<void> ImportCommand::Options::read_lines(DayFiles& files, Faults& faults) const {
  auto lines = TextLines::open(source);
  if (!lines) return lines.error();
  std::int64_t const now = unix_seconds(SystemClock().wall());
  for (std::uint64_t number = 1;; ++number) {
    auto const line = lines->next();
    if (!line) return line.error().within(fmt::format("{}:{}", source, number));
    if (!*line) return {};
    if (line->value().empty()) continue;
    auto const fault = [&](char const* what) {
      faults.tell(fmt::format("{}:{}", source, number), what);
    };
    auto const point = graphite::parse_point_line(**line);
    if (!point) {
      fault("is no \"PATH VALUE TIME\"");
    } else if (!std::isfinite(point->value)) {
      fault("its value is not finite");
    } else if (!(point->time >= 0 && point->time <= static_cast<double>(now) + 600)) {
      fault("its time lies before 1970 or in the future");
    } else if (auto const path = graphite::canonical_path(prefix + std::string(point->path));
               !path) {
      fault(to_string(path.error()).c_str());
    } else if (auto added = files.add({files.series(*path, 0),
                                       static_cast<std::int64_t>(point->time), point->value, 0});
               !added) {
      return added;
    }
  }
}

Result<std::vector<fs::path>> ImportCommand::Options::whisper_files() const {
  std::vector<fs::path> all;
  std::error_code error;
  if (!fs::is_directory(source, error))
    return Error{Errc::not_found, 0, source + ": is no directory; name whisper's, with the .wsp"};
  for (fs::recursive_directory_iterator it(source, error), end; !error && it != end;
       it.increment(error))
    if (it->path().extension() == ".wsp" && it->is_regular_file(error)) all.push_back(it->path());
  if (error) return os_error(error.value(), source);
  std::ranges::sort(all);
  return all;
}

Result<void> ImportCommand::Options::read_whisper(DayFiles& files, std::vector<fs::path> const& all,
                                                  Faults& faults) const {
  std::int64_t const now = unix_seconds(SystemClock().wall());
  for (fs::path const& path : all) {
    auto const bytes = read_file(path.string(), most_whisper_bytes);
    auto const read = bytes ? graphite::read_whisper_file(*bytes, now)
                            : Result<graphite::WhisperFile>(bytes.error());
    if (!read) {
      faults.tell(path.string(), to_string(read.error()));
      continue;
    }
    auto const name =
        graphite::canonical_path(prefix + whisper_series(path.lexically_relative(source)));
    if (!name) {
      faults.tell(path.string(), to_string(name.error()));
      continue;
    }
    if (read->not_finite > 0)
      faults.tell(path.string(), fmt::format("{} values are not finite", read->not_finite));
    auto const series = files.series(*name, read->archives.front().step);
    bool const shared = read->method == graphite::AggregationMethod::sum;
    for (graphite::WhisperPoint const& point : read->points)
      if (auto added = add_whisper_point(files, series, point, shared); !added) return added;
  }
  return {};
}

int ImportCommand::Options::run(std::string const& source_print,
                                std::function<Result<void>(DayFiles&, Faults&)> const& read) const {
  std::string directory;
  auto files = open_files(source_print, directory);
  if (!files) return complain(to_string(files.error()), exit_failed);
  Faults faults;
  if (!files->complete()) {
    auto done = read(*files, faults);
    if (done) done = files->finish();
    if (!done) {
      if (work.empty()) files->remove_all();
      return complain(to_string(done.error()),
                      done.error().code == Errc::not_found ? exit_usage : exit_failed);
    }
  }
  Sent sent;
  auto const answer = send_days(*files, socket, !quiet && ::isatty(STDERR_FILENO) == 1, sent);
  if (answer.status == exit_ok || work.empty()) files->remove_all();
  std::uint64_t refused = faults.count();
  if (faults.count() > most_told)
    std::fprintf(stderr, "and %lu more\n", faults.count() - most_told);
  for (auto const& [why, count] : sent.refused) {
    std::fprintf(stderr, "refused: %lu points: %s\n", count, why.c_str());
    refused += count;
  }
  if (sent.kept > 0)
    std::fprintf(stderr, "%lu values stay out: their windows hold more already\n", sent.kept);
  if (!quiet)
    std::printf("%lu points taken, sum %.17g, read back the same\n", sent.points, sent.sum);
  if (answer.status != exit_ok)
    return complain(answer.complaint + (work.empty() ? "" : "; the same command goes on from here"),
                    answer.status);
  return refused > 0 ? exit_partial : exit_ok;
}

ImportCommand::ImportCommand(CLI::App& app) : options_(std::make_unique<Options>()) {
  Options& o = *options_;
  auto const common = [&o](CLI::App* command) {
    command->add_option("--prefix", o.prefix, "put before each name, e.g. 'old.'")
        ->type_name("TEXT");
    command
        ->add_option("--work", o.work,
                     "where points wait, sorted by days; with it an import that was cut short goes "
                     "on where it ended. Without it a directory in $TMPDIR that goes at the end")
        ->type_name("DIR");
    command->add_flag("-q,--quiet", o.quiet, "say what was refused alone");
    command->add_option("--socket", o.socket, "the aggregator's admin socket")
        ->type_name("PATH")
        ->envname("DADVISOR_ADMIN_SOCKET")
        ->capture_default_str();
  };
  o.graphite = app.add_subcommand(
      "import-graphite",
      "take points of any age into a running aggregator's store: plaintext lines, gzip or not");
  o.graphite->footer(
      "What raw rows are still kept of becomes raw rows; older points become windows of the tiers. "
      "The same file again changes nothing. Lines that are no points are told with their numbers; "
      "exit code 5 when anything was refused.");
  o.graphite->add_option("file", o.source, "lines \"PATH VALUE TIME\"; - is standard input")
      ->required()
      ->type_name("FILE");
  common(o.graphite);
  o.whisper = app.add_subcommand(
      "import-whisper", "take all archives of whisper's files into a running aggregator's store");
  o.whisper->footer(
      "DIR/a/b/c.wsp is the series a.b.c. Finer archives count where they reach; a point of a "
      "coarser one is the value of all its slots. A new series has the step of its finest archive; "
      "how it is shown follows the aggregator's storage-schemas.conf and storage-aggregation.conf. "
      "The same files again change nothing; exit code 5 when anything was refused.");
  o.whisper->add_option("directory", o.source, "where the .wsp are, e.g. /var/lib/graphite/whisper")
      ->required()
      ->type_name("DIR");
  common(o.whisper);
}

ImportCommand::~ImportCommand() = default;

bool ImportCommand::parsed() const {
  return options_->graphite->parsed() || options_->whisper->parsed();
}

int ImportCommand::run() {
  Options const& o = *options_;
  if (o.graphite->parsed())
    return o.run(print_of(o.source) + o.prefix + "\n",
                 [&o](DayFiles& files, Faults& faults) { return o.read_lines(files, faults); });
  auto const all = o.whisper_files();
  if (!all)
    return complain(to_string(all.error()),
                    all.error().code == Errc::not_found ? exit_usage : exit_failed);
  std::string print = o.source + "\n" + o.prefix + "\n";
  for (fs::path const& path : *all) print += print_of(path.string());
  return o.run(print, [&o, &all](DayFiles& files, Faults& faults) {
    return o.read_whisper(files, *all, faults);
  });
}

}  // namespace dadvisor::aggregator::cli
