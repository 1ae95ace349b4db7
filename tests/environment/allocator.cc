// Replaces operator new and aligned_alloc, by which all of fovea's memory comes, for this program.
#include "environment/allocator.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace fovea::environment {
namespace {

std::atomic<bool> watching{false};
std::atomic<std::int64_t> refused{-1};
std::atomic<std::int64_t> allocations{0};
std::atomic<std::int64_t> bytes_asked{0};
std::atomic<std::int64_t> balance{0};

// Whether the allocator must refuse this one.
bool note(std::size_t bytes) noexcept {
  if (!watching.load(std::memory_order_relaxed)) return false;
  bytes_asked.fetch_add(static_cast<std::int64_t>(bytes));
  const bool refuse = allocations.fetch_add(1) == refused.load();
  if (!refuse) balance.fetch_add(1);
  return refuse;
}

void note_release(const void* memory) noexcept {
  if (memory != nullptr && watching.load(std::memory_order_relaxed)) balance.fetch_sub(1);
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (note(bytes)) return nullptr;
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes > 0 ? bytes : 1);
  return ::posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  void* const memory = allocate(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  note_release(memory);
  std::free(memory);
}

}  // namespace

WatchAllocations::WatchAllocations(std::int64_t index) {
  allocations = 0;
  bytes_asked = 0;
  balance = 0;
  refused = index;
  watching = true;
}
WatchAllocations::~WatchAllocations() {
  watching = false;
}
std::int64_t WatchAllocations::count() const {
  return allocations;
}
std::int64_t WatchAllocations::bytes() const {
  return bytes_asked;
}
std::int64_t WatchAllocations::unreleased() const {
  return balance;
}

}  // namespace fovea::environment

// NOLINTBEGIN(misc-new-delete-overloads)
void* operator new(std::size_t bytes) {
  return fovea::environment::allocate_or_throw(bytes, alignof(std::max_align_t));
}
void* operator new[](std::size_t bytes) {
  return fovea::environment::allocate_or_throw(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return fovea::environment::allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return fovea::environment::allocate(bytes, alignof(std::max_align_t));
}
void operator delete(void* memory) noexcept {
  fovea::environment::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  fovea::environment::release(memory);
}
void operator delete[](void* memory) noexcept {
  fovea::environment::release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  fovea::environment::release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  fovea::environment::release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  fovea::environment::release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  fovea::environment::release(memory);
}
// NOLINTEND(misc-new-delete-overloads)

// Tensors: released by std::free, which is not watched.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  void* const memory = fovea::environment::allocate(bytes, alignment);
  if (memory != nullptr) fovea::environment::note_release(memory);
  return memory;
}
