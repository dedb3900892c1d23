// Centres by faiss::Clustering; rows go to the nearest one by their codes.

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "lib/base/thread_pool.h"
#include "retriever/inverted_lists.h"

namespace fovea {
namespace {

constexpr std::size_t kSampleOfCentre = 64;  // vectors that k-means sees for each centre
constexpr int kRounds = 10;

// [sample, D], evenly spread over all rows.
std::vector<float> Sample(const CodedVectors& vectors, std::size_t count) {
  const std::size_t dimensions = vectors.exact.dimensions;
  std::vector<float> sample(count * dimensions);
  for (std::size_t i = 0; i < count; ++i) {
    vectors.exact.Read(i * vectors.codes.count / count,
                       std::span(sample).subspan(i * dimensions, dimensions));
  }
  return sample;
}

std::vector<float> Centres(const CodedVectors& vectors, std::size_t count, ThreadPool* pool) {
  omp_set_num_threads(pool != nullptr ? pool->size() : 1);
  const std::size_t sampled = std::min(vectors.codes.count, kSampleOfCentre * count);
  const std::vector<float> sample = Sample(vectors, sampled);
  faiss::ClusteringParameters parameters;
  parameters.spherical = true;
  parameters.niter = kRounds;
  parameters.min_points_per_centroid = 1;
  parameters.max_points_per_centroid = static_cast<int>(sampled);
  const auto dimensions = static_cast<int>(vectors.exact.dimensions);
  faiss::Clustering clustering(dimensions, static_cast<int>(count), parameters);
  faiss::IndexFlatIP nearest(dimensions);
  clustering.train(static_cast<faiss::Index::idx_t>(sampled), sample.data(), nearest);
  return clustering.centroids;
}

// The nearest centre of each row; of equal ones the first.
std::vector<std::uint32_t> Assign(const CodedVectors& vectors, const InvertedLists& lists,
                                  ThreadPool* pool) {
  constexpr std::size_t kGrain = 256;
  std::vector<std::uint32_t> nearest(vectors.codes.count);
  const auto assign = [&](std::size_t begin, std::size_t end) {
    std::vector<std::int32_t> products(lists.centres.count);
    for (std::size_t row = begin; row < end; ++row) {
      CodeDotRows({vectors.codes.row(row), vectors.codes.stride}, lists.centres, products);
      std::size_t best = 0;
      const auto score = [&](std::size_t c) {
        return lists.centre_scales[c].scale * static_cast<float>(products[c]);
      };
      for (std::size_t c = 1; c < products.size(); ++c) {
        if (score(c) > score(best)) best = c;
      }
      nearest[row] = static_cast<std::uint32_t>(best);
    }
  };
  if (pool != nullptr) {
    pool->ParallelFor(nearest.size(), kGrain, assign);
  } else {
    assign(0, nearest.size());
  }
  return nearest;
}

}  // namespace

InvertedArrays BuildInvertedLists(const CodedVectors& vectors, ThreadPool* pool) {
  const std::size_t rows = vectors.codes.count;
  const auto wanted = static_cast<std::size_t>(4 * std::sqrt(static_cast<double>(rows)));
  const std::size_t count = std::clamp<std::size_t>(wanted, 1, rows);
  const std::vector<float> centres = Centres(vectors, count, pool);
  InvertedArrays arrays;
  arrays.stride = vectors.codes.stride;
  arrays.centres.resize(count * arrays.stride);
  const std::size_t dimensions = vectors.exact.dimensions;
  for (std::size_t c = 0; c < count; ++c) {
    arrays.centre_scales.push_back(
        EncodeRow(std::span(centres).subspan(c * dimensions, dimensions),
                  std::span(arrays.centres).subspan(c * arrays.stride, arrays.stride)));
  }
  const std::vector<std::uint32_t> nearest = Assign(vectors, arrays.view(), pool);
  arrays.begin.assign(count + 1, 0);
  for (const std::uint32_t c : nearest) ++arrays.begin[c + 1];
  for (std::size_t c = 0; c < count; ++c) arrays.begin[c + 1] += arrays.begin[c];
  std::vector<std::uint32_t> next(arrays.begin.begin(), arrays.begin.end() - 1);
  arrays.rows.resize(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    arrays.rows[next[nearest[row]]++] = static_cast<std::uint32_t>(row);
  }
  return arrays;
}

}  // namespace fovea
