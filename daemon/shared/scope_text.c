/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "shared/scope_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define POLICY "policy"
#define TASKS "tasks"
#define WHOLE "whole"

static bool has_unwritable(const struct phx_scope *scope) {
        for (size_t i = 0; i < scope->paths.count; i++)
                if (strchr(scope->paths.items[i], '\n'))
                        return true;
        return false;
}

int scope_to_text(const struct phx_scope *scope, char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r = 0;

        if (!scope || scope->is_whole || has_unwritable(scope)) {
                *ret_text = strdup(WHOLE "\n");
                return *ret_text ? 0 : -ENOMEM;
        }
        if (scope->has_policy)
                r = phx_buffer_addf(&text, POLICY "\n");
        if (r >= 0 && scope->has_tasks)
                r = phx_buffer_addf(&text, TASKS "\n");
        for (size_t i = 0; r >= 0 && i < scope->paths.count; i++)
                r = phx_buffer_addf(&text, "%s\n", scope->paths.items[i]);
        if (r >= 0)
                r = phx_buffer_add(&text, "", 1);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE(text.data);
        return 0;
}

static void scope_take_line(struct phx_scope *scope, const char *line) {
        if (strcmp(line, POLICY) == 0)
                scope->has_policy = true;
        else if (strcmp(line, TASKS) == 0)
                scope->has_tasks = true;
        else if (line[0] == '/')
                phx_scope_add(scope, line);
        else
                phx_scope_join(scope, NULL);
}

void scope_from_text(const char *text, struct phx_scope *ret_scope) {
        *ret_scope = (struct phx_scope){ 0 };
        while (*text) {
                size_t size = strcspn(text, "\n");
                phx_autofree char *line = strndup(text, size);

                if (line)
                        scope_take_line(ret_scope, line);
                else
                        phx_scope_join(ret_scope, NULL);
                text += size;
                text += *text == '\n';
        }
}
