/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "source/agree.h"
#include "source/includes.h"

/* What a profile includes: "NAME=DIGEST" each, "NAME" for what is not there. */
struct side {
        const char *profile;
        const char *includes[4];
};

struct built {
        struct phx_include items[4];
        char names[4][64];
        struct phx_closure closure;
        struct phx_source_text text;
};

static void build(const struct side *side, struct built *built) {
        static char path[] = "/somewhere";

        *built = (struct built){ .closure.items = built->items };
        for (size_t i = 0; i < PHX_ELEMENTS(side->includes) && side->includes[i]; i++) {
                const char *include = side->includes[i], *digest = strchr(include, '=');
                struct phx_include *item = &built->items[built->closure.count++];

                item->name = built->names[i];
                memcpy(item->name, include, digest ? (size_t) (digest - include) : strlen(include));
                item->path = digest ? path : NULL;
                if (digest)
                        memcpy(item->digest, digest + 1, strlen(digest + 1));
        }
        built->text = (struct phx_source_text){ side->profile, NULL, &built->closure, NULL };
}

static const struct {
        const char *what;
        struct side a, b;
        bool agree;
} cases[] = {
        { "nothing", { "lxc-a", { 0 } }, { "lxc-b", { 0 } }, true },
        { "the same name", { "lxc-a", { 0 } }, { "lxc-a", { 0 } }, false },
        { "the same file", { "lxc-a", { "x=1" } }, { "lxc-b", { "x=1" } }, true },
        { "other bytes", { "lxc-a", { "x=1" } }, { "lxc-b", { "x=2" } }, false },
        { "other files", { "lxc-a", { "x=1" } }, { "lxc-b", { "y=2" } }, true },
        { "absent in both", { "lxc-a", { "x" } }, { "lxc-b", { "x" } }, true },
        { "absent in one", { "lxc-a", { "x" } }, { "lxc-b", { "x=1" } }, false },
        { "a directory, the same in both",
          { "lxc-a", { "d=directory", "d/x=1" } },
          { "lxc-b", { "d=directory", "d/x=1" } },
          true },
        { "one file of the directory",
          { "lxc-a", { "d=directory", "d/x=1" } },
          { "lxc-b", { "d/x=1" } },
          true },
        { "one more in the directory",
          { "lxc-a", { "d=directory", "d/x=1" } },
          { "lxc-b", { "d/y=1" } },
          false },
        { "one deeper in the directory",
          { "lxc-a", { "d=directory" } },
          { "lxc-b", { "d/e/y=1" } },
          false },
        { "one that is not there either",
          { "lxc-a", { "d=directory" } },
          { "lxc-b", { "d/y" } },
          true },
        { "a directory that would come to be",
          { "lxc-a", { "d" } },
          { "lxc-b", { "d/x=1" } },
          false },
        { "no such directory", { "lxc-a", { "d=1" } }, { "lxc-b", { "dd/x=1" } }, true },
        { "all copies", { "lxc-a", { "=directory" } }, { "lxc-b", { 0 } }, false },
        { "the profile itself", { "lxc-a", { "lxc-b=1" } }, { "lxc-b", { 0 } }, false },
        { "the absent profile itself", { "lxc-a", { "lxc-b" } }, { "lxc-b", { 0 } }, false },
        { "the other is switched off",
          { "lxc-a", { "disable/lxc-b=1" } },
          { "lxc-b", { 0 } },
          false },
        { "the other is softened",
          { "lxc-a", { "force-complain/lxc-b=1" } },
          { "lxc-b", { 0 } },
          false },
        { "a third one is switched off",
          { "lxc-a", { "disable/lxc-c=1" } },
          { "lxc-b", { 0 } },
          true },
};

static void neither_may_notice_the_other(void **state) {
        struct built a, b;

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                build(&cases[i].a, &a);
                build(&cases[i].b, &b);
                if (phx_texts_agree(&a.text, &b.text) != cases[i].agree ||
                    phx_texts_agree(&b.text, &a.text) != cases[i].agree)
                        fail_msg("%s: expected %d", cases[i].what, cases[i].agree);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(neither_may_notice_the_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
