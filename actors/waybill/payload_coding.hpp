// What a host makes of payloads before they are stored, and takes back before
// they are delivered.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "waybill/call_messages.hpp"
#include "waybill/forward_options.hpp"
#include "waybill/text.hpp"

namespace waybill {

/// Puts what is to be stored in the place of the payload.
/// @returns why that cannot be.
inline std::optional<std::string> encode_payload(const encode_function& encode,
                                                 take_call& x) {
  if (!encode)
    return std::nullopt;
  try {
    auto made = encode(std::move(x.call.payload));
    x.call.payload = std::move(made.bytes);
    x.codec = std::move(made.codec);
    return std::nullopt;
  } catch (const std::exception& e) {
    return std::string{"payload: cannot be encoded: "} + escape(e.what());
  } catch (...) {
    return "payload: cannot be encoded: the function threw what is no "
           "std::exception";
  }
}

/// Puts the payload in the place of what was stored.
/// @param codec how that is encoded; none: not at all.
/// @returns why that cannot be.
inline std::optional<std::string>
decode_payload(const decode_function& decode,
               const std::optional<std::string>& codec, std::string& payload) {
  if (!codec)
    return std::nullopt;
  const auto failed = "its payload cannot be decoded (" + escape(*codec) + ")";
  if (!decode)
    return failed + ": no function does that here";
  try {
    auto made = decode(std::move(payload), *codec);
    if (!made)
      return failed;
    payload = std::move(*made);
    return std::nullopt;
  } catch (const std::exception& e) {
    return failed + ": " + e.what();
  } catch (...) {
    return failed + ": the function threw what is no std::exception";
  }
}

} // namespace waybill
