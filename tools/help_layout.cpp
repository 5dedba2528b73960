#include "help_layout.hpp"

#include <utility>

namespace waybill::cli {

namespace {

// An argument as a usage line names it.
std::string usage_of(const CLI::Option& x) {
  auto text = x.get_name(true);
  if (x.get_allow_extra_args())
    text += "...";
  return x.get_required() ? text : '[' + text + ']';
}

} // namespace

bool is_shown(const CLI::Option* x) {
  return x->nonpositional() && !x->get_group().empty();
}

help_layout::help_layout() {
  column_width(24);
  label("Positionals", "Arguments");
}

std::string help_layout::make_help(const CLI::App* app, std::string name,
                                   CLI::AppFormatMode mode) const {
  return make_usage(app, std::move(name)) + '\n' + make_description(app)
         + make_positionals(app) + make_groups(app, mode)
         + make_subcommands(app, mode) + inherited_options(app) + '\n'
         + make_footer(app);
}

std::string help_layout::make_usage(const CLI::App* app, std::string) const {
  if (app->get_parent() == nullptr)
    return "Usage: waybill [--db FILE] COMMAND [OPTION]...\n";
  auto line = "Usage: waybill [--db FILE] " + app->get_name();
  for (const auto* each : app->get_options())
    if (each->get_positional())
      line += ' ' + usage_of(*each);
  for (const auto* each : app->get_options())
    if (!each->get_positional() && each->get_required())
      line += ' ' + each->get_name() + ' ' + each->get_type_name();
  return line + " [OPTION]...\n";
}

std::string help_layout::make_option_opts(const CLI::Option* x) const {
  return x->get_type_size() == 0 || x->get_positional()
           ? ""
           : ' ' + x->get_type_name();
}

std::string help_layout::make_option_desc(const CLI::Option* x) const {
  return x->get_description() + (x->get_required() ? " (required)" : "");
}

std::string help_layout::inherited_options(const CLI::App* app) const {
  const auto* const parent = app->get_parent();
  if (parent == nullptr)
    return "";
  return make_group("Options of every command", false,
                    parent->get_options([&](const CLI::Option* x) {
                      return is_shown(x) && x != parent->get_help_ptr()
                             && x != parent->get_version_ptr();
                    }));
}

} // namespace waybill::cli
