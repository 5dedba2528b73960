// The seam between waybill and CAF, which alone knows CAF's version, with
// caf_content.hpp and caf_interception.hpp. CAF 0.17.6 and 1.x are supported.
#pragma once

#include <caf/config.hpp>

#if CAF_MAJOR_VERSION >= 1
#  define WAYBILL_CAF_1 1
#  include <caf/anon_mail.hpp>
#  include <caf/init_global_meta_objects.hpp>
#  include <caf/mail_cache.hpp>
#elif defined(CAF_MINOR_VERSION) && CAF_MINOR_VERSION != 17
#  error "waybill needs CAF 0.17.6 or CAF 1.x; 0.18 and 0.19 are not supported"
#elif CAF_VERSION != 1706
#  error "waybill needs CAF 0.17.6 or CAF 1.x"
#else
#  define WAYBILL_CAF_1 0
#  include <caf/replies_to.hpp>
#endif

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "waybill/errc.hpp"
#include "waybill/field_list.hpp"
#include "waybill/timestamp.hpp"
#include "waybill/tracked_operation_id.hpp"

// Makes an enum usable as an error code, outside of all namespaces.
#if WAYBILL_CAF_1
#  define WAYBILL_ERROR_CODE_ENUM(type) CAF_ERROR_CODE_ENUM(type)
#else
#  define WAYBILL_ERROR_CODE_ENUM(type) CAF_ERROR_CODE_ENUM(type, "waybill")
#endif

namespace waybill {

/// One line of a typed actor's interface: takes `In...`, answers `Reply`.
#if WAYBILL_CAF_1
template <class Reply, class... In>
using handles = caf::result<Reply>(In...);
#else
template <class Reply, class... In>
using handles = typename caf::replies_to<In...>::template with<Reply>;
#endif

/// The answer of a message that is only heard.
#if WAYBILL_CAF_1
template <class... In>
using hears = caf::result<void>(In...);
#else
template <class... In>
using hears = caf::reacts_to<In...>;
#endif

// -- interfaces ---------------------------------------------------------------

/// Types of messages, to be told apart at compile time.
template <class... Messages>
struct message_list {};

namespace detail {

template <class... As, class... Bs>
message_list<As..., Bs...> operator+(message_list<As...>, message_list<Bs...>);

// What a line of an interface answers; nothing if it only hears.
template <class Line>
struct answered;

#if WAYBILL_CAF_1
template <class Reply, class In>
struct answered<caf::result<Reply>(In)> {
#else
template <class Reply, class In>
struct answered<
  caf::typed_mpi<caf::detail::type_list<In>, caf::output_tuple<Reply>>> {
#endif
  using type = std::conditional_t<std::is_void_v<Reply>, message_list<>,
                                  message_list<In>>;
  using heard = message_list<In>;
};

template <class Actor>
struct interface;

template <class... Lines>
struct interface<caf::typed_actor<Lines...>> {
  using requests
    = decltype((message_list<>{} + ... + typename answered<Lines>::type{}));
  using messages
    = decltype((message_list<>{} + ... + typename answered<Lines>::heard{}));
};

} // namespace detail

/// All requests that a typed actor answers, made from its interface.
template <class Actor>
using requests_of = typename detail::interface<Actor>::requests;

/// The same with the messages that it only hears.
template <class Actor>
using messages_of = typename detail::interface<Actor>::messages;

// -- inspection: the field lists, as CAF wants them ---------------------------

#if WAYBILL_CAF_1

template <class Inspector, has_fields T>
bool inspect(Inspector& f, T& x) {
  return std::apply(
    [&](const auto&... each) {
      return f.object(x)
        .pretty_name(T::type_name)
        .fields(f.field(each.name, x.*each.member)...);
    },
    T::fields());
}

template <class Inspector>
bool inspect(Inspector& f, tracked_operation_id& x) {
  return f.object(x).fields(f.field(
                              "high", [&x] { return x.high(); },
                              [&x](std::uint64_t high) {
                                x = tracked_operation_id{high, x.low()};
                                return true;
                              }),
                            f.field(
                              "low", [&x] { return x.low(); },
                              [&x](std::uint64_t low) {
                                x = tracked_operation_id{x.high(), low};
                                return true;
                              }));
}

template <class Inspector>
bool inspect(Inspector& f, timestamp& x) {
  return f.object(x).fields(f.field(
    "us", [&x] { return x.us(); },
    [&x](std::int64_t us) {
      x = timestamp{us};
      return true;
    }));
}

// All enums of waybill are bytes; what a number means is checked where it is
// used, because another node may be newer.
template <class Inspector, class Enum>
  requires(std::is_enum_v<Enum>&&
             std::is_same_v<std::underlying_type_t<Enum>, std::uint8_t>)
bool inspect(Inspector& f, Enum& x) {
  return f.apply([&x] { return static_cast<std::uint8_t>(x); },
                 [&x](std::uint8_t number) {
                   x = static_cast<Enum>(number);
                   return true;
                 });
}

#else

namespace detail {

template <class T>
struct optional_view {
  std::optional<T>* value;
};

template <class Inspector, class T>
typename Inspector::result_type inspect(Inspector& f, optional_view<T>& x) {
  bool present = x.value->has_value();
  if constexpr (Inspector::reads_state) {
    return present ? f(present, **x.value) : f(present);
  } else {
    x.value->reset();
    if (auto err = f(present); err || !present)
      return err;
    return f(x.value->emplace());
  }
}

// Enums in a list: CAF reads them into a variable that GCC takes for one
// without a value.
template <class Enum>
struct enum_list_view {
  std::vector<Enum>* list;
};

template <class Inspector, class Enum>
typename Inspector::result_type inspect(Inspector& f, enum_list_view<Enum>& x) {
  std::vector<std::uint8_t> numbers;
  for (const auto each : *x.list)
    numbers.push_back(static_cast<std::uint8_t>(each));
  if constexpr (Inspector::reads_state) {
    return f(numbers);
  } else {
    auto err = f(numbers);
    x.list->clear();
    for (const auto number : numbers)
      x.list->push_back(static_cast<Enum>(number));
    return err;
  }
}

template <class T>
T& viewed(T& x) {
  return x;
}

template <class Enum>
  requires std::is_enum_v<Enum> enum_list_view<Enum>
  viewed(std::vector<Enum>& x) {
    return {&x};
  }

template <class T>
optional_view<T> viewed(std::optional<T>& x) {
  return {&x};
}

template <class Inspector, class... Views>
typename Inspector::result_type inspect_all(Inspector& f, const char* name,
                                            Views&&... views) {
  return f(caf::meta::type_name(name), views...);
}

} // namespace detail

template <class Inspector, has_fields T>
typename Inspector::result_type inspect(Inspector& f, T& x) {
  return std::apply(
    [&](const auto&... each) {
      return detail::inspect_all(f, T::type_name,
                                 detail::viewed(x.*each.member)...);
    },
    T::fields());
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tracked_operation_id& x) {
  auto high = x.high();
  auto low = x.low();
  if constexpr (Inspector::reads_state) {
    return f(high, low);
  } else {
    auto err = f(high, low);
    x = tracked_operation_id{high, low};
    return err;
  }
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, timestamp& x) {
  auto us = x.us();
  if constexpr (Inspector::reads_state) {
    return f(us);
  } else {
    auto err = f(us);
    x = timestamp{us};
    return err;
  }
}

#endif

// -- registration -------------------------------------------------------------

/// The version of the CAF that waybill was compiled with: "1.1.0".
std::string caf_version();

/// Guards CAF's table of message types, which all type-id blocks share.
inline std::mutex& registration_mutex() {
  static std::mutex mutex;
  return mutex;
}

/// Makes the messages of a type-id block known to CAF, before the actor system
/// is created. Repeating it is harmless, from several threads too.
template <class IdBlock>
void register_block(caf::actor_system_config& config) {
#if WAYBILL_CAF_1
  static_cast<void>(config);
  // CAF keeps one table for all, and does not guard it.
  static std::once_flag once;
  std::call_once(once, [] {
    const std::lock_guard guard{registration_mutex()};
    caf::core::init_global_meta_objects();
    caf::init_global_meta_objects<IdBlock>();
  });
#else
  config.add_message_types<IdBlock>();
#endif
}

// -- options ------------------------------------------------------------------

/// An option `--SECTION.NAME` that takes any value of CAF's from a config file;
/// from the command line a text, or a number if it is one and `is_number`.
caf::config_option config_option(const std::string& section,
                                 const std::string& name,
                                 const std::string& meaning, bool is_number);

/// Whether a message type is known to CAF; 0.17 works without.
template <class T>
bool is_registered() {
#if WAYBILL_CAF_1
  return caf::detail::global_meta_object_or_null(caf::type_id_v<T>) != nullptr;
#else
  return true;
#endif
}

/// Lets the workers of CAF's scheduler look for work only when they are woken.
void stop_polling(caf::actor_system_config& config);

// -- errors -------------------------------------------------------------------

/// Whether `error` has a code of an enum (see WAYBILL_ERROR_CODE_ENUM).
template <class Enum>
bool has_code_of(const caf::error& error) {
#if WAYBILL_CAF_1
  return error.category() == caf::type_id_v<Enum>;
#else
  return error.category() == caf::detail::error_factory<Enum>::category;
#endif
}

/// What CAF says of an error.
std::string render(const caf::error& error);

/// Lets CAF say what an enum's codes mean.
template <class Enum>
void register_error_codes(caf::actor_system_config& config) {
#if WAYBILL_CAF_1
  static_cast<void>(config); // CAF calls to_string()
#else
  config.add_error_category(
    caf::detail::error_factory<Enum>::category,
    [](std::uint8_t code, caf::atom_value, const caf::message& context) {
      auto text = to_string(static_cast<Enum>(code));
      if (context.match_elements<std::string>())
        text += "(\"" + context.get_as<std::string>(0) + "\")";
      return text;
    });
#endif
}

// -- threads ------------------------------------------------------------------

/// @throws std::system_error if a thread is not to be had now.
void require_thread();

/// Starts an actor on a thread of its own.
///
/// CAF does not bear a want of threads: the end of 0.17.6's actor system waits
/// for the actor that has not begun, and 1.x ends the process. So it is looked
/// for before.
/// @throws std::system_error if none is to be had.
template <class Impl, class... Args>
auto spawn_detached(caf::actor_system& system, Args&&... args) {
  require_thread();
  return system.spawn<Impl, caf::detached>(std::forward<Args>(args)...);
}

// -- sending ------------------------------------------------------------------

/// Sends `message` and expects no answer.
template <class Self, class Handle, class Message>
void tell(Self&& self, const Handle& to, Message&& message) {
#if WAYBILL_CAF_1
  self->mail(std::forward<Message>(message)).send(to);
#else
  self->send(to, std::forward<Message>(message));
#endif
}

/// Sends `message` from nobody; for whoever is no actor.
template <class Handle, class Message>
void tell_from_nobody(const Handle& to, Message&& message) {
#if WAYBILL_CAF_1
  caf::anon_mail(std::forward<Message>(message)).send(to);
#else
  caf::anon_send(to, std::forward<Message>(message));
#endif
}

#if !WAYBILL_CAF_1

namespace detail {

void tell_weakly_later(caf::actor_system& system, caf::weak_actor_ptr from,
                       caf::weak_actor_ptr to, std::chrono::nanoseconds delay,
                       caf::message what);

} // namespace detail

#endif

/// Sends `message` after `delay`. It cannot be called back: give it a counter
/// and ignore stale ones.
///
/// Both actors are held by weak references until then: a message that is to
/// come keeps no actor alive, and is dropped if one of them is gone.
template <class Self, class Handle, class Message>
void tell_later(Self&& self, const Handle& to, std::chrono::nanoseconds delay,
                Message&& message) {
#if WAYBILL_CAF_1
  self->mail(std::forward<Message>(message))
    .delay(delay)
    .send(to, caf::weak_ref, caf::weak_self_ref);
#else
  detail::tell_weakly_later(self->system(), caf::weak_actor_ptr{self->ctrl()},
                            caf::actor_cast<caf::weak_actor_ptr>(to), delay,
                            caf::make_message(std::forward<Message>(message)));
#endif
}

/// Sends `message` and expects an answer within `timeout`: call `.then(f, g)`
/// on what it returns in an actor, `.receive(f, g)` for a scoped actor. `g`
/// gets a caf::error; see `to_failure`.
template <class Self, class Handle, class Message>
auto request(Self&& self, const Handle& to, std::chrono::nanoseconds timeout,
             Message&& message) {
#if WAYBILL_CAF_1
  return self->mail(std::forward<Message>(message)).request(to, timeout);
#else
  return self->request(to, timeout, std::forward<Message>(message));
#endif
}

/// Sends requests for a thread that is no actor, any number of them. Their
/// timeouts count from then on.
///
/// CAF 0.17 leaves the timeout of a request behind when it is answered; it
/// comes as a message that a blocking actor keeps, and looks at with each
/// answer, for ever. So it is another actor after some requests. CAF 1.x counts
/// a timeout from when its answer is waited for; so what is left then is given.
class blocking_sender {
public:
  explicit blocking_sender(caf::actor_system& system) : system_{system} {}

#if WAYBILL_CAF_1
  /// A request that is owed an answer.
  template <class Answer>
  struct pending {
    std::shared_ptr<caf::scoped_actor> self;
    caf::message_id id;
    std::chrono::steady_clock::time_point due;

    /// Waits for the answer; see `waybill::request`.
    template <class F, class G>
    void receive(F&& f, G&& g) && {
      const auto left = due - std::chrono::steady_clock::now();
      Answer{self->ptr(), id, std::max(left, decltype(left)::zero())}.receive(
        std::forward<F>(f), std::forward<G>(g));
    }
  };
#else
  template <class Answer>
  struct pending {
    std::shared_ptr<caf::scoped_actor> self;
    Answer answer;

    template <class F, class G>
    void receive(F&& f, G&& g) && {
      std::move(answer).receive(std::forward<F>(f), std::forward<G>(g));
    }
  };
#endif

  template <class Handle, class Message>
  auto request(const Handle& to, std::chrono::nanoseconds timeout,
               Message&& message) {
    if (sent_++ % requests_of_an_actor == 0)
      self_ = std::make_shared<caf::scoped_actor>(system_);
#if WAYBILL_CAF_1
    using answer = caf::detail::blocking_response_handle_t<
      caf::response_type_t<typename Handle::signatures, std::decay_t<Message>>>;
    auto* const self = self_->ptr();
    const auto id = self->new_request_id(caf::message_priority::normal);
    caf::actor_cast<caf::abstract_actor*>(to)->enqueue(
      caf::make_mailbox_element(
        self->ctrl(), id, caf::make_message(std::forward<Message>(message))),
      self->context());
    return pending<answer>{self_, id.response_id(),
                           std::chrono::steady_clock::now() + timeout};
#else
    auto answer = waybill::request(*self_, to, timeout,
                                   std::forward<Message>(message));
    return pending<decltype(answer)>{self_, std::move(answer)};
#endif
  }

private:
  static constexpr std::uint64_t requests_of_an_actor = 256;

  caf::actor_system& system_;
  std::shared_ptr<caf::scoped_actor> self_;
  std::uint64_t sent_ = 0;
};

} // namespace waybill
