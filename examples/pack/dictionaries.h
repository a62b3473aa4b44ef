// Small records, each packed by zstd with one of several dictionaries.
#pragma once

#include <zstd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

using Bytes = std::vector<char>;

constexpr int kLevel = 3;              // zstd's own default
constexpr size_t kRecordBytes = 1024;  // a file is cut into records of so many

// Files of one kind: NAME=FOLDER:SUFFIX. Throws std::invalid_argument.
struct Kind {
  explicit Kind(const std::string& text);

  std::string name, suffix;
  std::filesystem::path folder;
};

// Of every second file of a kind, the even or the odd ones, some records each; at most
// `records_max`, evenly chosen. The order of files is that of their names.
std::vector<Bytes> read_records(const Kind& kind, bool odd, size_t records_max);

// pre: there are records enough for a dictionary, a few hundred. Throws what zstd says.
Bytes make_dictionary(const std::vector<Bytes>& records, size_t bytes);

class Packer {
 public:
  // Reads the dictionaries NAME.dict of a folder, in the order of their names.
  explicit Packer(const std::filesystem::path& folder);

  // The dictionary for a record: the one that packs it best, if all are to be tried; otherwise the
  // first, or by what it has learned.
  size_t choose(const Bytes& record, bool tries_all);
  Bytes pack(const Bytes& record, size_t dictionary);
  Bytes unpack(const Bytes& packed, size_t dictionary);

  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    void operator()(ZSTD_CDict* dictionary) const { ZSTD_freeCDict(dictionary); }
    void operator()(ZSTD_DDict* dictionary) const { ZSTD_freeDDict(dictionary); }
  };

  std::vector<std::string> names_;
  std::unique_ptr<ZSTD_CCtx, Free> packing_{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_DCtx, Free> unpacking_{ZSTD_createDCtx()};
  std::vector<std::unique_ptr<ZSTD_CDict, Free>> to_pack_;
  std::vector<std::unique_ptr<ZSTD_DDict, Free>> to_unpack_;
};
