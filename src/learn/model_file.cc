#include "learn/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "base/text.h"
#include "learn/describe.h"
#include "learn/model_format.h"

namespace belay {
namespace {

class Writer final : public Archive {
 public:
  Writer() : file(sizeof(ModelFileHeader)) {}
  void section(std::string_view name, std::span<const std::byte> data) {
    ModelSectionHeader header{};
    copy_text(header.name, name);
    header.bytes = data.size();
    append(&header, sizeof header);
    append(data.data(), data.size());
    file.resize(padded_to_8(file.size()));
    sections++;
  }
  void finish() {
    ModelFileHeader header{.version = kModelVersion,
                           .sections = sections,
                           .payload_bytes = file.size() - sizeof header};
    memcpy(header.magic, kModelMagic, sizeof header.magic);
    header.checksum = checksum(file.data() + sizeof header, header.payload_bytes);
    memcpy(file.data(), &header, sizeof header);
  }

  std::vector<std::byte> file;
  uint32_t sections = 0;

 private:
  void bytes(std::string_view name, std::span<std::byte> data, bool) override {
    section(name, data);
  }
  void append(const void* data, size_t bytes) {
    auto from = static_cast<const std::byte*>(data);
    file.insert(file.end(), from, from + bytes);
  }
};

class Reader final : public Archive {
 public:
  Reader(const ModelFile& file, const std::string& path) : file_(file), path_(path) {}
  Status status;

 private:
  void bytes(std::string_view name, std::span<std::byte> data, bool may_miss) override {
    if (!status) return;
    for (const ModelSection& section : file_.sections()) {
      if (section.name != name) continue;
      if (section.data.size() == data.size()) {
        std::ranges::copy(section.data, data.begin());
      } else {
        status = fail(EBADMSG, "{}: '{}' is {} bytes, and this model's are {}", path_, name,
                      section.data.size(), data.size());
      }
      return;
    }
    if (!may_miss) status = fail(EBADMSG, "{}: no section '{}'", path_, name);
  }

  const ModelFile& file_;
  const std::string& path_;
};

Status sync_folder(Os& os, const std::string& path) {
  std::string folder = path.substr(0, path.rfind('/') + 1);
  long fd = os.open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return fail(int(-fd), "{}: {}", folder, errno_text(int(-fd)));
  long result = os.fsync(int(fd));
  os.close(int(fd));
  if (result < 0) return fail(int(-result), "{}: {}", folder, errno_text(int(-result)));
  return {};
}

std::string path_in(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && path.back() != '/') path += '/';
  return path.append(name);
}

Status write_new(Os& os, const std::string& path, std::span<const std::byte> data) {
  long fd = os.open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) return fail(int(-fd), "{}: {}", path, errno_text(int(-fd)));
  long result = os.pwrite(int(fd), data.data(), data.size(), 0);
  if (result >= 0 && size_t(result) < data.size()) result = -ENOSPC;
  if (result >= 0) result = os.fdatasync(int(fd));
  os.close(int(fd));
  if (result < 0) return fail(int(-result), "{}: {}", path, errno_text(int(-result)));
  return {};
}

}  // namespace

Result<ModelFile> ModelFile::read(Os& os, const std::string& path) {
  long fd = os.open(path.c_str(), O_RDONLY, 0);
  if (fd < 0) return fail(int(-fd), "{}: {}", path, errno_text(int(-fd)));
  struct stat status = {};
  ModelFile file;
  long result = os.fstat(int(fd), &status);
  auto size = static_cast<uint64_t>(status.st_size);
  if (result >= 0 && !S_ISREG(status.st_mode)) result = -EINVAL;
  if (result >= 0 && size > kModelFileBytesMax) result = -EFBIG;
  if (result >= 0) {
    file.bytes_.resize(size);
    result = os.pread(int(fd), file.bytes_.data(), size, 0);
  }
  os.close(int(fd));
  if (result < 0) return fail(int(-result), "{}: {}", path, errno_text(int(-result)));
  file.bytes_.resize(static_cast<size_t>(result));
  BELAY_TRY(file.parse(path));
  return file;
}

Result<ModelFile> ModelFile::from_bytes(std::vector<std::byte> bytes, const std::string& label) {
  ModelFile file;
  file.bytes_ = std::move(bytes);
  BELAY_TRY(file.parse(label));
  return file;
}

Status ModelFile::parse(const std::string& path) {
  ModelFileHeader header;
  std::span<const std::byte> rest = bytes_;
  if (rest.size() < sizeof header) return fail(EBADMSG, "{}: no model file: too short", path);
  memcpy(&header, rest.data(), sizeof header);
  rest = rest.subspan(sizeof header);
  if (memcmp(header.magic, kModelMagic, sizeof header.magic) != 0)
    return fail(EBADMSG, "{}: no model file", path);
  if (header.version != kModelVersion)
    return fail(EBADMSG, "{}: of version {}; this is for version {}", path, header.version,
                kModelVersion);
  if (header.payload_bytes != rest.size() || checksum(rest) != header.checksum)
    return fail(EBADMSG, "{}: damaged: checksum or length differ", path);
  if (header.sections > kModelSectionsMax)
    return fail(EBADMSG, "{}: {} sections, at most {}", path, header.sections, kModelSectionsMax);
  for (uint32_t i = 0; i < header.sections; i++) {
    if (rest.size() < sizeof(ModelSectionHeader))
      return fail(EBADMSG, "{}: section {} is cut off", path, i);
    auto section = reinterpret_cast<const ModelSectionHeader*>(rest.data());  // 8-aligned
    rest = rest.subspan(sizeof *section);
    if (section->bytes > rest.size() || padded_to_8(section->bytes) > rest.size())
      return fail(EBADMSG, "{}: section {} is longer than the file", path, i);
    sections_.push_back({{section->name, strnlen(section->name, sizeof section->name)},
                         rest.first(section->bytes)});
    rest = rest.subspan(padded_to_8(section->bytes));
  }
  return {};
}

std::string model_path(std::string_view folder, std::string_view name) {
  return path_in(folder, name).append(".model");
}
std::string script_path(std::string_view folder, std::string_view name) {
  return path_in(folder, name).append(".pt");
}

namespace {

Status load(const ModelFile& file, const std::string& path, Learned& learned,
            void (Learned::*visit)(Archive&)) {
  Reader reader(file, path);
  uint64_t wanted = learned.fingerprint;
  (learned.*visit)(reader);
  if (learned.fingerprint != wanted)
    return fail(EBADMSG, "{}: of a model with other inputs, layers, outputs or bounds",
                reader.status ? std::string_view(path) : reader.status.error().text());
  return reader.status;
}

}  // namespace

Status load_model(const ModelFile& file, const std::string& path, Learned& learned) {
  return load(file, path, learned, &Learned::visit);
}

Status load_weights(const ModelFile& file, const std::string& label, Learned& learned) {
  return load(file, label, learned, &Learned::visit_policy);
}

std::vector<std::byte> encode_model(const ModelSpec& spec, Volume shape, Learned& learned) {
  Writer writer;
  std::string about = describe_model(spec, shape, learned);
  writer.section("about", std::as_bytes(std::span(about)));
  learned.visit(writer);
  writer.finish();
  return std::move(writer.file);
}

std::vector<std::byte> encode_weights(Learned& learned) {
  Writer writer;
  learned.visit_policy(writer);
  writer.finish();
  return std::move(writer.file);
}

Status save_model(Os& os, const std::string& path, const ModelSpec& spec, Volume shape,
                  Learned& learned) {
  return save_file(os, path, encode_model(spec, shape, learned));
}

Status save_file(Os& os, const std::string& path, std::span<const std::byte> bytes) {
  std::string temporary = path + ".new-" + std::to_string(getpid());
  Status written = write_new(os, temporary, bytes);
  if (written) {
    long result = os.rename(temporary.c_str(), path.c_str());
    if (result < 0) written = fail(int(-result), "{}: {}", path, errno_text(int(-result)));
  }
  if (!written) {
    os.unlink(temporary.c_str());
    return written;
  }
  return sync_folder(os, path);
}

}  // namespace belay
