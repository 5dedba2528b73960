#include "input/suggestion.hpp"

#include <algorithm>
#include <numeric>

namespace waybill::cli {

namespace {

std::string_view without_dashes(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  return word;
}

// How many letters must be replaced, added, taken away or swapped with the next
// to make `b` of `a` (the optimal string alignment distance).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      row[k] = std::min({last[k] + 1, row[k - 1] + 1,
                         last[k - 1] + (a[i - 1] == b[k - 1] ? 0 : 1)});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
        row[k] = std::min(row[k], before_last[k - 2] + 1);
    }
  }
  return row.back();
}

// Whether `word` begins as `of` does and its letters come in `of` in order.
bool abbreviates(std::string_view word, std::string_view of) {
  if (word.size() < 2 || of.empty() || word.front() != of.front())
    return false;
  for (const auto c : of)
    if (!word.empty() && word.front() == c)
      word.remove_prefix(1);
  return word.empty();
}

} // namespace

std::vector<std::string> nearest(std::string_view word,
                                 const std::vector<std::string>& known) {
  constexpr std::size_t longest = 40; // longer ones are no slips
  const auto wanted = without_dashes(word);
  if (wanted.size() > longest)
    return {};
  auto best = wanted.size() / 3;
  std::vector<std::string> found;
  for (const auto& each : known) {
    const auto far = distance(wanted, without_dashes(each));
    if (far < best)
      found.clear();
    if (far <= best) {
      best = far;
      found.push_back(each);
    }
  }
  if (!found.empty())
    return found;
  for (const auto& each : known)
    if (abbreviates(wanted, without_dashes(each)))
      found.push_back(each);
  return found.size() == 1 ? found : std::vector<std::string>{};
}

std::string listed(const std::vector<std::string>& words,
                   const std::string& last_link) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0)
      text += i + 1 == words.size() ? ' ' + last_link + ' ' : ", ";
    text += words[i];
  }
  return text;
}

std::string did_you_mean(const std::vector<std::string>& words) {
  return words.empty() ? "" : "; did you mean " + listed(words) + '?';
}

} // namespace waybill::cli
