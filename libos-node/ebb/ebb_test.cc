// Ebbs at work on two (hosted) cores: lazy construction, shared and per-core representatives, selection by the
// manifest's options.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "ebb/ebb_registry.h"
#include "ebb/hosted/local_table.h"

namespace ebb {
namespace {

std::atomic<int> constructed{0};

struct Counter {
  Counter() : serial(++constructed) {}
  int Next() { return ++value; }
  int serial;
  int value = 0;
};

class Greeter {
 public:
  virtual ~Greeter() = default;
  virtual std::string Greet() = 0;
};
class English final : public Greeter {
 public:
  std::string Greet() override { return "hello"; }
};
class French final : public Greeter {
 public:
  std::string Greet() override { return "bonjour"; }
};

template <class F>
void OnCore(uint32_t index, F f) {
  std::thread([&] {
    hosted::EnterCore(index);
    f();
  }).join();
}

class EbbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hosted::EnterCore(0);
    constructed = 0;
    id_ = allocator_.Allocate(nullptr);
    ASSERT_NE(id_, 0u);
  }
  static inline EbbAllocator allocator_;
  EbbId id_ = 0;
};

TEST_F(EbbTest, SharedRepresentativeIsMadeOnceAtFirstUse) {
  SharedEbb<Counter> root;
  SetEbbRoot(id_, &root);
  const EbbRef<Counter> counter(id_);
  EXPECT_EQ(constructed, 0);
  EXPECT_EQ(counter->Next(), 1);
  EXPECT_EQ(constructed, 1);
  Counter* first = &*counter;
  OnCore(1, [&] {
    EXPECT_EQ(LocalTranslationTable()[id_], nullptr);
    EXPECT_EQ(counter->Next(), 2);
    EXPECT_EQ(&*counter, first);
    EXPECT_EQ(LocalTranslationTable()[id_], first);
  });
  EXPECT_EQ(constructed, 1);
}

TEST_F(EbbTest, PerCoreRepresentativesAreMadeOnEachCoreThatUsesThem) {
  PerCoreEbb<Counter> root;
  SetEbbRoot(id_, &root);
  const EbbRef<Counter> counter(id_);
  EXPECT_EQ(counter->Next(), 1);
  EXPECT_EQ(counter->Next(), 2);
  EXPECT_EQ(constructed, 1);
  OnCore(1, [&] {
    EXPECT_EQ(counter->Next(), 1);
    EXPECT_EQ(constructed, 2);
  });
  EXPECT_EQ(counter->Next(), 3);
  EXPECT_EQ(constructed, 2);
}

TEST_F(EbbTest, ConcurrentFirstUseMakesOneSharedRepresentative) {
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    SharedEbb<Counter> root;
    SetEbbRoot(id_, &root);
    constructed = 0;
    std::atomic<int> ready{0};
    Counter* seen[2] = {};
    std::thread cores[2];
    for (uint32_t core = 0; core < 2; ++core) {
      cores[core] = std::thread([&, core] {
        hosted::EnterCore(core);
        ++ready;
        while (ready < 2) std::this_thread::yield();
        seen[core] = &*EbbRef<Counter>(id_);
      });
    }
    for (std::thread& core : cores) core.join();
    ASSERT_EQ(seen[0], seen[1]);
    ASSERT_EQ(constructed, 1);
  }
}

TEST_F(EbbTest, OptionsSwapAnImplementationWithoutItsUsers) {
  SharedEbb<Greeter, English> english;
  SharedEbb<Greeter, French> french;
  const EbbImplementation set[] = {{id_, "Greeter", "english", &english}, {id_, "Greeter", "french", &french}};
  const auto greet = [&] { return EbbRef<Greeter>(id_)->Greet(); };
  EXPECT_EQ(InstallEbbs(set, {}), "");
  EXPECT_EQ(greet(), "hello");
  hosted::EnterCore(0);
  using namespace std::string_view_literals;
  EXPECT_EQ(InstallEbbs(set, "profile=bypass\0ebb.Greeter=french\0"sv), "");
  EXPECT_EQ(greet(), "bonjour");
}

TEST_F(EbbTest, UnknownEbbsAndImplementationsAreNamed) {
  SharedEbb<Greeter, English> english;
  const EbbImplementation set[] = {{id_, "Greeter", "english", &english}};
  using namespace std::string_view_literals;
  EXPECT_EQ(InstallEbbs(set, "ebb.Greeter=klingon\0"sv), "ebb.Greeter=klingon");
  EXPECT_EQ(InstallEbbs(set, "ebb.Nothing=english\0"sv), "ebb.Nothing=english");
}

}  // namespace
}  // namespace ebb
