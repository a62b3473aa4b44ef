// The travelling salesman visits every time zone: local search on all threads, or, for a few
// places, the shortest tour there is by branch and bound. Checkpointed by the library.
#include <string>

#include "branch_and_bound.h"
#include "data.h"
#include "options.h"
#include "team.h"
#include "tour.h"

struct Options : CommonOptions {
  std::string cities = "/usr/share/zoneinfo/zone1970.tab";
  size_t random = 0;
  size_t exact = 0;
  int perturbations = 2000;

  Options(int argc, char** argv) {
    CLI::App app{"A travelling salesman who survives kill -9"};
    add_to(app, "rounds of local search; after each, all threads go on from the best tour");
    app.add_option("--cities", cities, "table of places in the format of zone1970.tab")
        ->capture_default_str();
    app.add_option("--random", random, "that many random places instead");
    app.add_option("--perturbations", perturbations, "that a thread tries in a round")
        ->check(CLI::Range(1, 1000000000))
        ->capture_default_str();
    app.add_option("--exact", exact, "prove the shortest tour of the first so many places")
        ->check(CLI::Range(8, BranchAndBound::kPlacesMax));
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      std::exit(app.exit(error));
    }
  }
};

std::vector<Place> load(const Options& options) {
  std::vector<Place> places = options.random > 0 ? random_places(options.random, options.seed)
                                                 : load_places(options.cities);
  if (options.exact > 0) places.resize(std::min(places.size(), options.exact));
  if (places.size() < 8) die("a tour needs at least eight places");
  return places;
}

double kilometres(const Tour& tour) { return double(tour.metres()) / 1000; }

// Every thread perturbs a tour of its own; a round ends with everybody on the best one.
void search(const Options& options, Tour& best) {
  Team team(options.threads);
  crvector<const Tour*> tours(options.threads);
  team.run([&](int t) {
    Tour tour = best;
    Random random(options.seed, uint64_t(t));
    tours[t] = &tour;
    for (int round = 1; round <= options.rounds; round++) {
      for (int i = 0; i < options.perturbations; i++) tour.perturb(random);
      team.wait();
      if (t == 0) {
        auto shorter = [](auto* a, auto* b) { return a->metres() < b->metres(); };
        best = **std::min_element(tours.begin(), tours.end(), shorter);
        if (options.reports(round)) {
          std::printf("round %d/%d: %.1f km\n", round, options.rounds, kilometres(best));
          std::fflush(stdout);
        }
      }
      team.wait();
      tour = best;
      team.wait();
    }
  });
}

void prove(const Options& options, const Map& map, Tour& tour) {
  BranchAndBound exact(map, tour.order(), options.threads);
  Team(options.threads).run([&](int t) { exact.search(t); });
  std::printf("local search %.1f km; ", kilometres(tour));
  tour.assign(exact.result());
  std::printf("shortest %.1f km\n", kilometres(tour));
}

int main(int argc, char** argv) {
  Options options(argc, argv);
  if (crinit(nullptr) != 0 || restore() < 0) die(crerror());

  std::vector<Place> places = load(options);
  Map map(places);
  Tour tour(map);
  std::printf("%d places, first tour %.1f km\n", map.size(), kilometres(tour));
  if (options.exact > 0)
    prove(options, map, tour);
  else
    search(options, tour);
  Checksum().add(tour.order().data(), tour.order().size()).print();
}
