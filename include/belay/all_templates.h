/* all_templates.h — belay-c++ includes it before everything else: templates of which libstdc++
 * holds compiled instances (std::string, streams) are compiled with the program as well, so that
 * they have clones that log. libstdc++ has no other switch for it: c++config.h defines the macro.
 */
#ifndef BELAY_ALL_TEMPLATES_H
#define BELAY_ALL_TEMPLATES_H

#if defined(__cplusplus) && defined(__has_include)
#if __has_include(<bits/c++config.h>)
#include <bits/c++config.h>
#undef _GLIBCXX_EXTERN_TEMPLATE
#define _GLIBCXX_EXTERN_TEMPLATE 0
#endif
#endif

#endif
