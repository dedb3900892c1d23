#include "retriever/coded_vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

// Vectors in memory, and coded over a file.
class Coded {
 public:
  Coded(std::size_t count, std::size_t dimensions, std::uint64_t seed)
      : matrix_(count, dimensions),
        codes_(count * CodeStride(dimensions)),
        file_(folder_.path() / "rows", Descriptor::Mode::kCreate) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (std::size_t r = 0; r < count; ++r) {
      for (float& x : matrix_.row(r)) x = normal(random);
      // One large component makes a row's codes coarse.
      if (r % 7 == 0) matrix_.row(r)[0] = 30;
      NormalizeInPlace(matrix_.row(r));
    }
    for (std::size_t r = 5; r < count; r += 50) {
      std::copy(matrix_.row(r - 1).begin(), matrix_.row(r - 1).end(), matrix_.row(r).begin());
    }
    const std::size_t stride = CodeStride(dimensions);
    for (std::size_t r = 0; r < count; ++r) {
      scales_.push_back(EncodeRow(matrix_.row(r), std::span(codes_).subspan(r * stride, stride)));
      file_.WriteAt(r * dimensions * sizeof(float), std::as_bytes(matrix_.row(r)));
    }
  }

  const Matrix& matrix() const { return matrix_; }
  CodedVectors vectors() const {
    return {.codes = {codes_.data(), matrix_.rows(), CodeStride(matrix_.cols())},
            .scales = scales_,
            .exact = {&file_, 0, matrix_.cols()},
            .greatest_norm = 1.00001f};
  }

 private:
  TempFolder folder_;
  Matrix matrix_;
  std::vector<std::int8_t> codes_;
  std::vector<CodeScale> scales_;
  Descriptor file_;
};

std::vector<float> RandomQuery(std::size_t dimensions, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> query(dimensions);
  for (float& x : query) x = normal(random);
  return query;
}

double ProductInDouble(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

class CodedScan : public testing::TestWithParam<Isa> {
 protected:
  ScopedIsa forced_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(EveryIsa, CodedScan, testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(Name(isa.param)); });

TEST_P(CodedScan, AScoreIsOffByNoMoreThanItsError) {
  for (const std::size_t dimensions : {1, 16, 65, 384}) {
    const Coded coded(200, dimensions, dimensions);
    const CodedVectors vectors = coded.vectors();
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const std::vector<float> exact = RandomQuery(dimensions, seed);
      const CodedQuery query(exact);
      std::vector<std::int32_t> products(200);
      CodeDotRows(query.codes(), vectors.codes, products);
      for (std::size_t r = 0; r < 200; ++r) {
        EXPECT_NEAR(query.Score(products[r], vectors.scales[r]),
                    ProductInDouble(exact, coded.matrix().row(r)),
                    query.Error(vectors.scales[r], vectors.greatest_norm));
      }
    }
  }
}

// Bit for bit what the exact vectors give: ties by row, whatever the threads, with and without a
// filter.
TEST_P(CodedScan, FindsWhatAScanOfTheExactVectorsFinds) {
  const Coded coded(5'000, 48, 3);
  ThreadPool pool(3);
  for (const std::size_t every : {1, 3, 611, 6'000}) {
    std::vector<bool> wanted(5'010);
    for (std::size_t r = 0; r < wanted.size(); ++r) wanted[r] = r % every == every / 2;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const std::vector<float> exact = RandomQuery(48, seed);
      for (const std::size_t k : {1, 10, 200, 20'000}) {
        TopHits truth(k);
        for (std::size_t r = 0; r < 5'000; ++r) {
          if (wanted[10 + r]) truth.Offer(Dot(exact, coded.matrix().row(r)), 10 + r);
        }
        const auto expected = truth.Sorted();
        for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
          TopHits best(k);
          ScanExactly(CodedQuery(exact), coded.vectors(), k, wanted, 10, threads, best);
          const auto found = best.Sorted();
          ASSERT_EQ(found.size(), expected.size());
          for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_EQ(found[i].row, expected[i].row);
            EXPECT_EQ(found[i].score, expected[i].score);
          }
        }
      }
    }
  }
}

TEST(CodedVectors, HitsAreOfferedWithTheirExactScores) {
  const Coded coded(300, 32, 9);
  const std::vector<float> exact = RandomQuery(32, 1);
  const CodedQuery query(exact);
  std::vector<CodedHit> hits;
  std::vector<std::int32_t> products(300);
  CodeDotRows(query.codes(), coded.vectors().codes, products);
  for (std::uint32_t r = 299; r > 100; --r) {
    hits.push_back({r, query.Score(products[r], coded.vectors().scales[r])});
  }
  TopHits best(5);
  OfferExact(query, coded.vectors(), hits, 5, 0, best);
  TopHits truth(5);
  for (const CodedHit& hit : hits) truth.Offer(Dot(exact, coded.matrix().row(hit.row)), hit.row);
  ASSERT_EQ(best.Sorted().size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(best.Sorted()[i].row, truth.Sorted()[i].row);
    EXPECT_EQ(best.Sorted()[i].score, truth.Sorted()[i].score);
  }
}

TEST(CodedVectors, AQueryOfZerosScoresZero) {
  const Coded coded(20, 16, 2);
  const std::vector<float> zeros(16);
  TopHits best(3);
  ScanExactly(CodedQuery(zeros), coded.vectors(), 3, std::vector<bool>(20, true), 0, nullptr, best);
  const auto found = best.Sorted();
  ASSERT_EQ(found.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found[i].row, i);
    EXPECT_EQ(found[i].score, 0.0f);
  }
}

}  // namespace
}  // namespace fovea
