// Packs small records by zstd, each with one of several dictionaries, and says what is saved.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <random>

#include "dictionaries.h"

namespace {

struct Options {
  std::string folder, with;
  std::vector<std::string> kinds;
  size_t records_max = 1500;
  bool tries_all = false, odd = false, mixed = false, at_random = false;
};

void write_file(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary);
  if (!out.write(bytes.data(), long(bytes.size()))) throw std::runtime_error(path.string());
}

// One dictionary a kind; or two of all kinds mixed, as large as one of those and as all of them.
void make_dictionaries(const Options& options) {
  constexpr size_t kBytes = 16384;
  std::filesystem::path folder = options.folder;
  std::filesystem::create_directories(folder);
  std::vector<Bytes> all;
  for (const std::string& text : options.kinds) {
    Kind kind(text);
    auto records = read_records(kind, false, options.records_max);
    printf("%s: %zu records\n", kind.name.c_str(), records.size());
    if (!options.mixed)
      write_file(folder / (kind.name + ".dict"), make_dictionary(records, kBytes));
    std::move(records.begin(), records.end(), std::back_inserter(all));
  }
  if (!options.mixed) return;
  write_file(folder / "small.dict", make_dictionary(all, kBytes));
  write_file(folder / "large.dict", make_dictionary(all, kBytes * options.kinds.size()));
}

void pack_records(const Options& options) {
  Packer packer(options.folder);
  std::vector<Bytes> records;
  for (const std::string& text : options.kinds) {
    auto more = read_records(Kind(text), options.odd, options.records_max);
    std::move(more.begin(), more.end(), std::back_inserter(records));
  }
  std::mt19937 random(1);
  std::shuffle(records.begin(), records.end(), random);
  const auto& names = packer.names();
  auto with = size_t(std::find(names.begin(), names.end(), options.with) - names.begin());
  if (!options.with.empty() && with == names.size())
    throw std::runtime_error("no dictionary " + options.with);
  size_t bytes = 0;
  auto start = std::chrono::steady_clock::now();
  std::vector<std::pair<Bytes, size_t>> packed;
  for (const Bytes& record : records) {
    size_t chosen = options.at_random      ? random() % names.size()
                    : options.with.empty() ? packer.choose(record, options.tries_all)
                                           : with;
    packed.emplace_back(packer.pack(record, chosen), chosen);
    bytes += packed.back().first.size();
  }
  std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  for (size_t i = 0; i < records.size(); i++)
    if (packer.unpack(packed[i].first, packed[i].second) != records[i])
      throw std::runtime_error("a record does not come back as it was");
  printf("records %zu bytes %zu packed %zu microseconds %.0f\n", records.size(),
         records.size() * kRecordBytes, bytes, time.count());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Packs small records with dictionaries");
  app.require_subcommand(1);
  Options options;
  auto* make = app.add_subcommand("make", "make dictionaries from every second file");
  auto* run = app.add_subcommand("run", "pack the records of every second file");
  for (auto* command : {make, run}) {
    command->add_option("DICTIONARIES", options.folder, "a folder")->required();
    command->add_option("KIND", options.kinds, "NAME=FOLDER:SUFFIX")->required();
    command->add_option("--records", options.records_max, "of a kind, at most")
        ->capture_default_str();
  }
  make->add_flag("--mixed", options.mixed, "dictionaries of all kinds mixed");
  run->add_flag("--odd", options.odd, "of the other files than those of make");
  run->add_flag("--try-all", options.tries_all, "pack each record with each dictionary");
  run->add_flag("--at-random", options.at_random, "any dictionary");
  run->add_option("--with", options.with, "always this dictionary");
  CLI11_PARSE(app, argc, argv);
  try {
    make->parsed() ? make_dictionaries(options) : pack_records(options);
  } catch (const std::exception& error) {
    return fprintf(stderr, "pack: %s\n", error.what()), 1;
  }
  return 0;
}
