// How `--help` and `help` look.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace waybill::cli {

/// Whether an option is one that help shows.
bool is_shown(const CLI::Option* x);

/// The library's layout of options, below our usage line, which names what must
/// be given. Commands list the options of every command too.
class help_layout : public CLI::Formatter {
public:
  help_layout();

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option_opts(const CLI::Option* x) const override;
  std::string make_option_desc(const CLI::Option* x) const override;

private:
  [[nodiscard]] std::string inherited_options(const CLI::App* app) const;
};

} // namespace waybill::cli
