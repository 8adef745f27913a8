#include "base/error.h"
#include "reconcile/pass.h"
