#include "server/state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/log.h"
#include "server/protocol.h"

namespace belay {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// 100,000 snapshots are 16 MB.
constexpr size_t kClientFileBytesMax = 64 << 20;
constexpr std::string_view kTemporary = ".new-";

// With what it is in, where that is missing.
Status make_folders(Os& os, const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return {};
  const std::string parent = fs::absolute(path).lexically_normal().parent_path();
  BELAY_TRY(make_folders(os, parent));
  long result = os.mkdir(path.c_str(), 0700);
  if (result < 0 && result != -EEXIST) return call_failed(result, path);
  return sync_folder(os, parent.c_str());
}

Status make_folder(Os& os, const std::string& path) {
  long result = os.mkdir(path.c_str(), 0700);
  if (result < 0 && result != -EEXIST) return call_failed(result, path);
  return {};
}

std::string sum_of(const std::string& text) {
  return fmt::format("{:016x}", checksum(text.data(), text.size()));
}

Json as_stored(const Snapshot& snapshot) {
  return {{"id", snapshot.id},
          {"parent", snapshot.parent},
          {"taken_unix_ms", snapshot.taken_unix_ms},
          {"bytes", snapshot.bytes},
          {"take_ns", snapshot.take_ns},
          {"pinned", snapshot.pinned}};
}

Snapshot snapshot_of(const Json& json) {
  return {json.at("id"),
          json.at("parent"),
          json.at("taken_unix_ms"),
          json.at("bytes"),
          json.at("take_ns"),
          json.at("pinned"),
          true};
}

Client client_of(const Json& json) {
  Client client;
  client.name = json.at("name");
  client.driver = json.at("driver");
  client.instance = json.at("instance");
  client.current = json.at("current");
  client.target = json.at("target");
  client.store = json.value("store", "");
  client.dropped = json.value("dropped", std::vector<std::string>());
  for (const Json& snapshot : json.at("snapshots"))
    client.snapshots.push_back(snapshot_of(snapshot));
  client.checkpoints = json.value("checkpoints", uint64_t{client.snapshots.size()});
  return client;
}

Result<std::string> read_file(Os& os, const std::string& path) {
  long fd = os.open(path.c_str(), O_RDONLY, 0);
  if (fd < 0) return call_failed(fd, path);
  struct stat info = {};
  long read = os.fstat(int(fd), &info);
  std::string text(read < 0 ? 0 : std::min(size_t(info.st_size), kClientFileBytesMax), '\0');
  if (read >= 0) read = os.pread(int(fd), text.data(), text.size(), 0);
  os.close(int(fd));
  if (read < 0) return call_failed(read, path);
  text.resize(size_t(read));
  return text;
}

Result<Client> read_client(Os& os, const std::string& path, const std::string& name) {
  BELAY_ASSIGN(std::string text, read_file(os, path));
  try {
    Json json = Json::parse(text);
    const Json& client = json.at("client");
    if (json.at("xxh3") != sum_of(client.dump()) || client.at("name") != name)
      return fail(EBADMSG, "{}: damaged: its checksum or name differs", path);
    return client_of(client);
  } catch (const Json::exception& error) {
    return fail(EBADMSG, "{}: damaged: {}", path, error.what());
  }
}

void remove_leftovers(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with(kTemporary)) fs::remove(entry.path(), ignored);
}

}  // namespace

Status IncomingFile::open(Os& os, const std::string& folder, std::string_view name,
                          uint64_t number) {
  os_ = &os;
  folder_ = folder;
  path_ = fmt::format("{}/{}", folder, name);
  temporary_ = fmt::format("{}/{}{}", folder, kTemporary, number);
  bytes_ = 0;
  long fd = os.open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return call_failed(fd, temporary_);
  fd_ = int(fd);
  return {};
}

Status IncomingFile::append(std::span<const std::byte> data) {
  long result = os_->pwrite(fd_, data.data(), data.size(), bytes_);
  if (result >= 0 && size_t(result) < data.size()) result = -ENOSPC;
  if (result < 0) return call_failed(result, path_);
  bytes_ += data.size();
  return {};
}

// A hint: sync_file_range(2) makes nothing durable, and what fails here, fdatasync(2) says.
void IncomingFile::write_behind() {
  std::lock_guard lock(in_use_);
  if (fd_ >= 0) sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
}

Status IncomingFile::commit() {
  std::lock_guard lock(in_use_);
  long result = os_->fdatasync(fd_);
  if (result >= 0) result = os_->rename(temporary_.c_str(), path_.c_str());
  os_->close(fd_);
  fd_ = -1;
  if (result < 0) {
    os_->unlink(temporary_.c_str());
    return call_failed(result, path_);
  }
  Status synced = sync_folder(*os_, folder_.c_str());
  if (!synced)
    return fail(synced.error().code, "{} has been replaced, but may not stay so: {}", path_,
                synced.error().text());
  return {};
}

void IncomingFile::abandon() {
  if (fd_ < 0) return;
  os_->close(fd_);
  os_->unlink(temporary_.c_str());
  fd_ = -1;
}

Result<StateFolder> StateFolder::open(Os& os, const std::string& path) {
  BELAY_TRY(make_folders(os, path));
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return call_failed(-errno, path);
  if (info.st_uid != geteuid())
    return fail(EPERM, "{}: belongs to user {}, and snapshots are code", path, info.st_uid);
  std::string lock_path = path + "/lock";
  long lock = os.open(lock_path.c_str(), O_RDWR | O_CREAT, 0600);
  if (lock < 0) return call_failed(lock, lock_path);
  StateFolder folder(os, path, int(lock));
  // One without a name was that of a server that has just removed its folder.
  const bool locked = flock(int(lock), LOCK_EX | LOCK_NB) == 0;
  if (!locked || os.fstat(int(lock), &info) != 0 || info.st_nlink == 0)
    return fail(EBUSY, "{}: another server uses it", path);
  BELAY_TRY(make_folder(os, path + "/clients"));
  BELAY_TRY(sync_folder(os, path.c_str()));
  return folder;
}

StateFolder::StateFolder(StateFolder&& other) noexcept
    : os_(other.os_), path_(std::move(other.path_)), lock_(other.lock_) {
  other.lock_ = -1;
}

StateFolder::~StateFolder() {
  if (lock_ >= 0) os_->close(lock_);
}

void StateFolder::remove_if_empty() const {
  if (rmdir((path_ + "/clients").c_str()) != 0) return;
  os_->unlink((path_ + "/lock").c_str());
  rmdir(path_.c_str());
}

std::string StateFolder::files_of(std::string_view client) const {
  return fmt::format("{}/clients/{}/files", path_, client);
}

std::string StateFolder::images_of(std::string_view client) const {
  return fmt::format("{}/clients/{}/images", path_, client);
}

Status StateFolder::load(Catalog& catalog) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_ + "/clients", error)) {
    std::string name = entry.path().filename(), folder = entry.path();
    if (!is_plain_name(name)) continue;
    remove_leftovers(folder);
    remove_leftovers(folder + "/files");
    std::string path = folder + "/client.json";
    auto client = read_client(*os_, path, name);
    if (client) {
      catalog.clients()[name] = std::move(*client);
    } else if (client.error().code == EBADMSG) {
      log(LogLevel::kError, "{}; set aside as client.json.damaged", client.error().text());
      os_->rename(path.c_str(), (path + ".damaged").c_str());
    } else if (client.error().code != ENOENT) {
      return tl::make_unexpected(client.error());  // it may be read another time
    }
  }
  if (error) return fail(error.value(), "{}/clients: {}", path_, error.message());
  return {};
}

Status StateFolder::make_client(std::string_view client) {
  std::string folder = fmt::format("{}/clients/{}", path_, client);
  BELAY_TRY(make_folder(*os_, folder));
  BELAY_TRY(make_folder(*os_, folder + "/files"));
  BELAY_TRY(sync_folder(*os_, folder.c_str()));
  return sync_folder(*os_, (path_ + "/clients").c_str());
}

size_t StateFolder::count_files(std::string_view client) const {
  std::error_code error;
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(files_of(client), error))
    count += !entry.path().filename().string().starts_with(kTemporary);
  return count;
}

std::string StateFolder::serialise(const Client& client) {
  Json snapshots = Json::array();
  for (const Snapshot& snapshot : client.snapshots) snapshots.push_back(as_stored(snapshot));
  std::vector<std::string> dropped = client.dropped;
  dropped.insert(dropped.end(), client.told.begin(), client.told.end());
  Json json{
      {"name", client.name},   {"driver", client.driver},           {"instance", client.instance},
      {"store", client.store}, {"current", client.current},         {"target", client.target},
      {"dropped", dropped},    {"checkpoints", client.checkpoints}, {"snapshots", snapshots}};
  return Json{{"xxh3", sum_of(json.dump())}, {"client", json}}.dump() + "\n";
}

Status StateFolder::save(const std::string& client, const std::string& serialised) const {
  std::string folder = fmt::format("{}/clients/{}", path_, client);
  IncomingFile file;
  BELAY_TRY(file.open(*os_, folder, "client.json", 0));
  BELAY_TRY(file.append(std::as_bytes(std::span(serialised))));
  return file.commit();
}

}  // namespace belay
