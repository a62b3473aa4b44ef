// belay ctl COMMAND [CLIENT [SNAPSHOT]]
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json.h"
#include "cli/server_paths.h"
#include "cli/table.h"
#include "cli/units.h"

namespace belay::cli {
namespace {

// Between two looks at whether the checkpoint that was asked for is there.
constexpr int kLookMs = 20;

struct CtlOptions {
  std::string folder, client, snapshot, wait;
  bool json = false;
};

std::string exchange(const std::string& folder, const std::string& line) {
  const std::string path = control_socket(folder);
  sockaddr_un name{.sun_family = AF_UNIX};
  copy_text(name.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || path.size() >= sizeof name.sun_path ||
      connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) {
    int code = errno;
    if (fd >= 0) close(fd);
    throw Failure(kExitUnavailable,
                  fmt::format("no server answers at {}: {}", path, errno_text(code)));
  }
  std::string text = line + "\n", answer;
  bool sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
  char data[65536];
  for (ssize_t got; sent && (got = read(fd, data, sizeof data)) > 0;)
    answer.append(data, size_t(got));
  close(fd);
  if (!answer.ends_with('\n')) throw Failure(kExitUnavailable, "the server has not answered");
  return answer;
}

Json ask(const CtlOptions& options, const std::string& what) {
  Json request{{"do", what}, {"client", options.client}, {"snapshot", options.snapshot}};
  Json answer = Json::parse(exchange(server_folder(options.folder), request.dump()));
  if (!answer.at("ok")) throw Failure(kExitNothing, answer.at("error"));
  return answer;
}

std::string text_of(const Json& value) { return value.is_null() ? "-" : value.get<std::string>(); }

int clients(const CtlOptions& options) {
  Json state = ask(options, "state");
  if (options.json) return print(state), 0;
  Table table({"CLIENT", "DRIVER", "STATE", ">PID", ">SNAPSHOTS", ">TAKEN", ">RESTORED", "GOAL"});
  for (const Json& client : state.at("clients")) {
    table.add({client.at("name"), client.at("driver"),
               client.at("connected") ? client.at("asked") ? "asked" : "connected" : "away",
               std::to_string(client.at("pid").get<uint64_t>()),
               std::to_string(client.at("snapshots").size()),
               std::to_string(client.at("checkpoints").get<uint64_t>()),
               std::to_string(client.at("restores").get<uint64_t>()), text_of(client.at("goal"))});
  }
  printf("%s", table.text().c_str());
  return 0;
}

int list(const CtlOptions& options) {
  Json state = ask(options, "state"), found = Json::array();
  Table table({"CLIENT", "SNAPSHOT", "PARENT", ">AGE", ">SIZE", ">TOOK", "PINNED"});
  for (const Json& client : state.at("clients")) {
    if (!options.client.empty() && client.at("name") != options.client) continue;
    for (Json snapshot : client.at("snapshots")) {
      uint64_t age_ms = state.at("time_ms").get<uint64_t>() -
                        std::min(state.at("time_ms"), snapshot.at("time_ms")).get<uint64_t>();
      table.add({client.at("name"), snapshot.at("id"), text_of(snapshot.at("parent")),
                 format_age(age_ms * 1'000'000), format_bytes(snapshot.at("bytes")),
                 fmt::format("{} us", snapshot.at("take_ns").get<uint64_t>() / 1000),
                 snapshot.at("pinned") ? "yes" : ""});
      snapshot["client"] = client.at("name");
      found.push_back(snapshot);
    }
  }
  if (options.json) {
    print(Json{{"snapshots", found}});
  } else {
    printf("%s", table.text().c_str());
  }
  return 0;
}

uint64_t taken(const Json& state, const Json& names) {
  uint64_t count = 0;
  for (const Json& client : state.at("clients"))
    if (std::find(names.begin(), names.end(), client.at("name")) != names.end())
      count += client.at("asked") ? 0 : 1;
  return count;
}

// Until all of them have been answered, by a checkpoint or a reason why not.
int checkpoint(const CtlOptions& options) {
  Json answer = ask(options, "checkpoint");
  const Json& names = answer.at("asked");
  if (!options.wait.empty()) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::milliseconds(parse_duration_ms(options.wait));
    while (taken(ask(options, "state"), names) < names.size()) {
      if (Clock::now() > end) {
        throw Failure(kExitBusy,
                      "no checkpoint in time; it comes when the program gets to "
                      "au_checkpoint()");
      }
      poll(nullptr, 0, kLookMs);
    }
  }
  if (options.json) return print(answer), 0;
  for (const Json& name : names) printf("%s\n", name.get<std::string>().c_str());
  if (names.empty()) throw Failure(kExitNothing, "no client is connected");
  return 0;
}

int simple(const CtlOptions& options, const std::string& what) {
  Json answer = ask(options, what);
  if (options.json) {
    print(answer);
  } else if (answer.value("pending", false)) {
    printf("deleted; the space in %s is free when the program runs and connects again\n",
           answer.value("store", "its store").c_str());
  }
  return 0;
}

}  // namespace

void add_ctl(Parser& parser) {
  auto options = std::make_shared<CtlOptions>();
  CLI::App* command =
      parser.app.add_subcommand("ctl", "Ask the server for checkpoints, and see what it holds");
  add_server_option(command, &options->folder);
  add_json_option(command, &options->json);
  command->add_option("--wait", options->wait, "Wait so long for the checkpoint")
      ->type_name("TIME");
  command->require_subcommand(1);
  command->fallthrough();
  auto add = [&](const char* name, const char* about, auto action) {
    CLI::App* sub = command->add_subcommand(name, about);
    sub->callback([&parser, options, action] {
      parser.action = [options, action] { return action(*options); };
    });
    return sub;
  };
  auto with_client = [&](CLI::App* sub, bool required) {
    sub->add_option("CLIENT", options->client, "Which client")->type_name("")->required(required);
    return sub;
  };
  add("clients", "List the clients", clients);
  with_client(add("list", "List the snapshots", list), false);
  with_client(add("checkpoint", "Have clients take a checkpoint, all that are connected by default",
                  checkpoint),
              false);
  constexpr std::pair<const char*, const char*> kChanges[] = {
      {"pin", "Keep a snapshot, whatever the limits say"},
      {"unpin", "Let a snapshot go when others need its room"},
      {"delete", "Forget a snapshot"},
      {"select", "Let the client's next au_restore() lead to this snapshot"}};
  for (auto [name, about] : kChanges) {
    std::string what = name;
    CLI::App* sub = with_client(
        add(name, about, [what](const CtlOptions& chosen) { return simple(chosen, what); }), true);
    sub->add_option("SNAPSHOT", options->snapshot, "Which one; see `belay ctl list`")
        ->type_name("")
        ->required();
  }
  add("stop", "Stop the server", [](const CtlOptions& chosen) { return simple(chosen, "stop"); });
}

}  // namespace belay::cli
