#pragma once

#include "base/error.h"
#include "system/includes.h"

/* What the compiler said, in one line for the operator: "NAME: line 39: …", or "NAME:
 * /etc/apparmor.d/abstractions/x: line 12: …" when the place is in an include. STAGE is where the
 * compiler read its copies; its paths are given back as those of the originals. */
int phx_compiler_message(
                const char *name,
                const char *stage,
                const struct phx_closure *closure,
                const char *output,
                int code,
                struct phx_error *error);
