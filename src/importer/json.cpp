// Boost.JSON, compiled once, here, for every file of this room that reads JSON.
#include <boost/json/src.hpp>
