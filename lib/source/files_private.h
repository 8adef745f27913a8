/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/ways.h"
#include "source/files.h"

/* The largest abstraction that Debian ships has 11 KB; a text of more than 1 MiB is no profile. */
#define PHX_FILES_LIMIT (1UL << 20)

/* A file or a directory that was asked for. */
struct phx_files_node {
        const char *path; /* of one of the two below */
        bool is_directory;
        struct phx_file_seen file;
        struct phx_references references;
        bool is_scanned;
        struct phx_directory_seen directory;

        struct phx_stamp stamp;
        bool is_settled; /* the stamp can be relied on */
        bool is_plain;   /* no link is on the way, and nothing that was refused */
        size_t reach;    /* of what is not there: how many bytes of the path are */
        uint64_t changed;
        uint64_t used; /* the number of the look */
        size_t number; /* see phx_files_render() */
};

struct phx_files {
        const struct phx_trust *trust;
        struct phx_ways ways;
        void *nodes;  /* of struct phx_files_node, by path and kind: tsearch(3) */
        void *walked; /* in this look: of struct walked (files_watch.c), by path */
        struct phx_files_used *noting;
        uint64_t look;  /* counts them */
        uint64_t whole; /* the last one at everything */
        uint64_t version;
        bool is_checking; /* see phx_files_check() */
};

/* Adds one of which nothing is known yet, and PATH is not there. NULL when memory is short. */
struct phx_files_node *phx_files_make(struct phx_files *files, const char *path, bool is_directory);
/* Reads it afresh, into a node that has its path and nothing else. */
void phx_files_read(struct phx_files *files, struct phx_files_node *node);
/* Lists it afresh, likewise. */
void phx_files_read_directory(struct phx_files *files, struct phx_files_node *node);
/* Reads the content of a file of which all else is known. */
void phx_files_load(struct phx_files *files, struct phx_files_node *node);
/* Brings it up to date, whatever the scope. */
void phx_files_refresh_node(struct phx_files *files, struct phx_files_node *node);
void phx_files_node_free(struct phx_files_node *node);
/* Two nodes of the same path and kind are equal. */
int phx_files_compare(const void *a, const void *b);
