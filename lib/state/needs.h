#pragma once

#include <stdbool.h>

#include "state/configuration.h"

/* What a container needs of its profile, as far as its configuration says. */
struct phx_needs {
        bool gpu;     /* device nodes of GPUs */
        bool docker;  /* overlay, bind mounts, namespaces; a profile of its own for what it runs */
        bool nesting; /* other containers, LXC's too */
};

struct phx_needs phx_needs_of(const struct phx_container_config *container);

/* The shipped profile that has all of it, and the least besides; never "unconfined". */
const char *phx_needs_profile(const struct phx_needs *needs);

/* What of the configuration says so: "gpu_assignment 0,1; features: docker", or "nothing special".
 * The caller's; NULL when memory is short. */
char *phx_needs_why(const struct phx_container_config *container);
