#include "system/compiler_known.h"

#include <stdbool.h>
#include <string.h>

#include "base/strings.h"
#include "system/compiler.h"

static bool is_same(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int phx_compiler_know(
                struct phx_compiler_known *known,
                const char *parser,
                const char *features,
                struct phx_error *error) {
        char *identity = NULL;
        struct stat program;
        int r;

        if (stat(parser, &program) < 0)
                return phx_error_errno(error, parser);
        if (known->identity && phx_equal(known->features, features) &&
            is_same(&known->program, &program))
                return 0;
        r = phx_compiler_identity(parser, features, &identity);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: %s; nothing can be compiled",
                                parser,
                                strerrordesc_np(-r));

        free(known->identity);
        known->identity = identity;
        known->program = program;
        return phx_replace(&known->features, features);
}

void phx_compiler_known_done(struct phx_compiler_known *known) {
        free(known->identity);
        free(known->features);
        *known = (struct phx_compiler_known){ 0 };
}
