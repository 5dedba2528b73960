// What each answer is made from.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "waybill/access.hpp"
#include "waybill/http_message.hpp"
#include "waybill/messages.hpp"
#include "waybill/stats.hpp"
#include "waybill/store_source.hpp"
#include "waybill/times.hpp"

namespace waybill::dashboard {

/// What only the service that runs on the store knows.
struct service_facts {
  health_reply health;
  /// None: it does not answer, and `health` says so.
  std::optional<stats_reply> stats = std::nullopt;
};

/// The way to the service, for what operators do.
struct action_link {
  /// Whom this runs as.
  std::string user;
  /// Sends it a line (operator_messages.hpp), and waits for its answer.
  /// @returns none if no service listens: nothing is done.
  /// @throws operator_error whose code tells whether anything may be done.
  std::function<std::optional<std::string>(const std::string& line)> ask;
};

/// What is shown, and to whom.
struct site {
  /// In the header, for people who have more than one.
  std::string name;
  std::string version;
  zone where = zone::local;
  /// Whether there is nothing but `/metrics`.
  bool metrics_only = false;
  access_rules access = {};
  std::function<timestamp()> now = &timestamp::now;
  /// Asks the service; none: none runs.
  std::function<std::optional<service_facts>()> ask_service = {};
  /// None: nobody can do anything here but look.
  std::optional<action_link> actions = std::nullopt;
};

struct answer_context {
  const site& about;
  const http_request& asked;
  store_source& source;
  store_reader& store;
  timestamp now;
  const std::optional<service_facts>& service;
};

} // namespace waybill::dashboard
