#include "site_runtime/input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <system_error>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

using nlohmann::json;

// Deep enough for any call; bounds the recursion of whoever writes the value.
constexpr int max_depth = 64;

json parse_json(std::string_view line) {
  const auto check_depth = [](int depth, json::parse_event_t, json&) {
    if (depth > max_depth)
      throw bad_line{"nested more than " + std::to_string(max_depth)
                     + " levels deep"};
    return true;
  };
  try {
    return json::parse(line, check_depth);
  } catch (const json::parse_error& e) {
    throw bad_line{"not JSON (byte " + std::to_string(e.byte) + ')'};
  } catch (const json::exception& e) {
    // For example a number that no double can hold.
    throw bad_line{
      "not JSON that can be used: "
      + waybill::escape(std::string_view{e.what()}.substr(0, 200))};
  }
}

// Where a value ends that begins at `at` of a valid JSON text.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (bool quoted = false; at < text.size(); ++at) {
    const auto c = text[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      quoted = c != '"';
      if (!quoted && depth == 0)
        return at + 1;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == '}' || c <= ' ')) {
      return at;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return at;
}

// What stands for a member's value in the text of an object.
using raw_members = std::map<std::string, std::string_view>;

// The members of an object, of which `text` is valid JSON: a parsed value would
// have other digits, another order, and one member of a name only.
// @throws bad_line for a name that comes twice.
raw_members members_of(std::string_view text) {
  raw_members members;
  for (auto at = text.find('{') + 1;;) {
    at = text.find_first_of("\"}", at);
    if (text[at] == '}')
      return members;
    const auto name_end = end_of_value(text, at);
    const auto name
      = json::parse(text.substr(at, name_end - at)).get<std::string>();
    at = text.find_first_not_of(" \t\r\n", text.find(':', name_end) + 1);
    const auto end = end_of_value(text, at);
    if (!members.emplace(name, text.substr(at, end - at)).second)
      throw bad_line{waybill::escape(waybill::truncate_utf8(name, 100))
                     + ": is there twice"};
    at = end;
  }
}

const json& required(const json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end())
    throw bad_line{std::string{name} + ": is missing"};
  return *at;
}

void check_path(const json& path) {
  const auto* const text = path.get_ptr<const std::string*>();
  if (text == nullptr || !text->starts_with('/')
      || text->size() > waybill::limits::max_target)
    throw bad_line{"path: must be a text that begins with / and has at most "
                   + std::to_string(waybill::limits::max_target) + " bytes"};
  for (const auto c : *text)
    if (c <= ' ' || c > '~')
      throw bad_line{"path: must be written as in a URL, without blanks and "
                     "characters outside ASCII"};
}

} // namespace

// A path has no line ends.
std::string to_payload(const external_request& x) {
  return x.path + '\n' + x.body;
}

external_request to_request(std::string_view payload) {
  const auto end = payload.find('\n');
  return {.path = std::string{payload.substr(0, end)},
          .body = std::string{payload.substr(end + 1)}};
}

waybill::forward_call parse_call(std::string_view line) {
  if (line.find_first_not_of(" \t") == std::string_view::npos)
    throw bad_line{"empty"};
  if (line.find('\0') != std::string_view::npos)
    throw bad_line{"contains NUL"};
  if (!waybill::is_valid_utf8(line))
    throw bad_line{"not valid UTF-8"};
  auto object = parse_json(line);
  if (!object.is_object())
    throw bad_line{"not a JSON object"};

  const auto as_written = members_of(line);

  // What waybill tracks stays in the object; what is sent becomes the payload.
  if (object.contains("payload"))
    throw bad_line{"payload: is no field of a call"};
  std::string payload;
  if (const auto& kind = required(object, "kind"); kind == external_kind) {
    check_path(required(object, "path"));
    required(object, "body");
    payload = to_payload({.path = object["path"].get<std::string>(),
                          .body = std::string{as_written.at("body")}});
    object.erase("path");
    object.erase("body");
  } else if (kind == database_kind) {
    if (!required(object, "row").is_object())
      throw bad_line{"row: must be an object"};
    payload = as_written.at("row");
    members_of(payload);
    object.erase("row");
  } else {
    throw bad_line{"kind: must be " + std::string{external_kind} + " or "
                   + std::string{database_kind}};
  }
  object["payload"] = std::move(payload);
  waybill::forward_call call;
  try {
    call = waybill::from_json<waybill::forward_call>(object);
  } catch (const waybill::json_error& e) {
    throw bad_line{e.what()};
  }
  if (const auto fault = find_fault(call))
    throw bad_line{*fault};
  return call;
}

input::input(const std::string& path) {
  if (path == "-") {
    fd_ = STDIN_FILENO;
  } else {
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    owned_ = true;
  }
  struct stat about {};
  if (fd_ < 0 || fstat(fd_, &about) != 0)
    throw std::system_error{errno, std::generic_category()};
  if (S_ISDIR(about.st_mode)) {
    if (owned_)
      close(fd_);
    throw std::system_error{EISDIR, std::generic_category()};
  }
}

input::~input() {
  if (owned_)
    close(fd_);
}

std::optional<input::line> input::next(std::chrono::milliseconds patience) {
  for (;;) {
    if (const auto end = buffer_.find('\n', searched_);
        end != std::string::npos) {
      auto result = take(end - begin_);
      begin_ = searched_ = end + 1;
      return result;
    }
    searched_ = buffer_.size();
    if (searched_ - begin_ > max_line) {
      // The rest of the line is read, but not kept. A `\r` at the end of what
      // is kept cannot matter any more.
      too_long_ = true;
      buffer_.resize(begin_ + 1);
      searched_ = buffer_.size();
    }
    if (source_ended_) {
      at_end_ = begin_ == buffer_.size();
      if (at_end_)
        return std::nullopt;
      auto result = take(buffer_.size() - begin_);
      begin_ = searched_ = buffer_.size();
      return result;
    }
    if (!fill(patience))
      return std::nullopt;
  }
}

// Reads more. Returns false if nothing came in time; the end is something.
bool input::fill(std::chrono::milliseconds patience) {
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  const auto ready = poll(&waiting, 1, static_cast<int>(patience.count()));
  if (ready == 0 || (ready < 0 && errno == EINTR))
    return false;
  constexpr std::size_t chunk = 65'536;
  const auto size = buffer_.size();
  buffer_.resize(size + chunk);
  const auto got = read(fd_, buffer_.data() + size, chunk);
  const auto error = errno;
  buffer_.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0 && (error == EINTR || error == EAGAIN))
    return false;
  if (got < 0)
    throw std::system_error{error, std::generic_category()};
  source_ended_ = got == 0;
  return true;
}

input::line input::take(std::size_t size) {
  line result{.number = ++number_,
              .text = buffer_.substr(begin_, size),
              .too_long = std::exchange(too_long_, false) || size > max_line};
  if (result.text.ends_with('\r'))
    result.text.pop_back();
  return result;
}

} // namespace site_runtime
