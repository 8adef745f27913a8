#include <string.h>

#include "verb.h"

const struct ctl_verb ctl_verbs[] = {
        { "help", "[VERB]", "Show this help, or that of a verb", NULL, verb_help },
        { "list", "WHAT", "List the profiles or the containers", verb_list_options, verb_list },
        { "version", "", "Show the version", NULL, verb_version },
        { NULL, NULL, NULL, NULL, NULL },
};

const struct ctl_verb *ctl_verb_find(const char *name) {
        for (const struct ctl_verb *verb = ctl_verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}
