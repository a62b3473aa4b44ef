// A model: what was declared, and, from its first decision on, what it has learned. Lives in model
// memory.
#pragma once

#include <optional>

#include "learn/experience.h"
#include "learn/model_spec.h"

namespace belay {

// What has been learned. Its sizes follow from the spec and the inputs' shape.
struct Learned {
  Learned(const ModelSpec& spec, const Network& network, const Backend& backend);

  void visit(Archive& archive);
  // pre: deep_q. What an actor needs of it.
  void visit_policy(Archive& archive);

  uint64_t fingerprint;  // of all that the sizes and the meaning of the parameters follow from
  Random random;
  std::optional<DeepQ> deep_q;  // one of the two
  std::optional<Supervised> supervised;
};

class ModelFile;

class Model {
 public:
  explicit Model(ModelSpec spec) : spec_(std::move(spec)) {}

  ModelSpec& spec() { return spec_; }
  const ModelSpec& spec() const { return spec_; }
  const ModelString& name() const { return spec_.name; }
  // Null before the first decision, and when the model can't be used: see `broken`.
  Learned* learned() { return learned_.get(); }

  // Makes what is to be learned for inputs of this shape. The shape stays what it is from here.
  Status build(Volume shape, const Backend& backend);
  Volume shape() const { return shape_; }
  // Fails with EINVAL when what has been declared is no model.
  Status check() const;
  // pre: built. In the place of what it has learned; it stays as it is on failure.
  Status replace(const ModelFile& file, const std::string& label, const Backend& backend);

  belay_au_stats stats();

  bool broken = false;     // its file could not be used: it neither decides nor learns nor is saved
  bool changed = false;    // since it was last saved
  bool scripted = false;   // a TorchScript decides, and nothing is learnt
  uint64_t file_mark = 0;  // of its file, as it was read or written last
  uint64_t fallbacks = 0;
  uint64_t episodes = 0;
  ModelVector<double> returns;  // of the last kReturnsKept episodes, in a ring
  static constexpr size_t kReturnsKept = 100;
  Outbox outbox;  // of an actor

 private:
  ModelSpec spec_;
  Volume shape_;
  ModelPointer<Learned> learned_;
};

}  // namespace belay
