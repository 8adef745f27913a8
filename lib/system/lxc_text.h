#pragma once

#include <stdbool.h>

#include "base/strings.h"

/* The text of an LXC config: "key = value" lines and comments. Only lines that are ours are ever
 * changed; every other byte stays as it is. Pure functions. */

/* What is ours in a container's config. Lines are "key=value". */
struct phx_lxc_managed {
        const char *profile;                 /* lxc.apparmor.profile; NULL: leave it alone */
        const struct phx_strings *lines;     /* to be there */
        const struct phx_strings *withdrawn; /* written by us earlier, and not wanted any more */
};

/* Values of KEY in the order of the lines, as liblxc reads them (white space and one pair of quotes
 * around a value do not belong to it). 0 or -ENOMEM. */
int phx_lxc_text_values(const char *text, const char *key, struct phx_strings *values);

/* What is not as it should be, the profile aside: "+key=value" is absent, "-key=value" is still
 * there. 0 or -ENOMEM. */
int phx_lxc_text_wrong(
                const char *text,
                const struct phx_lxc_managed *managed,
                struct phx_strings *wrong);

/* The text with the managed lines as they should be. The profile's line is the only one of its kind
 * and stands after every lxc.include, since an include may set it too; one that stands there is
 * changed in place. A text that is right comes back as it was. 0 or -ENOMEM. */
int phx_lxc_text_edit(const char *text, const struct phx_lxc_managed *managed, char **ret_text);
