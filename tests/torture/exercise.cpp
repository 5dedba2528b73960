#include "torture/exercise.hpp"

#include "support/fault_vfs.hpp"
#include "support/plain_sqlite.hpp"
#include "support/requests.hpp"
#include "waybill/operation_tracking_store.hpp"

namespace waybill::torture {

namespace {

using namespace test;

class window {
public:
  window(pipeline& client, ledger& book,
         const std::function<void(const std::string&)>& note)
    : client_{client}, book_{book}, note_{note} {}

  void enqueue(std::uint64_t n) {
    client_.send(test::enqueue(n));
    told(n, stage::submitted);
  }

  void attempt(std::uint64_t n) {
    client_.send(test::attempt(n, 1));
    told(n, stage::retrying);
  }

  void finish(std::uint64_t n) {
    client_.send(terminal(n));
    told(n, stage::finished);
  }

  void ask(std::uint64_t n) {
    client_.send(status_of(n));
    expect([this, n](const any_reply& x) {
      if (const auto* const reply = std::get_if<status_reply>(&x))
        return book_.shown(n, reply->snapshot);
      const auto& e = std::get<failure>(x);
      return certainty_of(e.code) == certainty::unknown
               ? "a question's fate is unknown: " + e.text
               : std::string{};
    });
  }

  void purge() {
    client_.send(
      purge_terminal{timestamp::now() + std::chrono::hours{1}, {}, {}});
    expect([this](const any_reply& x) { return book_.told_purge(x); });
  }

  void answers() {
    for (const auto& each : expected_)
      if (const auto fault = each(client_.receive()); !fault.empty())
        note_(fault);
    expected_.clear();
  }

private:
  using check = std::function<std::string(const any_reply&)>;

  void told(std::uint64_t n, stage to) {
    expect([this, n, to](const any_reply& x) { return book_.told(n, to, x); });
  }

  void expect(check x) { expected_.push_back(std::move(x)); }

  pipeline& client_;
  ledger& book_;
  const std::function<void(const std::string&)>& note_;
  std::vector<check> expected_;
};

} // namespace

void exercise(pipeline& client, ledger& book,
              const std::function<void(const std::string&)>& note,
              const std::function<void()>& each_window) {
  window x{client, book, note};
  const auto answered = [&] {
    x.answers();
    each_window();
  };
  for (std::uint64_t n = 1; n <= 5; ++n)
    x.enqueue(n);
  answered();
  x.attempt(1);
  x.finish(2);
  x.finish(3);
  x.ask(2);
  x.enqueue(6);
  answered();
  x.ask(1);
  x.ask(5);
  answered();
  x.purge();
  answered();
  x.finish(1);
  x.attempt(1);
  x.ask(1);
  answered();
}

std::string fault_in_file(const std::string& file, const ledger& book) {
  try {
    {
      // With less than FULL, some damage is not looked for.
      fault_vfs lazy;
      lazy.real_syncs = false;
      operation_tracking_store store{{.file = file, .vfs = lazy.name()}};
      std::int64_t counted = 0;
      for (const auto& each : store.get_counts().counts)
        counted += each.operations;
      const auto [least, most] = book.bounds();
      if (counted < least || counted > most)
        return std::to_string(counted) + " operations, but must be "
               + std::to_string(least) + " to " + std::to_string(most);
      for (const auto n : book.operations())
        if (auto fault = book.fault_in(
              n, store.get_status(status_of(n), timestamp::now()).snapshot);
            !fault.empty())
          return fault;
    }
    const auto integrity = integrity_of(file);
    return integrity == "ok" ? "" : "the file is damaged: " + integrity;
  } catch (const store_error& e) {
    return std::string{"cannot be read: "} + e.what();
  }
}

} // namespace waybill::torture
