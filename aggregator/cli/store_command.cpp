#include "aggregator/cli/store_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "aggregator/cli/ask.hpp"
#include "aggregator/cli/store_text.hpp"
#include "aggregator/store/backup_files.hpp"
#include "aggregator/store/real_disk.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace fs = std::filesystem;

// People name the data directory as often as the store in it.
std::string store_directory(std::string const& given) {
  std::error_code error;
  return fs::exists(given + "/store/catalogue.db", error) ? given + "/store" : given;
}

}  // namespace

struct StoreCommand::Options {
  CLI::App *all, *info, *verify, *remove, *rename, *audit, *compact, *backup, *restore;
  Peer peer;
  std::string socket = "/run/dadvisor/admin.sock";
  std::string directory, target, pattern, from, until, output = "table";
  std::vector<std::string> tags;
  bool decode = false, quiet = false, dry_run = false, merge = false;

  void add_output(CLI::App* command) {
    command->add_option("-o,--output", output, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->type_name("FORMAT")
        ->capture_default_str();
  }
  void add_socket(CLI::App* command) {
    command->add_option("--socket", socket, "the aggregator's admin socket")
        ->type_name("PATH")
        ->envname("DADVISOR_ADMIN_SOCKET")
        ->capture_default_str();
  }

  template <typename Show>
  int show(Answer const& answer, Show const& text) const {
    if (answer.status != exit_ok) return complain(answer.complaint, answer.status);
    if (output == "json") {
      std::printf("%s\n", answer.body.c_str());
      return exit_ok;
    }
    auto const shown = text(answer.body);
    if (!shown) return complain(to_string(shown.error()), exit_failed);
    std::fputs(shown->c_str(), stdout);
    return exit_ok;
  }
  Answer ask_admin(std::string method, std::string path, std::string body) const {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(path);
    if (!body.empty())
      request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(body);
    request.timeout = std::chrono::hours(1);  // a backup copies what cannot be linked
    request.max_reply = 1 << 30;
    return ask({"unix:" + fs::absolute(socket).lexically_normal().string(), "", ""},
               std::move(request));
  }

  int run_info() const;
  int run_verify() const;
  int run_delete() const;
  int run_rename() const;
  int run_backup() const;
  int run_restore() const;
};

int StoreCommand::Options::run_info() const {
  if (directory.empty()) {
    http::ClientRequest request;
    request.target = "/api/v1/status?streams=0";
    return show(ask(peer, std::move(request)), status_store_table);
  }
  store::RealDisk disk;
  store::InspectionOptions options;
  options.decode = decode;
  options.damage = [](store::StoreDamage const& damage) {
    std::fprintf(stderr, "%s\n", damage_line(damage).c_str());
  };
  auto const found = store::inspect_store(disk, store_directory(directory), options);
  if (!found) return complain(to_string(found.error()), exit_failed);
  std::fputs(inspection_table(*found).c_str(), stdout);
  return exit_ok;
}

int StoreCommand::Options::run_verify() const {
  store::RealDisk disk;
  store::InspectionOptions options;
  options.decode = true;
  options.damage = [](store::StoreDamage const& damage) {
    std::printf("%s\n", damage_line(damage).c_str());
    std::fflush(stdout);
  };
  bool const terminal = ::isatty(STDERR_FILENO) == 1;
  if (!quiet)
    options.progress = [terminal](std::string const& file, std::size_t number, std::size_t of) {
      if (terminal)
        std::fprintf(stderr, "\r\033[K%zu/%zu %s", number, of, file.c_str());
      else if (number % 100 == 0)
        std::fprintf(stderr, "%zu of %zu files\n", number, of);
    };
  auto const found = store::inspect_store(disk, store_directory(directory), options);
  if (!quiet && terminal) std::fputs("\r\033[K", stderr);
  if (!found)
    return complain(to_string(found.error()) +
                        (found.error().code == Errc::malformed
                             ? "; restore the store from a backup (dadvisor store restore)"
                             : ""),
                    found.error().code == Errc::not_found ? exit_usage : exit_failed);
  std::uint64_t files = 0, rows = 0;
  for (auto const& kind : found->kinds) files += kind.files, rows += kind.rows;
  if (found->damages > 0)
    return complain(fmt::format("{} damages in {} files", found->damages, files), exit_failed);
  if (quiet) return exit_ok;
  std::printf("ok: %lu files, %lu rows, %lu entities\n", files, rows, found->entities);
  if (found->torn_ends > 0)
    std::printf("%lu log files end in a write that was under way; nobody was told of it\n",
                found->torn_ends);
  return exit_ok;
}

int StoreCommand::Options::run_delete() const {
  std::string body = "pattern=" + http::percent_encode(pattern);
  for (std::string const& tag : tags) body += "&tag=" + http::percent_encode(tag);
  if (!from.empty()) body += "&from=" + http::percent_encode(from);
  if (!until.empty()) body += "&until=" + http::percent_encode(until);
  if (dry_run) body += "&dry_run=1";
  return show(ask_admin("POST", "/store/delete", std::move(body)),
              [this](std::string const& text) { return deletion_table(text, dry_run); });
}

int StoreCommand::Options::run_rename() const {
  auto body = "from=" + http::percent_encode(from) + "&to=" + http::percent_encode(target);
  if (merge) body += "&merge=1";
  if (dry_run) body += "&dry_run=1";
  return show(ask_admin("POST", "/store/rename", std::move(body)), rename_line);
}

int StoreCommand::Options::run_backup() const {
  // The aggregator makes it: the path must mean there what it means here.
  auto const path = fs::absolute(directory).lexically_normal().string();
  return show(ask_admin("POST", "/store/backup", "directory=" + http::percent_encode(path)),
              backup_line);
}

int StoreCommand::Options::run_restore() const {
  auto const restored = store::restore_backup(directory, target);
  if (!restored) return complain(to_string(restored.error()), exit_failed);
  std::printf("%s: %lu files, %lu bytes, rows up to %s; start the aggregator with --data-dir %s\n",
              target.c_str(), restored->files, restored->bytes,
              utc_text(unix_seconds(restored->time)).c_str(), target.c_str());
  return exit_ok;
}

StoreCommand::StoreCommand(CLI::App& app) : options_(std::make_unique<Options>()) {
  Options& o = *options_;
  o.all = app.add_subcommand("store", "look into the store, delete, back up, restore");
  o.all->require_subcommand(1);

  o.info = o.all->add_subcommand(
      "info", "what is in the store: of a running aggregator, or file by file in a directory");
  o.info->add_option("directory", o.directory, "data_dir; without it the aggregator is asked")
      ->type_name("DIR");
  o.info->add_flag("--values", o.decode, "count values too, which reads all of it");
  add_peer_options(*o.info, o.peer);

  o.verify = o.all->add_subcommand(
      "verify",
      "read everything in a store's directory and check it; beside a running aggregator "
      "too. Exit code 1, and a line for each damage, when something is not sound");
  o.verify->add_option("directory", o.directory, "data_dir")->required()->type_name("DIR");
  o.verify->add_flag("-q,--quiet", o.quiet, "print damages alone");

  o.remove = o.all->add_subcommand(
      "delete",
      "delete rows of whole entities (instances, hosts, apps, totals), by the glob of their paths; "
      "and of what others send to the Graphite ports: single series by their whole paths or tags, "
      "all series of a parent by its path. Nobody sees them from the answer on, also after a "
      "crash; "
      "their space comes back as files are merged and expire. Rows of apps and totals that were "
      "made of deleted instances stay as they are, unless the glob matches them too. In coarser "
      "tiers a window goes when any part of it is deleted. What comes for later ticks is kept");
  auto* const pattern = o.remove
                            ->add_option("pattern", o.pattern,
                                         "e.g. 'dadvisor.*.instances.shop_cart.*', 'servers.*.cpu'")
                            ->type_name("GLOB");
  o.remove
      ->add_option("--tag", o.tags,
                   "in place of GLOB: 'name=disk.used', 'host=~web.*', 'dc!=b'; several: all of "
                   "them must be so")
      ->type_name("EXPRESSION")
      ->excludes(pattern);
  o.remove->add_option("--from", o.from, "only rows from here on (Graphite's times: -2d, unix)")
      ->type_name("TIME");
  o.remove->add_option("--until", o.until, "only rows up to here; default: now")->type_name("TIME");
  o.remove->add_flag("-n,--dry-run", o.dry_run, "only say what would go");
  o.add_socket(o.remove);
  o.add_output(o.remove);

  o.rename = o.all->add_subcommand(
      "rename",
      "give a series that others send to the Graphite ports, or all series below a path, another "
      "name. All that is shown of it is written under the new name, read back, and then deleted "
      "under the old one. Have the sender use the new name first: what comes later under the old "
      "one is a series of its own. Names of apps, hosts and instances come from the agents");
  o.rename->add_option("old", o.from, "e.g. servers.web1")->required()->type_name("OLD");
  o.rename->add_option("new", o.target, "e.g. servers.fra.web1")->required()->type_name("NEW");
  o.rename->add_flag("--merge", o.merge,
                     "where a series has the new name already, join the two: the old name's values "
                     "win. Also finishes a rename that was cut");
  o.rename->add_flag("-n,--dry-run", o.dry_run, "only say how many series it would be");
  o.add_socket(o.rename);
  o.add_output(o.rename);

  o.audit = o.all->add_subcommand("audit", "who deleted, renamed or imported what, and when");
  o.add_socket(o.audit);
  o.add_output(o.audit);

  o.compact = o.all->add_subcommand(
      "compact",
      "write a running aggregator's files again without what was deleted, and many small ones as "
      "one: now, and not by and by. Rows of the last minutes are not in a file yet");
  o.add_socket(o.compact);
  o.add_output(o.compact);

  o.backup = o.all->add_subcommand(
      "backup",
      "a consistent copy of a running aggregator's store in a new directory: hard links "
      "where it is on the same file system");
  o.backup->add_option("directory", o.directory, "must not be there yet")
      ->required()
      ->type_name("DIR");
  o.add_socket(o.backup);
  o.add_output(o.backup);

  o.restore = o.all->add_subcommand(
      "restore", "copy a backup into a data directory that has no store, while no aggregator runs");
  o.restore->add_option("backup", o.directory, "what `store backup` made")
      ->required()
      ->type_name("BACKUP");
  o.restore->add_option("directory", o.target, "data_dir of the aggregator to be")
      ->required()
      ->type_name("DIR");
}

StoreCommand::~StoreCommand() = default;

bool StoreCommand::parsed() const { return options_->all->parsed(); }

int StoreCommand::run() {
  Options const& o = *options_;
  if (o.info->parsed()) return o.run_info();
  if (o.verify->parsed()) return o.run_verify();
  if (o.remove->parsed()) return o.run_delete();
  if (o.rename->parsed()) return o.run_rename();
  if (o.audit->parsed()) return o.show(o.ask_admin("GET", "/store/audit", ""), audit_table);
  if (o.compact->parsed())
    return o.show(o.ask_admin("POST", "/store/compact", ""), compaction_line);
  return o.backup->parsed() ? o.run_backup() : o.run_restore();
}

}  // namespace dadvisor::aggregator::cli
