// The one list of fields that a struct has, from which printing, JSON and CAF
// inspection are made.
//
//   struct get_status {
//     tracked_operation_id id;
//     std::optional<timestamp> deadline;
//     static constexpr const char* type_name = "get_status";
//     static constexpr auto fields() {
//       return std::tuple{field{"id", &get_status::id},
//                         field{"deadline", &get_status::deadline}};
//     }
//   };
#pragma once

#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace waybill {

/// A field's name and where it is in the struct.
template <class Struct, class Value>
struct field {
  const char* name;
  Value Struct::*member;
};

template <class Struct, class Value>
field(const char*, Value Struct::*) -> field<Struct, Value>;

/// A struct with a field list.
template <class T>
concept has_fields = requires {
  T::fields();
  std::string_view{T::type_name};
};

/// Calls `f(name, value)` for each field of `x`, in order.
template <class T, class F>
  requires has_fields<std::remove_const_t<T>>
constexpr void for_each_field(T& x, F&& f) {
  std::apply([&](const auto&... each) { (f(each.name, x.*each.member), ...); },
             std::remove_const_t<T>::fields());
}

template <class T>
inline constexpr bool is_optional = false;

template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

} // namespace waybill
