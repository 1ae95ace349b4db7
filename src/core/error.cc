// Where the vtable and the type information of Error live.
#include "fovea/core/error.h"

namespace fovea {

Error::~Error() = default;

}  // namespace fovea
