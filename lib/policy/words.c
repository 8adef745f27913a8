/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/words.h"

#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/macros.h"

struct word {
        const char *name;
        uint32_t number;
};

static bool words_find(
                const struct word *words,
                size_t count,
                const char *name,
                uint32_t *ret_number) {
        for (size_t i = 0; i < count; i++)
                if (strcmp(words[i].name, name) == 0) {
                        *ret_number = words[i].number;
                        return true;
                }
        return false;
}

/* In the order of linux/capability.h. */
static const char *const capabilities[] = {
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
};

bool phx_word_capability(const char *word, unsigned *ret_number) {
        for (unsigned i = 0; i < PHX_ELEMENTS(capabilities); i++)
                if (strcmp(capabilities[i], word) == 0) {
                        *ret_number = i;
                        return true;
                }
        return false;
}

bool phx_word_family(const char *word, unsigned *ret_number) {
        static const struct word words[] = {
                { "unix", AF_UNIX },
                { "inet", AF_INET },
                { "inet6", AF_INET6 },
                { "netlink", AF_NETLINK },
                { "packet", AF_PACKET },
                { "alg", AF_ALG },
                { "bluetooth", AF_BLUETOOTH },
                { "can", AF_CAN },
                { "vsock", AF_VSOCK },
                { "key", AF_KEY },
                { "rds", AF_RDS },
                { "tipc", AF_TIPC },
                { "xdp", AF_XDP },
                { "ax25", AF_AX25 },
                { "ipx", AF_IPX },
                { "appletalk", AF_APPLETALK },
                { "x25", AF_X25 },
                { "kcm", AF_KCM },
                { "smc", AF_SMC },
                { "qipcrtr", AF_QIPCRTR },
                { "nfc", AF_NFC },
        };

        return words_find(words, PHX_ELEMENTS(words), word, ret_number);
}

bool phx_word_socket(const char *word, unsigned *ret_number) {
        static const struct word words[] = {
                { "stream", SOCK_STREAM },       { "dgram", SOCK_DGRAM }, { "raw", SOCK_RAW },
                { "seqpacket", SOCK_SEQPACKET }, { "rdm", SOCK_RDM },     { "packet", SOCK_PACKET },
        };

        return words_find(words, PHX_ELEMENTS(words), word, ret_number);
}

/* security/apparmor/include/sig_names.h: signal 0 has the number behind the last. */
bool phx_word_signal(const char *word, unsigned *ret_number) {
        static const struct word words[] = {
                { "hup", 1 },     { "int", 2 },     { "quit", 3 },   { "ill", 4 },   { "trap", 5 },
                { "abrt", 6 },    { "bus", 7 },     { "fpe", 8 },    { "kill", 9 },  { "usr1", 10 },
                { "segv", 11 },   { "usr2", 12 },   { "pipe", 13 },  { "alrm", 14 }, { "term", 15 },
                { "stkflt", 16 }, { "chld", 17 },   { "cont", 18 },  { "stop", 19 }, { "stp", 20 },
                { "ttin", 21 },   { "ttou", 22 },   { "urg", 23 },   { "xcpu", 24 }, { "xfsz", 25 },
                { "vtalrm", 26 }, { "prof", 27 },   { "winch", 28 }, { "io", 29 },   { "pwr", 30 },
                { "sys", 31 },    { "exists", 35 },
        };

        return words_find(words, PHX_ELEMENTS(words), word, ret_number);
}

bool phx_word_mount_option(const char *word, uint32_t *ret_flags) {
        static const struct word words[] = {
                { "rw", 0 },
                { "ro", MS_RDONLY },
                { "nosuid", MS_NOSUID },
                { "nodev", MS_NODEV },
                { "noexec", MS_NOEXEC },
                { "sync", MS_SYNCHRONOUS },
                { "remount", MS_REMOUNT },
                { "mand", MS_MANDLOCK },
                { "dirsync", MS_DIRSYNC },
                { "noatime", MS_NOATIME },
                { "nodiratime", MS_NODIRATIME },
                { "bind", MS_BIND },
                { "rbind", MS_BIND | MS_REC },
                { "move", MS_MOVE },
                { "silent", MS_SILENT },
                { "unbindable", MS_UNBINDABLE },
                { "runbindable", MS_UNBINDABLE | MS_REC },
                { "private", MS_PRIVATE },
                { "rprivate", MS_PRIVATE | MS_REC },
                { "slave", MS_SLAVE },
                { "rslave", MS_SLAVE | MS_REC },
                { "shared", MS_SHARED },
                { "rshared", MS_SHARED | MS_REC },
                { "relatime", MS_RELATIME },
                { "strictatime", MS_STRICTATIME },
                { "lazytime", MS_LAZYTIME },
        };

        return words_find(words, PHX_ELEMENTS(words), word, ret_flags);
}
