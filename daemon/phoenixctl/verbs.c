/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"

const struct ctl_verb ctl_verbs[] = {
        { "advise",
          "[CONTAINER...]",
          "Suggest profiles for unconfined containers",
          verb_advise_options,
          verb_advise,
          true },
        { "can",
          "CONTAINER PERMISSION PATH",
          "Ask the kernel whether a container may do something",
          shown_options,
          verb_can,
          false,
          true },
        { "diff", "", "Show which files will change, as a patch", NULL, verb_diff, true },
        { "explain",
          "CONTAINER",
          "Show which files determine its profile",
          shown_options,
          verb_explain,
          true },
        { "help", "[VERB]", "Show this help, or the help of a verb", NULL, verb_help, false },
        { "history",
          "[OBJECT]",
          "Show what happened, from the journal",
          verb_history_options,
          verb_history,
          true },
        { "list",
          "WHAT [PATTERN...]",
          "List the profiles or the containers",
          verb_list_options,
          verb_list,
          true },
        { "plan", "", "List the pending steps", shown_options, verb_plan, true },
        { "posture", "", "Show how each container is confined", shown_options, verb_posture, true },
        { "reconcile",
          "[OBJECT]",
          "Start a pass now, and show the status",
          verb_reconcile_options,
          verb_reconcile,
          false },
        { "reload", "", "Read settings and configuration again", NULL, verb_reload, false },
        { "resume", "OBJECT", "End a suspension", verb_resume_options, verb_resume, false },
        { "status",
          "[OBJECT...]",
          "Show the status, and what to do next",
          shown_options,
          verb_status,
          true },
        { "suspend",
          "OBJECT",
          "Suspend repairs for a while",
          verb_suspend_options,
          verb_suspend,
          false },
        { "validate",
          "[DIR|FILE...]",
          "Check files for errors, without phoenixd",
          verb_validate_options,
          verb_validate,
          false },
        { "version", "", "Show the version", NULL, verb_version, false },
        { "watch", "", "Show events until interrupted", NULL, verb_watch, false },
        { NULL, NULL, NULL, NULL, NULL, false, false },
};

const struct ctl_verb *ctl_verb_find(const char *name) {
        for (const struct ctl_verb *verb = ctl_verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}
