// Makes a store with three hours of a dairy's life, for the documentation's
// pictures: the MES was away for a while, and the historian is being updated.
//
// Usage: sample_store FILE
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "waybill/call_store.hpp"
#include "waybill/operation_tracking_store.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using std::chrono::milliseconds;

namespace {

struct sort_of_call {
  const char* target;
  const char* kind;
  const char* summary;
  const char* script;
};

constexpr std::array sorts{sort_of_call{"mes", "ExternalSystem.CachedCall",
                                        "POST /mes/work-orders/progress",
                                        "OnOrderProgress"},
                           sort_of_call{"wms", "ExternalSystem.CachedCall",
                                        "POST /wms/pallets", "OnPalletDone"},
                           sort_of_call{"erp", "ExternalSystem.CachedCall",
                                        "POST /erp/receipts", "OnGoodsReceipt"},
                           sort_of_call{"historian", "Database.CachedWrite",
                                        "historian.measurement", "OnSample"}};

struct outcome {
  tracking_status status = tracking_status::delivered;
  std::optional<std::string> error = std::nullopt;
  std::optional<std::int32_t> http = std::nullopt;
};

class sample {
public:
  explicit sample(const std::string& file) : store_{options_of(file)} {}

  void make() {
    for (const auto& each : sorts)
      store_.calls().open_target({each.target, {}, 3, {}}, now_ - 3h);
    for (auto ago = 180min; ago > 0min; ago -= 1min)
      for (auto n = (ago > 60min ? 4 : 12) + number(9); n > 0; --n)
        at(now_ - ago + milliseconds{number(60'000)}, [this](timestamp t) {
          take(sorts.at(static_cast<std::size_t>(number(sorts.size()))), t);
        });
    at(paused_, [this](timestamp t) {
      store_.calls().pause({"historian", "anna", "schema update until noon"},
                           t);
    });
    while (!events_.empty() && events_.begin()->first < now_) {
      const auto next = events_.extract(events_.begin());
      next.mapped()(next.key());
    }
    store_.close();
  }

private:
  static store_options options_of(const std::string& file) {
    store_options x;
    x.file = file;
    return x;
  }

  int number(std::uint64_t below) {
    return static_cast<int>(random_() % below);
  }

  std::string text(std::uint64_t below) {
    return std::to_string(number(below));
  }

  void at(timestamp t, std::function<void(timestamp)> act) {
    events_.emplace(t, std::move(act));
  }

  void take(const sort_of_call& sort, timestamp t) {
    const auto waits = sort.target == sorts.back().target && t > paused_;
    if (waits && number(12) > 0)
      return; // as few as fit on a page
    forward_call call;
    call.id = {(static_cast<std::uint64_t>(t.us() / 1'000) << 16U) | 0x7000U
                 | (random_() & 0xFFFU),
               0x8000'0000'0000'0000U | (random_() >> 2U)};
    call.kind = sort.kind;
    call.target_summary = sort.summary;
    call.source_instance_id = "Dairy.Line" + std::to_string(1 + number(3))
                              + ".Labeler";
    call.source_script = sort.script;
    call.source_node = "site-a-" + std::to_string(1 + number(2));
    call.payload = std::string(static_cast<std::size_t>(120 + number(900)),
                               '.');
    take_call request;
    request.target = sort.target;
    request.call = call;
    request.begin = true;
    const auto head = store_.calls().take(request, t).head;
    if (!waits)
      at(t + milliseconds{60 + number(900)}, [=, this](timestamp ended) {
        end(head, outcome_of(sort, ended), ended);
      });
  }

  outcome outcome_of(const sort_of_call& sort, timestamp t) {
    using enum tracking_status;
    const auto is_away = sort.target == sorts.front().target && t > now_ - 34min
                         && t < now_ - 22min;
    if (is_away)
      return {parked,
              "503 Service Unavailable: mes-app-" + text(4)
                + " is draining, retry later",
              503};
    switch (number(120)) {
      case 0:
      case 1:
        return {failed,
                "422 Unprocessable Content: work order WO-48" + text(900)
                  + " is not released for Line" + text(3),
                422};
      case 2:
        return {failed,
                "409 Conflict: pallet 34012349" + text(1'000'000)
                  + " is closed already",
                409};
      case 3:
      case 4:
        return {parked, "no answer within 2 s"};
      case 5:
        return {parked, "connection reset by peer before the answer came "
                        "(10.20.0."
                          + text(200) + ":8443)"};
      default:
        return {delivered, std::nullopt, 200};
    }
  }

  // What is to be parked is tried again first.
  void end(call_head head, const outcome& how, timestamp t) {
    auto calls = store_.calls();
    if (how.status == tracking_status::parked && head.attempt < 5) {
      const auto pause = 2'000ms * (1 << head.attempt);
      calls.retry(
        {head.seq, head.id, head.attempt, t + pause, how.error, how.http}, t);
      ++head.attempt;
      at(t + pause, [=, this](timestamp begun) {
        store_.calls().begin({head.seq, head.id, head.attempt}, begun);
        const auto& sort = how.http == 503 ? sorts.front() : sorts[1];
        // What is wrong with one call alone stays so.
        const auto next = how.http == 503 ? outcome_of(sort, begun) : how;
        at(begun + 2s, [=, this](timestamp ended) { end(head, next, ended); });
      });
      return;
    }
    calls.end(
      {head.seq, head.id, head.attempt, how.status, how.error, how.http}, t);
  }

  const timestamp now_ = timestamp::now();
  const timestamp paused_ = now_ - 72min;
  std::mt19937_64 random_{7};
  operation_tracking_store store_;
  std::multimap<timestamp, std::function<void(timestamp)>> events_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  sample{argv[1]}.make();
}
