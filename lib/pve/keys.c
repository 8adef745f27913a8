/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/keys.h"

#include <string.h>

#include "base/macros.h"
#include "base/strings.h"

/* Keys of LXC 2 under which Proxmox still takes a line; it writes a warning into the task's log. */
static const char *const renamed[] = {
        "lxc.aa_profile",
        "lxc.aa_allow_incomplete",
        "lxc.console",
        "lxc.devttydir",
        "lxc.haltsignal",
        "lxc.id_map",
        "lxc.init_cmd",
        "lxc.logfile",
        "lxc.loglevel",
        "lxc.mount",
        "lxc.network.flags",
        "lxc.network.hwaddr",
        "lxc.network.ipv4",
        "lxc.network.ipv4.gateway",
        "lxc.network.ipv6",
        "lxc.network.ipv6.gateway",
        "lxc.network.link",
        "lxc.network.mtu",
        "lxc.network.name",
        "lxc.network.script.down",
        "lxc.network.script.up",
        "lxc.network.type",
        "lxc.pts",
        "lxc.rebootsignal",
        "lxc.se_context",
        "lxc.seccomp",
        "lxc.stopsignal",
        "lxc.tty",
        "lxc.utsname",
        /* Taken without a warning. */
        "lxc.devtty.dir",
        "lxc.kmsg",
};

static const char *const generated[] = {
        "lxc.rootfs.options",
        "lxc.rootfs.path",
};

static const char *const taken[] = {
        "lxc.apparmor.allow_incomplete",
        "lxc.apparmor.allow_nesting",
        "lxc.apparmor.profile",
        "lxc.apparmor.raw",
        "lxc.arch",
        "lxc.autodev",
        "lxc.cap.drop",
        "lxc.cap.keep",
        "lxc.console.logfile",
        "lxc.console.path",
        "lxc.environment",
        "lxc.environment.hooks",
        "lxc.environment.runtime",
        "lxc.group",
        "lxc.hook.autodev",
        "lxc.hook.clone",
        "lxc.hook.destroy",
        "lxc.hook.mount",
        "lxc.hook.post-stop",
        "lxc.hook.pre-mount",
        "lxc.hook.pre-start",
        "lxc.hook.start",
        "lxc.hook.stop",
        "lxc.hook.version",
        "lxc.idmap",
        "lxc.include",
        "lxc.init.cmd",
        "lxc.init.cwd",
        "lxc.log.file",
        "lxc.log.level",
        "lxc.mount.auto",
        "lxc.mount.entry",
        "lxc.mount.fstab",
        "lxc.pty.max",
        "lxc.rootfs.mount",
        "lxc.seccomp.notify.cookie",
        "lxc.seccomp.notify.proxy",
        "lxc.seccomp.profile",
        "lxc.selinux.context",
        "lxc.signal.halt",
        "lxc.signal.reboot",
        "lxc.signal.stop",
        "lxc.start.auto",
        "lxc.start.delay",
        "lxc.start.order",
        "lxc.sysctl.fs.mqueue",
        "lxc.sysctl.kernel.msgmax",
        "lxc.sysctl.kernel.msgmnb",
        "lxc.sysctl.kernel.msgmni",
        "lxc.sysctl.kernel.sem",
        "lxc.sysctl.kernel.shm_rmid_forced",
        "lxc.sysctl.kernel.shmall",
        "lxc.sysctl.kernel.shmmax",
        "lxc.sysctl.kernel.shmmni",
        "lxc.tty.max",
        "lxc.uts.name",
};

/* Anything below these. */
static const char *const taken_below[] = {
        "lxc.cgroup.",
        "lxc.cgroup2.",
        "lxc.net.",
        "lxc.prlimit.",
};

static const char gone_below[] = "lxc.limit.";

bool phx_pve_is_lxc_key(const char *key) {
        return phx_has_prefix(key, "lxc.");
}

bool phx_pve_is(const char *start, size_t size, const char *text) {
        return strlen(text) == size && (size == 0 || memcmp(start, text, size) == 0);
}

static bool pve_is_one_of(const char *key, size_t size, const char *const *names, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (phx_pve_is(key, size, names[i]))
                        return true;
        return false;
}

static bool pve_is_below(const char *key, size_t size, const char *prefix) {
        return size >= strlen(prefix) && memcmp(key, prefix, strlen(prefix)) == 0;
}

enum phx_pve_lxc_key phx_pve_lxc_key(const char *key, size_t size) {
        if (pve_is_below(key, size, gone_below) ||
            pve_is_one_of(key, size, renamed, PHX_ELEMENTS(renamed)))
                return PHX_PVE_LXC_GONE;
        if (pve_is_one_of(key, size, generated, PHX_ELEMENTS(generated)))
                return PHX_PVE_LXC_GENERATED;
        if (pve_is_one_of(key, size, taken, PHX_ELEMENTS(taken)))
                return PHX_PVE_LXC_TAKEN;
        for (size_t i = 0; i < PHX_ELEMENTS(taken_below); i++)
                if (pve_is_below(key, size, taken_below[i]))
                        return PHX_PVE_LXC_TAKEN;
        return PHX_PVE_LXC_UNKNOWN;
}

enum phx_pve_type phx_pve_type(const char *key) {
        static const struct {
                const char *key;
                enum phx_pve_type type;
        } types[] = {
                { "console", PHX_PVE_TYPE_BOOLEAN },  { "cores", PHX_PVE_TYPE_INTEGER },
                { "cpuunits", PHX_PVE_TYPE_INTEGER }, { "debug", PHX_PVE_TYPE_BOOLEAN },
                { "env", PHX_PVE_TYPE_OWN },          { "memory", PHX_PVE_TYPE_INTEGER },
                { "onboot", PHX_PVE_TYPE_BOOLEAN },   { "protection", PHX_PVE_TYPE_BOOLEAN },
                { "snapstate", PHX_PVE_TYPE_OWN },    { "snaptime", PHX_PVE_TYPE_OWN },
                { "swap", PHX_PVE_TYPE_INTEGER },     { "template", PHX_PVE_TYPE_BOOLEAN },
                { "tty", PHX_PVE_TYPE_INTEGER },      { "unprivileged", PHX_PVE_TYPE_BOOLEAN },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(types); i++)
                if (strcmp(key, types[i].key) == 0)
                        return types[i].type;
        return phx_has_prefix(key, "unused") ? PHX_PVE_TYPE_OWN : PHX_PVE_TYPE_STRING;
}
