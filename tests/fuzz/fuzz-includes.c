/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whatever a profile's text is: what stands at the beginning of a line and is an include is found,
 * in its line, and each refusal has a text that can be shown. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "profiles/source.h"
#include "source/includes.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static int has_reference(const struct phx_references *references, const char *name, unsigned line) {
        for (size_t i = 0; i < references->count; i++)
                if (references->items[i].line == line && references->items[i].is_searched &&
                    strcmp(references->items[i].name, name) == 0)
                        return 1;
        return 0;
}

/* No comment, string or rule can hide these. */
static void require_plain_includes(const char *text, const struct phx_references *references) {
        unsigned line = 1;

        for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
                char name[65];
                int end = 0;

                if (sscanf(at, "include <%64[a-z/]>%n", name, &end) == 1 && end > 0 &&
                    at[strlen("include")] == ' ' && at[strlen("include ")] == '<')
                        require(has_reference(references, name, line));
                line++;
        }
}

static void check_references(const char *text) {
        struct phx_references references = { 0 };

        require(phx_references_scan(text, strlen(text), &references) == 0);
        for (size_t i = 0; i < references.count; i++) {
                require(references.items[i].name[0] != '\0');
                require(references.items[i].line > 0);
                require(strstr(text, references.items[i].name) != NULL);
        }
        require_plain_includes(text, &references);
        phx_references_done(&references);
}

static void check_closure(const char *text) {
        static const struct phx_trust trust = { "/nonexistent", 0 };
        static const struct phx_include_roots roots = { "/a", NULL, "/b" };
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;
        phx_cleanup(phx_closure_done) struct phx_closure closure = { 0 };
        struct phx_error error = { 0 };
        int r;

        require(phx_files_new(&trust, &files) == 0);
        r = phx_closure_collect(files, &roots, "f", text, &closure, &error);
        require(r <= 0 && r == error.code);
        require((r < 0) == (error.text[0] != '\0') && !phx_has_control(error.text));
        for (size_t i = 0; i < closure.count; i++) {
                const char *name = closure.items[i].name;

                require(name[0] != '/' && !strstr(name, "/../") && !phx_has_control(name));
                require(i == 0 || strcmp(closure.items[i - 1].name, name) < 0);
        }
}

static void check_source(const char *text) {
        static const struct phx_source_rules rules = { 0 };
        struct phx_error error = { 0 };
        int r = phx_source_check("lxc-a", text, &rules, &error);

        require(r <= 0 && r == error.code && (r < 0) == (error.text[0] != '\0'));
        require(!phx_has_control(error.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_autofree char *text = malloc(size + 1);

        require(text != NULL);
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';

        check_references(text);
        check_closure(text);
        check_source(text);
        return 0;
}
