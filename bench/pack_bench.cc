// Small records packed by zstd with the dictionary that was learned to suit each, beside one
// dictionary for all and trying all. Sizes depend on nothing but the machine's files.
//
// usage: pack_bench [--quick]                  prints a row of JSON a measurement
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "autonomize_lines.h"
#include "row.h"

namespace {

using namespace belay::bench;

// Files that every Debian machine on which this was built has.
constexpr const char* kKinds[][3] = {
    {"elf", "/usr/lib/x86_64-linux-gnu", ".so"},  {"header", "/usr/include/linux", ".h"},
    {"python", "/usr/lib/python3", ".py"},        {"perl", "/usr/share/perl", ".pm"},
    {"copyright", "/usr/share/doc", "copyright"}, {"list", "/var/lib/dpkg/info", ".list"},
    {"sums", "/var/lib/dpkg/info", ".md5sums"},   {"zone", "/usr/share/zoneinfo/America", ""}};

struct Packed {
  double records = 0, bytes = 0, packed = 0, microseconds = 0;
};

class Folder {
 public:
  Folder() {
    if (mkdtemp(path_) == nullptr) perror(path_), exit(1);
    for (const auto& [name, folder, suffix] : kKinds)
      if (std::filesystem::exists(folder))
        kinds_[name] = " " + std::string(name) + "=" + folder + ":" + suffix;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;

  const std::map<std::string, std::string>& kinds() const { return kinds_; }

  // What the program reports of all kinds of records, with dictionaries of this folder.
  Packed pack(const char* command, const char* dictionaries, const std::string& options,
              const char* mode = "off") const {
    std::string all = std::string("BELAY_AU=") + mode + " BELAY_AU_MODELS=" + path_ +
                      " " BELAY_PACK " " + command + " " + path_ + dictionaries;
    for (const auto& [name, kind] : kinds_) all += kind;
    FILE* pipe = popen((all + options).c_str(), "r");
    Packed result;
    char line[256];
    while (fgets(line, sizeof line, pipe))
      sscanf(line, "records %lf bytes %lf packed %lf microseconds %lf", &result.records,
             &result.bytes, &result.packed, &result.microseconds);
    if (pclose(pipe) != 0) fprintf(stderr, "%s failed\n", all.c_str()), exit(1);
    return result;
  }

 private:
  char path_[40] = "/tmp/belay-pack-bench-XXXXXX";
  std::map<std::string, std::string> kinds_;
};

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  Folder folder;
  folder.pack("make", "/kinds", "");
  folder.pack("make", "/mixed", " --mixed");
  folder.pack("run", "/kinds", quick ? " --try-all --records 100" : " --try-all --records 400",
              "train");
  auto held_back = [&](const std::string& options, const char* mode = "off",
                       const char* dictionaries = "/kinds") {
    return folder.pack("run", dictionaries, options + " --odd --records 200", mode);
  };
  Packed best = held_back(" --try-all"), learned = held_back("", "deploy");
  double fixed = best.bytes;
  for (const auto& [name, kind] : folder.kinds())
    fixed = std::min(fixed, held_back(" --with " + name).packed);
  Packed small = held_back(" --with small", "off", "/mixed");
  Packed large = held_back(" --with large", "off", "/mixed");
  auto percent = [&](double packed) { return 100 * packed / best.bytes; };
  print_row("pack: records of 1 KiB with the dictionary learned for each", "% left",
            {percent(learned.packed)},
            {{"best dictionary for all", percent(fixed)},
             {"any dictionary", percent(held_back(" --at-random").packed)},
             {"mixed dictionary", percent(small.packed)},
             {"mixed dictionary, as large as all", percent(large.packed)},
             {"trying all", percent(best.packed)}});
  double share = 100 * (fixed - learned.packed) / (fixed - best.packed);
  print_row("pack: share of the gap from best fixed to oracle closed", "%", {std::max(0.0, share)},
            {}, 70, false);
  print_row("pack: time a record, deciding included", "us",
            {learned.microseconds / learned.records},
            {{"mixed dictionary", small.microseconds / small.records},
             {"trying all", best.microseconds / best.records}});
  print_autonomize_lines("pack", BELAY_PACK_SOURCE);
  return 0;
}
