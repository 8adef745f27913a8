#include "state/high.h"
