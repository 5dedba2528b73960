// What a POST asks for: the fields of the JSON object that is its body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/audit_messages.hpp"
#include "waybill/field_list.hpp"
#include "waybill/http_message.hpp"

namespace waybill::dashboard {

/// All that can be said of an act; no verb has all of it.
struct act_request {
  /// What it is done to: these, or those that a filter lets through, which has
  /// the names of `GET operations`.
  std::vector<tracked_operation_id> ids = {};
  std::optional<parameters> filter = std::nullopt;
  std::optional<std::string> target = std::nullopt;
  std::optional<std::string> older_than = std::nullopt;
  std::vector<std::string> status = {};
  bool with_payload = false;
  /// For the audit: why, and who says so.
  std::optional<std::string> reason = std::nullopt;
  std::optional<std::string> who = std::nullopt;
  /// Steps with the same id are one act.
  std::optional<tracked_operation_id> act = std::nullopt;
  /// Only counts.
  bool dry_run = false;
  /// What the dry run was answered with, and the step before.
  std::optional<std::string> bound = std::nullopt;
  std::optional<std::string> cursor = std::nullopt;
  /// How many a step looks at.
  std::optional<std::int32_t> limit = std::nullopt;

  static constexpr const char* type_name = "act_request";
  static constexpr auto fields() {
    using self = act_request;
    return std::tuple{field{"ids", &self::ids},
                      field{"filter", &self::filter},
                      field{"target", &self::target},
                      field{"older_than", &self::older_than},
                      field{"status", &self::status},
                      field{"with_payload", &self::with_payload},
                      field{"reason", &self::reason},
                      field{"who", &self::who},
                      field{"act", &self::act},
                      field{"dry_run", &self::dry_run},
                      field{"bound", &self::bound},
                      field{"cursor", &self::cursor},
                      field{"limit", &self::limit}};
  }
};

/// Whether requests of that verb have that field.
bool has_field(audit_verb verb, std::string_view name) noexcept;

/// @throws query_error naming the field that is unknown or ill-typed.
act_request parse_act(const std::string& body, audit_verb verb);

/// Whether operations in that status can be meant.
bool may_be_meant(audit_verb verb, tracking_status status) noexcept;

} // namespace waybill::dashboard
