#pragma once
// The notifier as the operator configured it: mails by his server, robots and webhooks by the
// notify file. Ends the program where the configuration cannot be.

#include <memory>
#include <string>

#include "aggregator/notify/figures_context.hpp"
#include "aggregator/notify/notifier.hpp"
#include "aggregator/settings.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator {

// `url`: how people reach this aggregator. `figures` and `clock` must outlive the notifier.
std::unique_ptr<notify::Notifier> open_notifier(Settings const& settings,
                                                notify::Directory const& directory,
                                                notify::FiguresContext const& figures,
                                                std::string const& url, Clock const& clock,
                                                Log const& log);

}  // namespace dadvisor::aggregator
