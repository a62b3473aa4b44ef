#include "learn/torch/verify_archive.h"

#include <errno.h>
#include <zip.h>

namespace belay {
namespace {

// libtorch reads nothing of what is marked as a folder, and computes with whatever is there.
bool is_folder_with_data(zip_t* archive, zip_uint64_t index) {
  constexpr zip_uint32_t kFolder = 0x10;
  zip_uint32_t attributes = 0;
  zip_stat_t status{};
  return zip_file_get_external_attributes(archive, index, 0, nullptr, &attributes) != 0 ||
         zip_stat_index(archive, index, 0, &status) != 0 ||
         ((attributes & kFolder) != 0 && status.size > 0);
}

// libzip compares the CRC-32 when it comes to a file's end.
bool is_whole(zip_t* archive, zip_uint64_t index) {
  if (is_folder_with_data(archive, index)) return false;
  zip_file_t* file = zip_fopen_index(archive, index, 0);
  if (file == nullptr) return false;
  char block[1 << 14];
  zip_int64_t got = 1;
  while (got > 0) got = zip_fread(file, block, sizeof block);
  zip_fclose(file);
  return got == 0;
}

}  // namespace

Status verify_archive(const std::string& path) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (archive == nullptr) return fail(EBADMSG, "no TorchScript file, or damaged");
  Status status;
  auto files = static_cast<zip_uint64_t>(zip_get_num_entries(archive, 0));
  for (zip_uint64_t i = 0; status && i < files; i++)
    if (!is_whole(archive, i))
      status = fail(EBADMSG, "damaged: {}", zip_get_name(archive, i, ZIP_FL_ENC_RAW));
  zip_discard(archive);
  return status;
}

}  // namespace belay
