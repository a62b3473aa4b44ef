// Exceptions whose members libstdc++ has compiled: the clones of these do what those do.
#include <exception>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <regex>
#include <system_error>
#include <typeinfo>

namespace std {

#define ENDS(name) \
  name::~name() noexcept {}
ENDS(bad_alloc)
ENDS(bad_array_new_length)
ENDS(bad_cast)
ENDS(bad_typeid)
ENDS(bad_exception)
ENDS(bad_weak_ptr)
ENDS(bad_function_call)
ENDS(system_error)
ENDS(future_error)
ENDS(regex_error)
#undef ENDS

ios_base::failure::failure(const string& what) : system_error(io_errc::stream, what) {}
ios_base::failure::failure(const string& what, const error_code& code) : system_error(code, what) {}
ios_base::failure::failure(const char* what, const error_code& code) : system_error(code, what) {}
ios_base::failure::~failure() {}

nested_exception::~nested_exception() noexcept = default;
_V2::error_category::~error_category() noexcept = default;
__future_base::_Result_base::_Result_base() = default;
__future_base::_Result_base::~_Result_base() = default;

}  // namespace std
