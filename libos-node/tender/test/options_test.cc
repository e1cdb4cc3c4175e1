// Options: what is accepted, and that every mistake is named.
#include "tender/options.h"

#include <gtest/gtest.h>

namespace ebb::tender {
namespace {

using Words = std::vector<std::string>;

TEST(Options, RunWithEverything) {
  const auto options = ParseOptions(Words{"run",
                                          "--image",
                                          "i",
                                          "--tender",
                                          "process",
                                          "--memory",
                                          "128",
                                          "--report-fd",
                                          "7",
                                          "--socket",
                                          "/s",
                                          "--port",
                                          "0",
                                          "--env",
                                          "A=1",
                                          "--env",
                                          "B=x=y",
                                          "--arg",
                                          "node",
                                          "--arg",
                                          "",
                                          "--gateway-port",
                                          "3233",
                                          "--gateway-port",
                                          "8080",
                                          "--allow-private",
                                          "--trace",
                                          "--cores",
                                          "1",
                                          "--expose",
                                          "0:9229",
                                          "--expose",
                                          "127.0.0.2:80:81"});
  ASSERT_TRUE(options.ok()) << options.error().Text();
  const Options& o = options.value();
  EXPECT_EQ(o.command, Command::kRun);
  EXPECT_EQ(o.tender, TenderChoice::kProcess);
  EXPECT_EQ(o.memory_mb, 128u);
  EXPECT_EQ(o.report_fd, 7);
  EXPECT_EQ(o.port, 0);
  EXPECT_EQ(o.environment, (Words{"A=1", "B=x=y"}));
  EXPECT_EQ(o.arguments, (Words{"node", ""}));
  EXPECT_EQ(o.gateway_ports, (std::vector<uint16_t>{3233, 8080}));
  ASSERT_EQ(o.expose.size(), 2u);
  EXPECT_EQ(o.expose[0].guest_port, 9229);
  EXPECT_EQ(o.expose[0].host, (Endpoint{0x7f000001, 0}));
  EXPECT_EQ(o.expose[1].guest_port, 81);
  EXPECT_EQ(o.expose[1].host, (Endpoint{0x7f000002, 80}));
  EXPECT_TRUE(o.allow_private);
  EXPECT_TRUE(o.trace);
}

TEST(Options, OtherAddressesMustBeAllowed) {
  const auto options = ParseOptions(Words{"run", "--image", "i", "--expose", "192.0.2.1:80:80", "--allow-remote"});
  ASSERT_TRUE(options.ok()) << options.error().Text();
  EXPECT_EQ(options.value().expose[0].host, (Endpoint{0xc0000201, 80}));
}

TEST(Options, MistakesAreNamed) {
  const std::pair<Words, const char*> mistakes[] = {
      {{}, "no command"},
      {{"walk"}, "unknown command walk"},
      {{"run"}, "--image is missing"},
      {{"verify"}, "--image is missing"},
      {{"run", "--image"}, "--image needs a value"},
      {{"run", "--image", ""}, "bad value for --image"},
      {{"run", "--image", "i", "--tender", "vmware"}, "bad value for --tender"},
      {{"run", "--image", "i", "--memory", "15"}, "bad value for --memory"},
      {{"run", "--image", "i", "--memory", "64x"}, "bad value for --memory"},
      {{"run", "--image", "i", "--memory", "99999999999999999999"}, "bad value for --memory"},
      {{"run", "--image", "i", "--report-fd", "-1"}, "bad value for --report-fd"},
      {{"run", "--image", "i", "--socket", std::string(108, 's')}, "bad value for --socket"},
      {{"run", "--image", "i", "--port", "65536"}, "bad value for --port"},
      {{"run", "--image", "i", "--expose", "9229"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", ":9229"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", "80:"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", "80:0"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", "65536:80"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", "somewhere:80:80"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", "::1:80:80"}, "bad value for --expose"},
      {{"run", "--image", "i", "--expose", "0.0.0.0:80:80"}, "0.0.0.0:80 is no loopback address"},
      {{"run", "--image", "i", "--env", "A"}, "bad value for --env"},
      {{"run", "--image", "i", "--env", "=1"}, "bad value for --env"},
      {{"run", "--image", "i", "--gateway-port", "0"}, "bad value for --gateway-port"},
      {{"run", "--image", "i", "--cores", "2"}, "bad value for --cores"},
      {{"run", "--image", "i", "--fast"}, "unknown option --fast"},
  };
  for (const auto& [words, text] : mistakes) {
    const auto options = ParseOptions(words);
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_EQ(std::string(CodeName(options.error().code)), "TENDER_USAGE");
    EXPECT_NE(options.error().detail.find(text), std::string::npos) << options.error().detail;
  }
}

}  // namespace
}  // namespace ebb::tender
