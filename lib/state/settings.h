/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/backend.h"
#include "state/lint.h"
#include "state/restart.h"

enum phx_mode {
        PHX_MODE_ENFORCE, /* repair what may be repaired */
        PHX_MODE_OBSERVE, /* report only; nothing on the machine is changed */
};

/* Who gets a policy namespace of its own, in which it may load profiles. */
enum phx_namespace_policy {
        PHX_NAMESPACE_AUTO,   /* whose configuration says so, and whose profile cannot do without */
        PHX_NAMESPACE_ALWAYS, /* everybody with a profile */
        PHX_NAMESPACE_NEVER,
};

/* How containers are restarted that require it. */
struct phx_restart_settings {
        enum phx_restart_policy policy; /* of a container whose entry says nothing else */
        struct phx_strings windows;     /* calendar events of systemd.time(7): when each begins */
        uint64_t window_usec;           /* how long each is open */
        unsigned jobs;                  /* at once; never 0 */
        uint64_t interval_usec;         /* least time between two beginnings */
        uint64_t deadline_usec;         /* then it is not waited for any longer */
        bool rollback;                  /* to the profile before, when it does not come up */
        char *health;                   /* program that is asked afterwards; NULL: none is */
        uint64_t health_usec;           /* that it may take */
};

/* What the boot gate does with a container that would start less confined than it is to be. Written
 * down for the gate in each look, see state/gate.h. */
enum phx_boot_gate {
        PHX_BOOT_GATE_REFUSE,
        PHX_BOOT_GATE_WARN,
        PHX_BOOT_GATE_OFF,
};

/* /etc/phoenixd/phoenixd.json, read and checked; see phoenixd.json(5) for each key. Owned strings.
 */
struct phx_settings {
        char *configuration; /* phoenix_lxc_configs.json */
        char *profile_dir;   /* sources: one profile a file */
        /* What the site's package has of both, below them by name; NULL where none is looked for.
         */
        char *site_configuration;
        char *site_profile_dir;
        char *deployed_dir; /* what the machine loads at boot: /etc/apparmor.d */
        char *lxc_path;     /* containers: LXC_PATH/NAME/config */
        enum phx_backends backend;
        char *default_profile;         /* for a container without apparmor_profile */
        unsigned default_profile_line; /* of the file; 0: the key is not there */
        enum phx_mode mode;
        enum phx_namespace_policy policy_namespace;
        enum phx_boot_gate boot_gate;
        enum phx_boot_gate boot_gate_without_state; /* never off */
        uint64_t debounce_usec;
        uint64_t longest_delay_usec;
        uint64_t resync_usec;
        uint64_t label_resync_usec; /* 0: labels are not looked at by themselves */
        uint64_t compile_deadline_usec;
        uint64_t compile_memory; /* bytes of address space of one compile */
        unsigned compile_jobs;   /* at once; never 0: the codec resolves "as many as processors" */
        bool allow_complain;
        bool allow_unconfined_flag;
        bool manage_state;     /* whether containers run, where their entries say so */
        bool manage_autostart; /* the keys of LXC or Proxmox that start a container at boot */
        char *metrics_file;    /* NULL: none is written */
        bool adopt_deployed;   /* take over a file of the same name in deployed_dir that is not
                                  recorded as ours */
        struct phx_restart_settings restart;
        struct phx_acceptances accepted; /* rules that may be broken, see state/rules.h */
};

/* "enforce" or "observe". */
const char *phx_mode_to_string(enum phx_mode mode);

/* "auto", "always" or "never". */
const char *phx_namespace_policy_to_string(enum phx_namespace_policy policy);

/* "refuse", "warn" or "off". */
const char *phx_boot_gate_to_string(enum phx_boot_gate gate);
/* False for another word. */
bool phx_boot_gate_from_string(const char *text, enum phx_boot_gate *ret_gate);

struct phx_settings *phx_settings_free(struct phx_settings *settings);
PHX_DEFINE_FREEP(phx_settings)
