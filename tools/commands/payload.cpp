#include "commands/payload.hpp"

#include <memory>

#include "files.hpp"
#include "input/options.hpp"
#include "output/json.hpp"
#include "output/payload_text.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

void check(const context& c, const payload_options& x) {
  if (c.json() && x.raw)
    throw usage_error{"--json and --raw are at odds"};
  if (c.json() && x.output)
    throw usage_error{"--json and --output are at odds"};
  if (x.force && !x.output)
    throw usage_error{"--force needs --output"};
  if (!x.output)
    return;
  check_is_no_store_file("--output", *x.output, c.file());
  check_is_no_store_file("--output", *x.output + ".part", c.file());
}

// Why there is none.
std::string reason_for(payload_outcome outcome) {
  switch (outcome) {
    case payload_outcome::delivered:
      return " has no payload any more: it is Delivered, and one is kept until "
             "then";
    case payload_outcome::discarded:
      return " has no payload any more: it is Discarded, and one is kept until "
             "then";
    case payload_outcome::never_kept:
      return " has no payload: it was recorded without its call";
    case payload_outcome::requeued:
      return " has no payload any more: it was requeued, and its successor has "
             "it";
    case payload_outcome::found:
    case payload_outcome::not_found:
      break;
  }
  return " is not there: purged or never recorded";
}

void write_to_file(const payload_options& x, const std::string& payload) {
  part_file target{*x.output, {.place = std::nullopt, .overwrite = x.force}};
  try {
    writer out{target.descriptor(), target.shown_part()};
    out.write(payload);
    out.flush();
    target.publish();
  } catch (...) {
    target.keep(0);
    throw;
  }
}

void print(context& c, const payload_options& x, const std::string& payload) {
  if (x.output) {
    write_to_file(x, payload);
    c.out().write("wrote " + std::to_string(payload.size())
                  + (payload.size() == 1 ? " byte to " : " bytes to ")
                  + escape(*x.output) + '\n');
  } else if (x.raw) {
    c.out().write(payload);
  } else {
    c.out().write(payload_text(payload));
  }
}

} // namespace

command setup_payload(CLI::App& parent) {
  auto x = std::make_shared<payload_options>();
  auto& app = add_command(parent, "payload",
                          "show what a call sends, as long as it is kept");
  add_id(app, x->ids, "the operation");
  add_switch(app, "--raw", x->raw, "its bytes as they are");
  add_text(app, "-o,--output", x->output, "FILE",
           "write its bytes as they are there");
  add_switch(app, "--force", x->force, "replace FILE if it is there");
  add_footer(
    app,
    "Control characters and what is not UTF-8 are escaped, but for line ends\n"
    "and tabs. What the host has encoded is shown as it is stored.\n"
    "Ends with 1 if there is no payload, and says why.\n"
    "\n"
    "Examples:\n"
    "  waybill payload --db track.db 01932c07-f2a1\n"
    "  waybill payload --db track.db 01932c07-f2a1 --raw | jq .");
  return {&app, [x](context& c) { return run_payload(c, *x); }};
}

exit_code run_payload(context& c, const payload_options& x) {
  check(c, x);
  auto reader = c.open_reader();
  const auto id = find_ids(reader, x.ids).front();
  const auto reply = reader.get_payload({.id = id, .deadline = std::nullopt});
  if (c.json())
    c.print_json(payload_json(id, reply));
  if (!reply.payload) {
    c.note(to_string(id) + reason_for(reply.outcome));
    return exit_code::not_found;
  }
  if (c.json())
    return exit_code::ok;
  print(c, x, *reply.payload);
  if (reply.codec)
    c.note("the host has encoded it as " + escape(*reply.codec)
           + "; these are the bytes as they are stored");
  return exit_code::ok;
}

std::string payload_json(const tracked_operation_id& id,
                         const payload_reply& reply) {
  nlohmann::ordered_json object{{"id", to_string(id)},
                                {"outcome", to_string(reply.outcome)},
                                {"codec", nullptr},
                                {"encoding", nullptr},
                                {"payload", nullptr}};
  if (reply.codec)
    object["codec"] = *reply.codec;
  if (reply.payload) {
    const auto is_text = is_valid_utf8(*reply.payload);
    object["encoding"] = is_text ? "utf-8" : "base64";
    object["payload"] = is_text ? *reply.payload : base64(*reply.payload);
  }
  return json_text(object);
}

} // namespace waybill::cli
