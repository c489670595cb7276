// Boost.JSON's code, compiled once for every program (its header-only mode).
#include <boost/json/src.hpp>
