/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "state/settings.h"

/* Bytes of a file of settings; more is a mistake that should not cost memory. */
#define PHX_SETTINGS_LIMIT ((size_t) 4 * 1024 * 1024)

enum phx_setting_kind {
        PHX_SETTING_PATH,    /* char *: absolute and normalized, not below PHX_REMOTE_ROOT */
        PHX_SETTING_SOURCE,  /* likewise, but it may be below PHX_REMOTE_OURS */
        PHX_SETTING_FILE,    /* char *: such a path, or NULL for null, which is the default */
        PHX_SETTING_PROFILE, /* char *: "unconfined" or lxc-… */
        PHX_SETTING_WORD,    /* an enum, by the names in WORD */
        PHX_SETTING_JOBS,    /* unsigned: 0 is as many as processors */
        PHX_SETTING_COUNT,   /* unsigned */
        PHX_SETTING_NUMBER,  /* uint64_t: the key's number times UNIT */
        PHX_SETTING_FLAG,    /* bool */
        PHX_SETTING_LINES,   /* struct phx_strings: an array of strings, none by default */
        PHX_SETTING_ACCEPT,  /* struct phx_acceptances: an array of objects */
};

/* One key of phoenixd.json. The table of these is what the parser, the defaults, the man page and
 * the schema agree on. */
struct phx_setting {
        const char *key;
        enum phx_setting_kind kind;
        size_t offset;      /* of its field in struct phx_settings */
        const char *text;   /* default of a path, a profile or a word */
        long long standard; /* default of a number; of a flag, 1 when it is true */
        long long lowest;
        long long highest;
        uint64_t unit;                       /* what 1 is in the field: 1000 usec, 1 MiB */
        const char *(*word)(unsigned value); /* the names of the enum's values, */
        unsigned words;                      /* and how many they are */
};

const struct phx_setting *phx_settings_table(size_t *ret_count);

/* What holds without a file. 0 or -ENOMEM. */
int phx_settings_defaults(struct phx_settings **ret_settings);

/* Reads phoenixd.json; FILE is how messages name it. Every key may be left out. -EINVAL for what
 * the author must correct, -EFBIG, -ENOMEM. */
int phx_settings_parse(
                const char *file,
                const char *text,
                size_t size,
                struct phx_settings **ret_settings,
                struct phx_error *error);
