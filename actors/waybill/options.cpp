#include "waybill/options.hpp"

#include <array>
#include <cstdio>
#include <string>

#include "waybill/config_section.hpp"
#include "waybill/option_list.hpp"

namespace waybill {

namespace {

using namespace std::chrono_literals;

// Which names can be used, the file system says.
bool is_path(const std::string& x) {
  return !x.empty();
}

constexpr const char* durability_names[] = {"off", "normal", "full"};
constexpr const char* duplicate_scope_names[] = {"calls", "all"};
constexpr const char* on_off_names[] = {"off", "on"};

template <class Kind>
using place = option<options>::place<Kind>;

const std::array<option<options>, 25> all_options{{
  {"file", place<text_kind>{&options::file, {&is_path, "a path"}},
   "the database; its folder must exist, on a local file system"},
  {"synchronous",
   place<choice_kind<durability>>{&options::synchronous, {durability_names}},
   "what an answer survives: `full` power loss and crashes of the "
   "operating system; `normal` only a killed process (after the others "
   "the file is sound, the last answers may be gone); `off` only a "
   "killed process (after the others the file may be damaged)"},
  {"last_error_cap",
   place<number_kind>{&options::last_error_cap,
                      {store_options::last_error_cap_range}},
   "longer error texts are shortened"},
  {"checkpoint_pages",
   place<number_kind>{&options::checkpoint_pages,
                      {store_options::checkpoint_pages_range}},
   "the write-ahead log is copied into the file at this size, or at an eighth "
   "of what the disk has free; a page has "
   "4,096 bytes"},
  {"history",
   place<number_kind>{&options::history, {store_options::history_range}},
   "how many transitions of an operation are kept at least, and less "
   "than twice as many; 0 keeps none, and nothing can be watched"},
  {"audit_records",
   place<number_kind>{&options::audit_records,
                      {store_options::audit_records_range}},
   "how many acts of operators the audit tells of; those recorded first go. "
   "0 records none: those that are there stay, and commands that own the "
   "store record theirs"},
  {"cache_bytes",
   place<number_kind>{&options::cache_bytes,
                      {store_options::cache_bytes_range}},
   "SQLite's page cache"},
  {"max_batch",
   place<number_kind>{&options::max_batch, {{1, 65'536, "requests"}}},
   "requests in one transaction at most"},
  {"max_waiting_requests",
   place<number_kind>{&options::max_waiting_requests,
                      {{1, 10'000'000, "requests"}}},
   "waiting requests; one more is answered `overloaded`"},
  {"max_waiting_bytes",
   place<number_kind>{&options::max_waiting_bytes,
                      {{1'024, 17'179'869'184, "bytes"}}},
   "their texts; past it the answer is `overloaded`, but one request is "
   "let in whatever its size while no bytes wait"},
  {"max_waits",
   place<number_kind>{&options::max_waits, {{1, 1'000'000, "operations"}}},
   "operations that are waited for, a quarter of them by one sender; past it "
   "the answer is `overloaded`"},
  {"max_watches",
   place<number_kind>{&options::max_watches, {{1, 10'000, "watches"}}},
   "open watches, a quarter of them of one sender; one more is answered "
   "`overloaded`"},
  {"purge_chunk_rows",
   place<number_kind>{&options::purge_chunk_rows, {{1, 100'000, "rows"}}},
   "rows deleted before waiting requests get their turn"},
  {"retention_delivered", place<window_kind>{&options::retention_delivered, {}},
   "how long delivered operations are kept"},
  {"retention_parked", place<window_kind>{&options::retention_parked, {}},
   "how long parked operations are kept"},
  {"retention_failed", place<window_kind>{&options::retention_failed, {}},
   "how long failed operations are kept"},
  {"retention_discarded", place<window_kind>{&options::retention_discarded, {}},
   "how long discarded operations are kept"},
  {"retention_payloads", place<window_kind>{&options::retention_payloads, {}},
   "how long parked and failed operations are kept that still hold a "
   "payload"},
  {"retention_interval",
   place<duration_kind>{&options::retention_interval, {100ms, 720h}},
   "how often finished operations are purged"},
  {"duplicate_window", place<window_kind>{&options::duplicate_window, {}},
   "how long operations are remembered that were purged: a call with such an "
   "id is answered `duplicate`, and not made again; 0s remembers none"},
  {"duplicate_window_for",
   place<choice_kind<duplicate_scope>>{&options::duplicate_window_for,
                                       {duplicate_scope_names}},
   "`calls`: those that store-and-forward had taken, and for it alone; `all`: "
   "all operations, so that `record_enqueue` is a duplicate, too"},
  {"max_tombstones",
   place<number_kind>{&options::max_tombstones,
                      {store_options::max_tombstones_range}},
   "how many are remembered at most, of about 30 bytes; past it the first "
   "purged are forgotten"},
  {"status_timeout", place<duration_kind>{&options::status_timeout, {1ms, 1h}},
   "how long a status request waits for the tracker"},
  {"stop_timeout", place<duration_kind>{&options::stop_timeout, {1ms, 1h}},
   "how long `stop()` waits for what is running"},
  {"operator_socket",
   place<choice_kind<on_off>>{&options::operator_socket, {on_off_names}},
   "`on`: commands of operators reach the service by a socket beside the file, "
   "for its user and root only"},
}};

// Sets all windows but that of payloads; not an option of its own.
constexpr const char* all_windows = "retention";

options read_all(nlohmann::json object) {
  options x;
  if (const auto at = object.find(all_windows); at != object.end()) {
    const auto window = window_kind{}.read(all_windows, *at);
    x.retention_delivered = window;
    x.retention_parked = window;
    x.retention_failed = window;
    x.retention_discarded = window;
    object.erase(at);
  }
  read_options(all_options, object, x);
  validate(x);
  return x;
}

} // namespace

void print_notice(severity level, const std::string& text) {
  constexpr std::array<const char*, 3> names{"", "warning: ", "error: "};
  std::fprintf(stderr, "waybill: %s%s\n",
               names.at(static_cast<std::size_t>(level)), text.c_str());
}

void notify(const notice_function& notify, severity level,
            const std::string& text) noexcept {
  try {
    if (notify)
      notify(level, text);
  } catch (...) {
    // A notice is for people; work goes on without it.
  }
}

std::vector<option_info> describe_options() {
  return describe(all_options);
}

void validate(const options& x) {
  check_options(all_options, x);
}

options options_from_json(std::string_view text) {
  return read_all(parse_options(text));
}

options options_from_json_file(const std::string& path) {
  return from_options_file(path, &options_from_json);
}

options options_from_config(const caf::actor_system_config& config) {
  return read_all(config_section(config, "waybill"));
}

void add_options(caf::config_option_set& to) {
  add_options(to, "waybill", all_options);
  add_option(to, "waybill", all_windows, false,
             "sets all windows but that of payloads");
}

} // namespace waybill
