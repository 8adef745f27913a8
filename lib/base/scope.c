/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"

/* With more paths than this, looking at everything costs no more than finding out what not to. */
#define PATHS_LIMIT 1024

static int scope_compare(const void *path, const void *item) {
        return strcmp(path, *(const char *const *) item);
}

/* The first of the paths that does not come before PATH. */
static size_t scope_lower_bound(const struct phx_scope *scope, const char *path) {
        return phx_lower_bound(
                        path,
                        scope->paths.items,
                        scope->paths.count,
                        sizeof(*scope->paths.items),
                        scope_compare);
}

bool phx_scope_has(const struct phx_scope *scope, const char *path) {
        size_t at;

        if (!scope || scope->is_whole)
                return true;
        at = scope_lower_bound(scope, path);
        return at < scope->paths.count && strcmp(scope->paths.items[at], path) == 0;
}

bool phx_scope_has_below(const struct phx_scope *scope, const char *directory) {
        size_t size = strlen(directory);

        if (phx_scope_has(scope, directory))
                return true;
        /* Other names that begin alike, "DIR-2", may stand before "DIR/". */
        for (size_t i = scope_lower_bound(scope, directory); i < scope->paths.count; i++) {
                const char *path = scope->paths.items[i];

                if (strncmp(path, directory, size) != 0)
                        break;
                if (path[size] == '/')
                        return true;
        }
        return false;
}

bool phx_scope_concerns(const struct phx_scope *scope, const char *directory) {
        phx_autofree char *above = NULL;

        if (phx_scope_has_below(scope, directory))
                return true;
        above = strdup(directory);
        for (char *slash = above ? strrchr(above, '/') : NULL; slash; slash = strrchr(above, '/')) {
                *slash = '\0';
                if (phx_scope_has(scope, above[0] ? above : "/"))
                        return true;
        }
        return !above;
}

bool phx_scope_is_empty(const struct phx_scope *scope) {
        return scope && !scope->is_whole && !scope->has_policy && !scope->has_tasks &&
               scope->paths.count == 0;
}

static void scope_widen(struct phx_scope *scope) {
        phx_strings_done(&scope->paths);
        scope->is_whole = true;
}

void phx_scope_add(struct phx_scope *scope, const char *path) {
        size_t at;

        if (phx_scope_has(scope, path))
                return;
        at = scope_lower_bound(scope, path);
        if (scope->paths.count >= PATHS_LIMIT || phx_strings_add(&scope->paths, path) < 0) {
                scope_widen(scope);
                return;
        }
        for (size_t i = scope->paths.count - 1; i > at; i--) {
                char *before = scope->paths.items[i - 1];

                scope->paths.items[i - 1] = scope->paths.items[i];
                scope->paths.items[i] = before;
        }
}

void phx_scope_join(struct phx_scope *scope, const struct phx_scope *other) {
        if (!other || other->is_whole) {
                scope_widen(scope);
                return;
        }
        scope->has_policy |= other->has_policy;
        scope->has_tasks |= other->has_tasks;
        for (size_t i = 0; i < other->paths.count; i++)
                phx_scope_add(scope, other->paths.items[i]);
}

void phx_scope_done(struct phx_scope *scope) {
        phx_strings_done(&scope->paths);
        *scope = (struct phx_scope){ 0 };
}
