#include "tools/option_table.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <set>
#include <sstream>
#include <stdexcept>

#include "lib/base/file.h"
#include "tools/terminal.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

namespace po = boost::program_options;

constexpr const char* kPositional = "arguments without a name";

std::string Written(const std::string& name) { return (name.size() == 1 ? "-" : "--") + name; }

std::string RangeText(const char* kind, double least, double most, bool bounded) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << kind << " from " << least;
  if (bounded) {
    text << " to " << most;
  } else {
    text << " on";
  }
  return text.str();
}

std::int64_t IntegerIn(const std::string& text, std::int64_t least, std::int64_t most) {
  const auto value = ParseInteger(text);
  if (!value || *value < least || *value > most) {
    const bool bounded = most < std::numeric_limits<int>::max();
    throw std::invalid_argument(RangeText("a whole number", static_cast<double>(least),
                                          static_cast<double>(most), bounded));
  }
  return *value;
}

float NumberIn(const std::string& text, double least, double most) {
  const auto value = ParseNumber(text);
  if (!value || !(*value >= least && *value <= most))
    throw std::invalid_argument(RangeText("a number", least, most, most < 1e30));
  return static_cast<float>(*value);
}

bool BoolOf(const std::string& text) {
  for (const char* yes : {"true", "yes", "on", "1", ""}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  throw std::invalid_argument("true or false");
}

}  // namespace

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

ConfigEntries ReadConfigFile(const std::string& file) {
  ConfigEntries entries{file, {}};
  std::istringstream text(ReadFile(file, std::size_t{1} << 20));
  try {
    const po::parsed_options parsed =
        po::parse_config_file(text, po::options_description(), /*allow_unregistered=*/true);
    for (const po::option& option : parsed.options) {
      entries.values.emplace_back(option.string_key,
                                  option.value.empty() ? "" : option.value.front());
    }
  } catch (const po::error& error) {
    throw UsageError(file + ": " + error.what());
  }
  return entries;
}

void OptionTable::Flag(const std::string& name, bool* target, const std::string& help) {
  Add({name, "", help, false, [target](const std::string& text) { *target = BoolOf(text); }, {}});
}

void OptionTable::Text(const std::string& name, std::string* target, const std::string& value_name,
                       const std::string& help) {
  const auto set = [target](const std::string& text) {
    if (text.empty()) throw std::invalid_argument("a value that is not empty");
    *target = text;
  };
  Add({name, value_name, help, false, set, {}});
}

void OptionTable::TextList(const std::string& name, std::vector<std::string>* target,
                           const std::string& value_name, const std::string& help) {
  Add({name, value_name, help, true, [target](const std::string& text) { target->push_back(text); },
       [target] { target->clear(); }});
}

void OptionTable::Choice(const std::string& name, std::string* target,
                         const std::vector<std::string>& choices, const std::string& help) {
  std::string all;
  for (const std::string& choice : choices) all += (all.empty() ? "" : "|") + choice;
  const auto set = [target, choices, all](const std::string& text) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end())
      throw std::invalid_argument(all);
    *target = text;
  };
  Add({name, all, help, false, set, {}});
}

void OptionTable::Integer(const std::string& name, int* target, std::int64_t least,
                          const std::string& help, std::int64_t most) {
  const auto set = [=](const std::string& text) {
    *target = static_cast<int>(IntegerIn(text, least, most));
  };
  Add({name, "N", help, false, set, {}});
}

void OptionTable::Integer(const std::string& name, std::optional<int>* target, std::int64_t least,
                          const std::string& help) {
  const auto set = [=](const std::string& text) {
    *target = static_cast<int>(IntegerIn(text, least, std::numeric_limits<int>::max()));
  };
  Add({name, "N", help, false, set, {}});
}

void OptionTable::Number(const std::string& name, float* target, double least, double most,
                         const std::string& help) {
  const auto set = [=](const std::string& text) { *target = NumberIn(text, least, most); };
  Add({name, "X", help, false, set, {}});
}

void OptionTable::Number(const std::string& name, std::optional<float>* target, double least,
                         double most, const std::string& help) {
  const auto set = [=](const std::string& text) { *target = NumberIn(text, least, most); };
  Add({name, "X", help, false, set, {}});
}

void OptionTable::Custom(const std::string& name, const std::string& value_name, Setter setter,
                         const std::string& help) {
  Add({name, value_name, help, false, std::move(setter), {}});
}

void OptionTable::Positional(const std::string& value_name, std::vector<std::string>* target,
                             std::size_t least, std::size_t most) {
  positional_name_ = value_name;
  positional_ = target;
  positional_least_ = least;
  positional_most_ = most;
}

const OptionTable::Option* OptionTable::Find(std::string_view name) const {
  for (const Option& option : options_) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

bool OptionTable::Has(std::string_view name) const { return Find(name) != nullptr; }

bool OptionTable::TakesValue(std::string_view written) const {
  const bool is_long = written.starts_with("--");
  if (!is_long && written.size() != 2) return false;  // "-k5" carries its value
  const Option* option = Find(written.substr(is_long ? 2 : 1));
  return option != nullptr && !option->value_name.empty();
}

void OptionTable::Apply(const Option& option, const std::string& text,
                        const std::string& where) const {
  try {
    option.setter(text);
  } catch (const std::invalid_argument& expected) {
    throw UsageError(where + ": expected " + expected.what() + ", not \"" + text + "\"");
  }
}

void OptionTable::ApplyConfig(const ConfigEntries& config, std::string_view section) const {
  const std::string prefix = std::string(section) + ".";
  for (const bool in_section : {false, true}) {
    for (const auto& [key, value] : config.values) {
      if (key.starts_with(prefix) != in_section) continue;
      const Option* option =
          Find(in_section ? std::string_view(key).substr(prefix.size()) : std::string_view(key));
      if (option != nullptr) Apply(*option, value, config.file + ": " + key);
    }
  }
}

void OptionTable::Parse(const std::vector<std::string>& arguments, const ConfigEntries& config,
                        std::string_view section) {
  ApplyConfig(config, section);
  po::options_description description;
  for (const Option& option : options_) {
    const std::string spec =
        option.name.size() == 1 ? option.name + "," + option.name : option.name;
    if (option.value_name.empty()) {
      description.add_options()(spec.c_str(), po::bool_switch());
    } else {
      description.add_options()(spec.c_str(), po::value<std::string>());
    }
  }
  description.add_options()(kPositional, po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add(kPositional, -1);
  po::parsed_options parsed(nullptr);
  try {
    namespace style = po::command_line_style;
    parsed = po::command_line_parser(arguments)
                 .options(description)
                 .positional(positional)
                 .style(style::unix_style & ~style::allow_guessing)
                 .run();
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  std::vector<std::string> unnamed;
  std::set<std::string> seen;
  for (const po::option& given : parsed.options) {
    if (given.string_key == kPositional) {
      unnamed.insert(unnamed.end(), given.value.begin(), given.value.end());
      continue;
    }
    const Option& option = *Find(given.string_key);
    const bool first = seen.insert(option.name).second;
    if (!first && !option.repeatable)
      throw UsageError(Written(option.name) + ": given more than once");
    if (first && option.repeatable) option.clear();  // What the configuration gave.
    Apply(option, given.value.empty() ? "" : given.value.front(), Written(option.name));
  }
  if (unnamed.size() < positional_least_) throw UsageError("missing " + positional_name_);
  if (unnamed.size() > positional_most_) {
    throw UsageError("unexpected argument \"" + unnamed[positional_most_] + "\"");
  }
  if (positional_ != nullptr && !unnamed.empty()) *positional_ = std::move(unnamed);
}

std::string OptionTable::Help() const {
  constexpr std::size_t kColumn = 30;
  std::string text;
  for (const Option& option : options_) {
    std::string left = "  " + Written(option.name);
    if (!option.value_name.empty()) left += " " + option.value_name;
    const std::vector<std::string> lines = WrapText(option.help, 80 - kColumn);
    if (left.size() + 2 > kColumn) {
      text += left + "\n";
      left.clear();
    }
    for (const std::string& line : lines) {
      left.resize(kColumn, ' ');
      text += left + line + "\n";
      left.clear();
    }
  }
  return text;
}

}  // namespace fovea::tools
