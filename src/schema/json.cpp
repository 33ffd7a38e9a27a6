// Compiles Boost.JSON, for every file of this module that reads JSON.
#include <boost/json/src.hpp>
