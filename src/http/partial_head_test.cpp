#include "http/partial_head.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

TEST(PartialHead, HasThePathAndTheOriginThatHaveArrived) {
  struct Case {
    std::string_view bytes, path, origin;
  };
  for (const Case& one : {
           Case{"", "", ""},
           Case{"POST", "", ""},
           Case{"POST ", "", ""},
           Case{"POST /activ", "/activ", ""},
           Case{"POST /activity?key=a", "/activity", ""},
           Case{"POST http://weir/activity HTTP/1.1\r\n", "", ""},
           Case{"POST /a HTTP/1.1\r\nOrigin: https://shop.example\r\n", "/a", "https://shop.example"},
           Case{"POST /a HTTP/1.1\r\nHost: weir\r\norigin:\t https://x \t\r\n\r\n", "/a", "https://x"},
           Case{"POST /a HTTP/1.1\nOrigin: https://x\n", "/a", "https://x"},
           Case{"\r\nPOST /a HTTP/1.1\r\nOrigin: https://x\r\n", "/a", "https://x"},
           Case{"POST /a HTTP/1.1\r\nOrigin: https://incompl", "/a", ""},
           Case{"POST /a HTTP/1.1\r\nOrigin:\r\n", "/a", ""},
           Case{"POST /a HTTP/1.1\r\nX-Origin: https://x\r\n", "/a", ""},
           Case{"POST /a HTTP/1.1\r\n\r\nOrigin: https://body\r\n", "/a", ""},
           Case{"\n\n\n", "", ""},
       }) {
    const PartialHead head = read_partial_head(one.bytes);
    EXPECT_EQ(head.path, one.path) << one.bytes;
    EXPECT_EQ(head.origin, one.origin) << one.bytes;
  }
}

}  // namespace
}  // namespace weir::http
