#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "remote.h"
#include "shown.h"
#include "table.h"
#include "verb.h"

static int add_row(struct table *table, const char *const *cells) {
        for (size_t i = 0; i < table->columns; i++)
                if (table_add(table, cells[i]) < 0)
                        return -1;
        return 0;
}

static int add_profiles(struct table *table, const struct phx_snapshot *snapshot) {
        static const char *const header[] = { "PROFILE", "STATE", "DEPLOYED", "LOADED", "MODE" };
        int r;

        table->columns = PHX_ELEMENTS(header);
        r = add_row(table, header);
        for (size_t i = 0; r == 0 && i < snapshot->profile_count; i++) {
                const struct phx_snapshot_profile *profile = snapshot->profiles + i;

                r = add_row(table,
                            (const char *[]){ profile->name,
                                              phx_profile_state_to_string(profile->state),
                                              phx_deployment_to_string(profile->deployed),
                                              profile->is_loaded ? "yes" : "no",
                                              profile->mode });
        }
        return r;
}

static int add_containers(struct table *table, const struct phx_snapshot *snapshot) {
        static const char *const header[] = { "ID", "NAME", "STATE", "POSTURE", "PROFILE" };
        int r;

        table->columns = PHX_ELEMENTS(header);
        r = add_row(table, header);
        for (size_t i = 0; r == 0 && i < snapshot->container_count; i++) {
                const struct phx_snapshot_container *container = snapshot->containers + i;

                r = add_row(table,
                            (const char *[]){ container->id,
                                              container->name,
                                              phx_container_state_to_string(container->state),
                                              phx_posture_to_string(container->posture),
                                              container->profile });
        }
        return r;
}

int verb_list(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        phx_autofree char *text = NULL;
        phx_cleanup(table_done) struct table table = { 0 };
        const char *what, *from = shown_from(argc, argv);
        int r;

        what = argc - optind == 1 ? argv[optind] : "";
        if (strcmp(what, "profiles") != 0 && strcmp(what, "containers") != 0) {
                (void) fprintf(stderr,
                               "phoenixctl: list: expected 'profiles' or 'containers'; "
                               "see phoenixctl help list\n");
                return CTL_ERROR;
        }
        r = remote_describe(ctl, from, &snapshot, &text);
        if (r != 0)
                return r;
        if (ctl->json) {
                (void) puts(text);
                return 0;
        }
        r = what[0] == 'p' ? add_profiles(&table, snapshot) : add_containers(&table, snapshot);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: out of memory\n");
                return CTL_ERROR;
        }
        table_print(&table, ctl, stdout);
        return 0;
}
