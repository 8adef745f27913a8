/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A compiled policy, see policy/stream.h for what its bytes are:
 *
 *      name "version" u32  [name "namespace" string]
 *      name "profile" struct  string NAME  …
 *      name "flags" struct u32 u32 u32 structend  …  structend
 *      (the next version, the next profile)
 *
 * The walk through a profile knows the types of values but only the few names that matter here:
 * what newer parsers put into it (permission tables, tags, identities) passes by.
 *
 * The bytes come from a compiler that runs without privilege on input that may be hostile, so
 * every length is checked before it is used (stream.h), nesting and the number of profiles are
 * bounded, and a stream that does not end where it should is refused. Nothing is copied but names:
 * `files` and `others` of an entry are offsets into the blob, and the caller that asks the automata
 * brings the blob again.
 *
 * The hashes of an entry are those that the kernel computes: of the version that is in force for
 * the profile, and the profile's own bytes. That makes "what was compiled" and "what is loaded"
 * comparable. parse_header() keeps that version across profiles, as the kernel does. */

#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/automaton.h"
#include "policy/stream.h"

/* The version word: the kernel's format below, flags above it (policy_unpack.h in the kernel). */
#define VERSION_MASK 0x3ffU
#define VERSION_LOWEST 5U
#define VERSION_HIGHEST 9U
#define VERSION_FORCE_COMPLAIN 0x800U

/* The parser writes three levels; a stream that goes deeper was not written by it. */
#define DEPTH_LIMIT 16
/* More profiles in one file than anybody has; bounds the search for doubles. */
#define ENTRIES_LIMIT 4096

/* A version stands before each profile; the kernel lets it be missing after the first, and then
 * goes on with the one it had. */
static int parse_header(struct phx_stream *stream, uint32_t *version) {
        struct phx_stream_item item = { 0 };
        int r;

        if (phx_stream_peek(stream, PHX_STREAM_U32, "version")) {
                r = phx_stream_next(stream, &item);
                if (r < 0)
                        return r;
                *version = phx_stream_number(item.data, item.size);
        } else if (stream->position == 0)
                return phx_stream_malformed(stream, "expected a version");
        if ((*version & VERSION_MASK) < VERSION_LOWEST ||
            (*version & VERSION_MASK) > VERSION_HIGHEST)
                return phx_error_set(
                                stream->error,
                                -EPROTONOSUPPORT,
                                "compiled policy: format version %u, expected %u to %u",
                                *version & VERSION_MASK,
                                VERSION_LOWEST,
                                VERSION_HIGHEST);

        if (!phx_stream_peek(stream, PHX_STREAM_STRING, "namespace"))
                return 0;
        r = phx_stream_next(stream, &item);
        if (r < 0)
                return r;
        return phx_error_set(
                        stream->error,
                        -EINVAL,
                        "compiled policy: is for the policy namespace '%s', expected no namespace",
                        (const char *) item.data);
}

static int parse_name(struct phx_stream *stream, const char **ret_name) {
        struct phx_stream_item item = { 0 };
        const char *name;
        int r;

        r = phx_stream_next(stream, &item);
        if (r < 0)
                return r;
        if (item.code != PHX_STREAM_STRING || item.tag)
                return phx_stream_malformed(stream, "expected a profile's name");

        name = (const char *) item.data;
        if (item.size == 1 || strlen(name) + 1 != item.size)
                return phx_stream_malformed(
                                stream,
                                "the name of a profile is empty or contains a NUL byte");
        for (const char *p = name; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return phx_stream_malformed(
                                        stream,
                                        "the name of a profile contains a control character");
        if (name[0] == ':')
                return phx_error_set(
                                stream->error,
                                -EINVAL,
                                "compiled policy: profile '%s' is for a policy namespace, "
                                "expected no namespace",
                                name);

        *ret_name = name;
        return 0;
}

static int next_u32(struct phx_stream *stream, uint32_t *ret_value) {
        struct phx_stream_item item = { 0 };
        int r;

        r = phx_stream_next(stream, &item);
        if (r < 0)
                return r;
        if (item.code != PHX_STREAM_U32)
                return phx_stream_malformed(
                                stream,
                                "expected a number of 32 bits in a profile's flags");

        *ret_value = phx_stream_number(item.data, item.size);
        return 0;
}

/* What comes after the opening of "flags": hat and debug bits, the mode, the audit mode. */
static int parse_flags(
                struct phx_stream *stream,
                uint32_t version,
                enum phx_policy_mode *ret_mode) {
        /* The PACKED_MODE_ values of the kernel's policy_unpack.h. */
        static const enum phx_policy_mode modes[] = {
                PHX_POLICY_ENFORCE,    PHX_POLICY_COMPLAIN, PHX_POLICY_KILL,
                PHX_POLICY_UNCONFINED, PHX_POLICY_USER,
        };
        uint32_t bits = 0, mode = 0, audit = 0;
        int r;

        r = next_u32(stream, &bits);
        if (r < 0)
                return r;
        r = next_u32(stream, &mode);
        if (r < 0)
                return r;
        r = next_u32(stream, &audit);
        if (r < 0)
                return r;

        /* The version word's bit wins over all modes: so it does in the kernel. */
        if (version & VERSION_FORCE_COMPLAIN)
                *ret_mode = PHX_POLICY_COMPLAIN;
        else
                *ret_mode = mode < PHX_ELEMENTS(modes) ? modes[mode] : PHX_POLICY_UNKNOWN;
        return 0;
}

static uint8_t closer_of(uint8_t code) {
        switch (code) {
        case PHX_STREAM_STRUCT:
                return PHX_STREAM_STRUCTEND;
        case PHX_STREAM_LIST:
                return PHX_STREAM_LISTEND;
        case PHX_STREAM_ARRAY:
                return PHX_STREAM_ARRAYEND;
        default:
                return 0;
        }
}

static bool is_closer(uint8_t code) {
        return code == PHX_STREAM_STRUCTEND || code == PHX_STREAM_LISTEND ||
               code == PHX_STREAM_ARRAYEND;
}

/* The closing codes that are still owed; the profile's own STRUCTEND at the bottom. */
struct nest {
        uint8_t closers[DEPTH_LIMIT];
        size_t depth;
};

static int follow_nesting(const struct phx_stream *stream, struct nest *nest, uint8_t code) {
        uint8_t closer = closer_of(code);

        if (closer) {
                if (nest->depth == DEPTH_LIMIT)
                        return phx_stream_malformed(stream, "nested too deeply");
                nest->closers[nest->depth++] = closer;
        } else if (is_closer(code)) {
                if (nest->closers[nest->depth - 1] != code)
                        return phx_stream_malformed(stream, "found an end without a beginning");
                nest->depth--;
        }
        return 0;
}

/* How far the walk through one profile is. */
struct body {
        uint32_t version;
        bool has_flags;
        unsigned numbers; /* of the capability masks: the first of the four is what is allowed */
        bool has_upper;
        bool is_in_others;      /* within "policydb" */
        bool is_in_transitions; /* within "xtable" */
        bool is_in_perms;       /* within "perms", until its array was met */
};

/* Behind the flags come the masks' lower halves, without names, and then the upper ones in a
 * struct. What is denied was taken out of what is allowed by the parser. */
static int note_capabilities(
                struct phx_stream *stream,
                const struct phx_stream_item *item,
                struct body *body,
                struct phx_policy_entry *entry) {
        uint32_t upper = 0;
        int r;

        if (item->code == PHX_STREAM_U32 && !item->tag && body->numbers++ == 0)
                entry->capabilities |= phx_stream_number(item->data, item->size);
        if (body->has_upper || !phx_stream_is(item, PHX_STREAM_STRUCT, "caps64"))
                return 0;
        r = next_u32(stream, &upper);
        if (r < 0)
                return r;
        entry->capabilities |= (uint64_t) upper << 32;
        body->has_upper = true;
        return 0;
}

/* An automaton, or the state that it starts in, which comes behind it; a table of permissions comes
 * before it. */
static void note_rules(
                const struct phx_stream *stream,
                const struct phx_stream_item *item,
                const char *start,
                struct phx_policy_rules *rules) {
        if (item->code == PHX_STREAM_BLOB) {
                rules->offset = (size_t) (item->data - stream->data);
                rules->size = item->size;
                rules->start = PHX_AUTOMATON_START;
        } else if (phx_stream_is(item, PHX_STREAM_U32, start))
                rules->start = phx_stream_number(item->data, item->size);
}

/* The array in a table of permissions: its entries begin behind it. */
static void note_perms(
                const struct phx_stream *stream,
                const struct phx_stream_item *item,
                struct body *body,
                struct phx_policy_rules *rules) {
        if (phx_stream_is(item, PHX_STREAM_STRUCT, "perms"))
                body->is_in_perms = true;
        if (!body->is_in_perms || item->code != PHX_STREAM_ARRAY)
                return;
        rules->perms_offset = stream->position;
        rules->perms = phx_stream_number(item->data, item->size);
        body->is_in_perms = false;
}

/* What an item within a struct of a profile tells. */
static int note_inner(
                const struct phx_stream *stream,
                const struct phx_stream_item *item,
                struct body *body,
                struct phx_policy_entry *entry) {
        note_perms(stream, item, body, body->is_in_others ? &entry->others : &entry->files);
        if (body->is_in_others)
                note_rules(stream, item, "start", &entry->others);
        if (!body->is_in_transitions || item->code != PHX_STREAM_STRING)
                return 0;
        if (phx_strings_add(&entry->transitions, (const char *) item->data) < 0)
                return phx_error_set(stream->error, -ENOMEM, "out of memory");
        return 0;
}

/* What an item directly in a profile tells about it. */
static int note_item(
                struct phx_stream *stream,
                const struct phx_stream_item *item,
                struct body *body,
                struct phx_policy_entry *entry) {
        body->is_in_others = phx_stream_is(item, PHX_STREAM_STRUCT, "policydb");
        body->is_in_transitions = phx_stream_is(item, PHX_STREAM_STRUCT, "xtable");
        /* An automaton behind the flags is the rules. The one before them matches the paths of
         * executables. */
        if (body->has_flags) {
                note_perms(stream, item, body, &entry->files);
                note_rules(stream, item, "dfa_start", &entry->files);
                return note_capabilities(stream, item, body, entry);
        }

        if (phx_stream_is(item, PHX_STREAM_STRUCT, "flags")) {
                body->has_flags = true;
                return parse_flags(stream, body->version, &entry->mode);
        }
        if (item->code == PHX_STREAM_BLOB || phx_stream_is(item, PHX_STREAM_STRING, "attach"))
                entry->has_attachment = true;
        return 0;
}

/* From behind the name to behind the profile's STRUCTEND. */
static int parse_body(struct phx_stream *stream, uint32_t version, struct phx_policy_entry *entry) {
        struct nest nest = { { PHX_STREAM_STRUCTEND }, 1 };
        struct body body = { .version = version };

        while (nest.depth > 0) {
                struct phx_stream_item item = { 0 };
                bool is_outermost = nest.depth == 1;
                int r;

                r = phx_stream_next(stream, &item);
                if (r < 0)
                        return r;
                if (is_outermost)
                        r = note_item(stream, &item, &body, entry);
                else
                        r = note_inner(stream, &item, &body, entry);
                if (r < 0)
                        return r;
                r = follow_nesting(stream, &nest, item.code);
                if (r < 0)
                        return r;
        }
        return body.has_flags ? 0 : phx_stream_malformed(stream, "profile without flags");
}

static void policy_entry_done(struct phx_policy_entry *entry) {
        free(entry->name);
        phx_strings_done(&entry->transitions);
}

static void hash_entry(
                struct phx_policy_entry *entry,
                enum phx_hash_kind kind,
                uint32_t version,
                const uint8_t *data,
                size_t size) {
        const uint8_t word[] = { (uint8_t) version,
                                 (uint8_t) (version >> 8),
                                 (uint8_t) (version >> 16),
                                 (uint8_t) (version >> 24) };

        if (kind == PHX_HASH_SHA1)
                phx_sha1_two(word, sizeof(word), data, size, entry->hash);
        if (kind == PHX_HASH_SHA256)
                phx_sha256_two(word, sizeof(word), data, size, entry->hash);
}

static int parse_profile(
                struct phx_stream *stream,
                uint32_t version,
                enum phx_hash_kind hash_kind,
                struct phx_policy_entry *ret_entry) {
        phx_cleanup(policy_entry_done) struct phx_policy_entry entry = { 0 };
        size_t start = stream->position;
        struct phx_stream_item item = { 0 };
        const char *name = NULL;
        int r;

        r = phx_stream_next(stream, &item);
        if (r < 0)
                return r;
        if (!phx_stream_is(&item, PHX_STREAM_STRUCT, "profile"))
                return phx_stream_malformed(stream, "expected a profile");
        r = parse_name(stream, &name);
        if (r < 0)
                return r;
        r = parse_body(stream, version, &entry);
        if (r < 0)
                return r;

        entry.name = strdup(name);
        if (!entry.name)
                return phx_error_set(stream->error, -ENOMEM, "out of memory");
        hash_entry(&entry, hash_kind, version, stream->data + start, stream->position - start);

        *ret_entry = PHX_TAKE_STRUCT(entry);
        return 0;
}

static int policy_add_entry(
                struct phx_policy *policy,
                struct phx_policy_entry *entry,
                struct phx_error *error) {
        struct phx_policy_entry *entries;

        if (phx_policy_find(policy, entry->name))
                return phx_error_set(
                                error,
                                -EPROTO,
                                "compiled policy: has two profiles '%s'",
                                entry->name);
        if (policy->count == ENTRIES_LIMIT)
                return phx_error_set(
                                error,
                                -EPROTO,
                                "compiled policy: has more than %d profiles",
                                ENTRIES_LIMIT);
        entries = reallocarray(policy->entries, policy->count + 1, sizeof(*entries));
        if (!entries)
                return phx_error_set(error, -ENOMEM, "out of memory");

        policy->entries = entries;
        policy->entries[policy->count++] = PHX_TAKE_STRUCT(*entry);
        return 0;
}

int phx_policy_parse(
                const void *blob,
                size_t size,
                enum phx_hash_kind hash_kind,
                struct phx_policy *ret_policy,
                struct phx_error *error) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { .hash_kind = hash_kind };
        struct phx_stream stream = { blob, size, 0, error };
        uint32_t version = 0;
        int r;

        if (size == 0)
                return phx_error_set(
                                error,
                                -ENODATA,
                                "compiled policy: is empty, expected at least one profile");

        while (stream.position < size) {
                phx_cleanup(policy_entry_done) struct phx_policy_entry entry = { 0 };
                size_t offset = stream.position;

                r = parse_header(&stream, &version);
                if (r < 0)
                        return r;
                r = parse_profile(&stream, version, hash_kind, &entry);
                if (r < 0)
                        return r;
                entry.offset = offset;
                r = policy_add_entry(&policy, &entry, error);
                if (r < 0)
                        return r;
        }

        *ret_policy = PHX_TAKE_STRUCT(policy);
        return 0;
}

const struct phx_policy_entry *phx_policy_find(const struct phx_policy *policy, const char *name) {
        for (size_t i = 0; i < policy->count; i++)
                if (strcmp(policy->entries[i].name, name) == 0)
                        return &policy->entries[i];
        return NULL;
}

void phx_policy_done(struct phx_policy *policy) {
        for (size_t i = 0; i < policy->count; i++)
                policy_entry_done(&policy->entries[i]);
        free(policy->entries);
        *policy = (struct phx_policy){ 0 };
}
