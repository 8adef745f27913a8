#include <string.h>

#include "shown.h"
#include "verb.h"

const struct ctl_verb ctl_verbs[] = {
        { "advise",
          "[CONTAINER...]",
          "Fill in the profiles that fit who is unconfined",
          verb_advise_options,
          verb_advise },
        { "diff", "", "Show how the files will change", NULL, verb_diff },
        { "explain",
          "CONTAINER",
          "Tell which files decide about its profile",
          shown_options,
          verb_explain },
        { "help", "[VERB]", "Show this help, or that of a verb", NULL, verb_help },
        { "list",
          "WHAT [PATTERN...]",
          "List the profiles or the containers",
          verb_list_options,
          verb_list },
        { "plan", "", "Tell what is to be done", shown_options, verb_plan },
        { "posture",
          "",
          "Tell who is confined by what, and who is not",
          shown_options,
          verb_posture },
        { "reconcile", "[OBJECT]", "Look now, and repair", NULL, verb_reconcile },
        { "reload", "", "Read settings and configuration anew", NULL, verb_reload },
        { "resume", "OBJECT", "End a suspension", verb_resume_options, verb_resume },
        { "status", "[OBJECT...]", "Tell how things are", shown_options, verb_status },
        { "suspend", "OBJECT", "Leave it alone for a while", verb_suspend_options, verb_suspend },
        { "validate",
          "[DIR|FILE...]",
          "Look for mistakes in files, without phoenixd",
          verb_validate_options,
          verb_validate },
        { "version", "", "Show the version", NULL, verb_version },
        { NULL, NULL, NULL, NULL, NULL },
};

const struct ctl_verb *ctl_verb_find(const char *name) {
        for (const struct ctl_verb *verb = ctl_verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}
