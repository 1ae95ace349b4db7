// The floating-point mode that all arithmetic here assumes, whatever the caller has set.
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace fovea {

/// While it lives, this thread rounds to nearest-even, keeps subnormals and traps nothing; then the
/// mode (and the exception flags) of before are back. Costs a few nanoseconds.
class DefaultFloatMode {
 public:
#if defined(__SSE__)
  DefaultFloatMode() noexcept : before_(_mm_getcsr()) {
    _mm_setcsr(kDefault);
  }
  ~DefaultFloatMode() {
    _mm_setcsr(before_);
  }
#else
  DefaultFloatMode() noexcept {
    std::fegetenv(&before_), std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatMode() {
    std::fesetenv(&before_);
  }
#endif
  DefaultFloatMode(const DefaultFloatMode&) = delete;
  DefaultFloatMode& operator=(const DefaultFloatMode&) = delete;

 private:
#if defined(__SSE__)
  static constexpr unsigned kDefault =
      0x1F80;  // all exceptions masked, nearest-even, no flush to zero
  unsigned before_;
#else
  std::fenv_t before_;
#endif
};

}  // namespace fovea
