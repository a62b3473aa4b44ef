#include "dictionaries.h"

#include <belay/autonomize.h>  // au
#include <zdict.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

namespace fs = std::filesystem;

size_t checked(size_t result) {
  if (ZSTD_isError(result)) throw std::runtime_error(ZSTD_getErrorName(result));
  return result;
}

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> files_of(const fs::path& folder, const std::string& suffix) {
  std::vector<fs::path> files;
  std::error_code unreadable;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied,
                                           unreadable);
  for (const auto& entry : entries)
    if (entry.is_regular_file() && !entry.is_symlink() && entry.path().string().ends_with(suffix))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// Keeps at most `most`, evenly chosen.
template <class T>
void thin(std::vector<T>& values, size_t most) {
  if (values.size() <= most) return;
  for (size_t i = 0; i < most; i++) std::swap(values[i], values[i * values.size() / most]);
  values.resize(most);
}

}  // namespace

Kind::Kind(const std::string& text) {
  size_t equals = text.find('='), colon = text.rfind(':');
  if (equals == text.npos || colon == text.npos || colon < equals)
    throw std::invalid_argument(text + " is not NAME=FOLDER:SUFFIX");
  name = text.substr(0, equals);
  folder = text.substr(equals + 1, colon - equals - 1);
  suffix = text.substr(colon + 1);
}

std::vector<Bytes> read_records(const Kind& kind, bool odd, size_t records_max) {
  constexpr size_t kFilesMax = 400, kRecordsAFile = 20;
  std::vector<fs::path> files = files_of(kind.folder, kind.suffix);
  thin(files, kFilesMax);
  std::vector<Bytes> records;
  for (size_t i = odd; i < files.size(); i += 2) {
    Bytes all = read_file(files[i]);
    std::vector<Bytes> cut;
    for (size_t at = 0; at + kRecordBytes <= all.size(); at += kRecordBytes)
      cut.emplace_back(all.begin() + long(at), all.begin() + long(at + kRecordBytes));
    thin(cut, kRecordsAFile);
    std::move(cut.begin(), cut.end(), std::back_inserter(records));
  }
  thin(records, records_max);
  return records;
}

Bytes make_dictionary(const std::vector<Bytes>& records, size_t bytes) {
  Bytes samples, dictionary(bytes);
  for (const Bytes& record : records) samples.insert(samples.end(), record.begin(), record.end());
  std::vector<size_t> sizes(records.size(), kRecordBytes);
  size_t made = ZDICT_trainFromBuffer(dictionary.data(), bytes, samples.data(), sizes.data(),
                                      unsigned(sizes.size()));
  if (ZDICT_isError(made)) throw std::runtime_error(ZDICT_getErrorName(made));
  dictionary.resize(made);
  return dictionary;
}

Packer::Packer(const fs::path& folder) {
  for (const fs::path& file : files_of(folder, ".dict")) {
    Bytes bytes = read_file(file);
    names_.push_back(file.stem().string());
    to_pack_.emplace_back(ZSTD_createCDict(bytes.data(), bytes.size(), kLevel));
    to_unpack_.emplace_back(ZSTD_createDDict(bytes.data(), bytes.size()));
  }
  if (names_.size() < 2)
    throw std::runtime_error(folder.string() + ": fewer than two dictionaries");
  au_config("pack", AU_DNN, AU_ADAM, 64);             // au
  au_choice("pack", "dictionary", names_.size(), 0);  // au
}

size_t Packer::choose(const Bytes& record, bool tries_all) {
  size_t best = 0, least = SIZE_MAX;
  for (size_t i = 0; tries_all && i < names_.size(); i++)
    if (size_t size = pack(record, i).size(); size < least) least = size, best = i;
  std::vector<float> counts(256);                    // au
  for (char byte : record) counts[uint8_t(byte)]++;  // au
  au_extract("bytes", counts);                       // au
  au_NN("pack", "bytes", "dictionary");              // au
  au_write_back("dictionary", best);                 // au
  return best;
}

Bytes Packer::pack(const Bytes& record, size_t dictionary) {
  Bytes packed(ZSTD_compressBound(record.size()));
  packed.resize(
      checked(ZSTD_compress_usingCDict(packing_.get(), packed.data(), packed.size(), record.data(),
                                       record.size(), to_pack_[dictionary].get())));
  return packed;
}

Bytes Packer::unpack(const Bytes& packed, size_t dictionary) {
  Bytes record(kRecordBytes);
  record.resize(checked(ZSTD_decompress_usingDDict(unpacking_.get(), record.data(), record.size(),
                                                   packed.data(), packed.size(),
                                                   to_unpack_[dictionary].get())));
  return record;
}
