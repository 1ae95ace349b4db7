// Embeddings: rows by id.
#include "fovea/nn/embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"

namespace fovea::nn {
namespace {

Tensor table() {
  return Tensor::of<float>({3, 2}, {0, 1, 10, 11, 20, 21});
}

TEST(Embedding, ReturnsTheRowOfEachId) {
  const Embedding embedding(table());
  const Tensor ids = Tensor::of<std::int64_t>({2, 2}, {2, 0, 1, 2});
  const Tensor rows = embedding.forward(ids);
  EXPECT_EQ(rows.shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(rows.values<float>(), testing::ElementsAre(20, 21, 0, 1, 10, 11, 20, 21));
  const Tensor narrow_ids = Tensor::of<std::int32_t>({}, {1});
  EXPECT_THAT(embedding.forward(narrow_ids).values<float>(), testing::ElementsAre(10, 11));
}

TEST(Embedding, DrawsItsTableAsRandn) {
  Generator generator(4);
  const Embedding embedding(5, 4, generator);
  Generator same(4);
  const Tensor wanted = randn({5, 4}, same);
  EXPECT_TRUE(std::ranges::equal(Tensor::copy_of(embedding.weight()).values<float>(),
                                 wanted.values<float>()));
}

TEST(Embedding, RefusesIdsOutsideItsTable) {
  const Embedding embedding(table());
  const auto text = [&](std::int64_t id) {
    return invalid_argument_text([&] { embedding.forward(TensorView(&id, Shape{1})); });
  };
  EXPECT_EQ(text(3), "Embedding: id 3 given; 0 to 2 are wanted");
  EXPECT_EQ(text(-1), "Embedding: id -1 given; 0 to 2 are wanted");
}

TEST(Embedding, RefusesOtherTypes) {
  const Embedding embedding(table());
  EXPECT_EQ(invalid_argument_text([&] { embedding.forward(Tensor(DType::f32, {1}).view()); }),
            "Embedding: the ids are f32; i32 or i64 is wanted");
  EXPECT_EQ(invalid_argument_text([] { Embedding(Tensor(DType::f32, {3})); }),
            "Embedding: weight is f32 [3]; f32 [entries, size] is wanted");
}

TEST(Embedding, NamesItself) {
  EXPECT_EQ(Embedding(table()).repr(), "Embedding(3, 2)");
}

}  // namespace
}  // namespace fovea::nn
