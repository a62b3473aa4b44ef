// In a shared library: knows nothing of regions.
#include <map>
#include <string>

std::map<std::string, int> names;

void add_name(const char* name, int value) { names[name] = value; }
