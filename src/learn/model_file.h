// Models on disk: written whole or not at all, verified before they are believed.
#pragma once

#include <string>

#include "base/os.h"
#include "learn/model.h"

namespace belay {

struct ModelSection {
  std::string_view name;
  std::span<const std::byte> data;
};

// A model file in memory whose checksum and sections have been verified.
class ModelFile {
 public:
  // Fails with ENOENT when there is none, EBADMSG when it is damaged or no model file.
  static Result<ModelFile> read(Os& os, const std::string& path);

  // `label`: what to call it in a sentence.
  static Result<ModelFile> from_bytes(std::vector<std::byte> bytes, const std::string& label);

  std::span<const ModelSection> sections() const { return sections_; }

 private:
  Status parse(const std::string& path);

  std::vector<std::byte> bytes_;
  std::vector<ModelSection> sections_;
};

// The file of a model in a folder, and that of a TorchScript that stands in for it.
std::string model_path(std::string_view folder, std::string_view name);
std::string script_path(std::string_view folder, std::string_view name);

// Which writing of a file this is; 0: there is none.
uint64_t mark_of_file(Os& os, const std::string& path);

// Fails with EBADMSG for another program's model, and one of another shape. `learned` is then of no
// use any more.
Status load_model(const ModelFile& file, const std::string& path, Learned& learned);

// The file's contents.
std::vector<std::byte> encode_model(const ModelSpec& spec, Volume shape, Learned& learned);

// Of a model that learns by reward, what it takes to decide: in the form of a model file, with as
// many of its sections as that is.
Status load_weights(const ModelFile& file, const std::string& label, Learned& learned);
std::vector<std::byte> encode_weights(Learned& learned);

// In the place of what is there, as save_model().
Status save_file(Os& os, const std::string& path, std::span<const std::byte> bytes);

// In the place of what is there: through a temporary file, synced, renamed, the folder synced.
Status save_model(Os& os, const std::string& path, const ModelSpec& spec, Volume shape,
                  Learned& learned);

}  // namespace belay
