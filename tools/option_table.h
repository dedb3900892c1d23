// The options of one command: what they are called, what they accept, and where their values go.
//
// Options are bound to variables, which hold the defaults until Parse. Targets are borrowed and
// must outlive the table. A one-letter name is written "-k" and "--k" on the command line and "k"
// in a configuration file.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::tools {

// What a configuration file says: names (with "section." in front) and values, in file order.
struct ConfigEntries {
  std::string file;
  std::vector<std::pair<std::string, std::string>> values;
};

// Reads an INI-style file: `name = value`, `[section]`, `#` comments. Throws UsageError that names
// the file and what is wrong in it, Error(kNotFound | kIo).
ConfigEntries ReadConfigFile(const std::string& file);

// Whole text as a number, without the locale. nullopt: not a number, or out of the type's range.
std::optional<std::int64_t> ParseInteger(std::string_view text);
std::optional<double> ParseNumber(std::string_view text);

class OptionTable {
 public:
  // Receives the text of a value; throws std::invalid_argument that says what was expected ("a
  // number from 1 on").
  using Setter = std::function<void(const std::string& text)>;

  void Flag(const std::string& name, bool* target, const std::string& help);
  void Text(const std::string& name, std::string* target, const std::string& value_name,
            const std::string& help);
  void TextList(const std::string& name, std::vector<std::string>* target,
                const std::string& value_name, const std::string& help);
  void Choice(const std::string& name, std::string* target, const std::vector<std::string>& choices,
              const std::string& help);
  void Integer(const std::string& name, int* target, std::int64_t least, const std::string& help,
               std::int64_t most = std::numeric_limits<int>::max());
  void Integer(const std::string& name, std::optional<int>* target, std::int64_t least,
               const std::string& help);
  void Number(const std::string& name, float* target, double least, double most,
              const std::string& help);
  void Number(const std::string& name, std::optional<float>* target, double least, double most,
              const std::string& help);
  void Custom(const std::string& name, const std::string& value_name, Setter setter,
              const std::string& help);
  // What stands without a name. At least `least`, at most `most` of them.
  void Positional(const std::string& value_name, std::vector<std::string>* target,
                  std::size_t least, std::size_t most);

  bool Has(std::string_view name) const;
  // Whether the option of this name, as written on the command line ("-k", "--index"), is followed
  // by a value.
  bool TakesValue(std::string_view written) const;

  // First the configuration (entries without a section, then those of `section`; names this table
  // lacks are left alone), then the command line, which wins. Throws UsageError that names the
  // option.
  void Parse(const std::vector<std::string>& arguments, const ConfigEntries& config,
             std::string_view section);

  // "  --name VALUE   help", one paragraph an option, wrapped to 80 columns.
  std::string Help() const;

 private:
  struct Option {
    std::string name;
    std::string value_name;  // "": a flag
    std::string help;
    bool repeatable = false;
    Setter setter;
    std::function<void()> clear;  // of a repeatable one: forget what the configuration gave
  };

  void Add(Option option) { options_.push_back(std::move(option)); }
  const Option* Find(std::string_view name) const;
  void Apply(const Option& option, const std::string& text, const std::string& where) const;
  void ApplyConfig(const ConfigEntries& config, std::string_view section) const;

  std::vector<Option> options_;
  std::string positional_name_;
  std::vector<std::string>* positional_ = nullptr;
  std::size_t positional_least_ = 0;
  std::size_t positional_most_ = 0;
};

}  // namespace fovea::tools
