#include "system/policy_matcher.h"

#include <errno.h>

#include <sys/apparmor.h>

#include "system/policy_automaton.h"

/* What the 32 bits of a word are that the parser writes for files: seven for the file's owner,
 * seven for others, and two for both. The kernel asks as root about files of root. */
#define OWNER_BITS 0x7fU
#define OTHER_SHIFT 7U
#define FILE_LINK 0x10U
#define FILE_LOCK 0x20U
#define FILE_MAP 0x40U
#define FILE_CHANGE_PROFILE 0x80000000U
#define FILE_ONEXEC 0x40000000U

static uint32_t file_permissions(uint32_t word) {
        uint32_t owner = word & OWNER_BITS;
        uint32_t permissions = owner & (AA_MAY_EXEC | AA_MAY_WRITE | AA_MAY_READ | AA_MAY_APPEND);

        permissions |= AA_MAY_GETATTR;
        if (owner & AA_MAY_READ)
                permissions |= AA_MAY_OPEN;
        if (owner & AA_MAY_WRITE)
                permissions |= AA_MAY_SETATTR | AA_MAY_CREATE | AA_MAY_DELETE | AA_MAY_CHMOD |
                               AA_MAY_CHOWN | AA_MAY_OPEN;
        if (owner & FILE_LINK)
                permissions |= AA_MAY_LINK;
        if (owner & FILE_LOCK)
                permissions |= AA_MAY_LOCK;
        if (owner & FILE_MAP)
                permissions |= AA_EXEC_MMAP;
        if (word & FILE_CHANGE_PROFILE)
                permissions |= AA_MAY_CHANGE_PROFILE;
        if (word & FILE_ONEXEC)
                permissions |= AA_MAY_ONEXEC;
        return permissions;
}

/* Of the other classes: the second seven bits extend the first. */
static uint32_t other_permissions(uint32_t word) {
        uint32_t more = (word >> OTHER_SHIFT) & OWNER_BITS;

        return (word & OWNER_BITS) | (more & 0x3U) << 8 | (more & 0x1cU) << 18 |
               (more & 0x60U) << 19;
}

/* Files have an automaton of their own, which does not read the class; in that of the others the
 * class leads to where the rest begins, or nowhere when it is not mediated: then all is granted, as
 * it was before. */
static int find_permissions(
                const struct phx_policy_matcher *matcher,
                const struct phx_policy_rules *rules,
                bool is_file,
                const struct phx_policy_query *query,
                uint32_t *ret_permissions,
                struct phx_error *error) {
        struct phx_automaton automaton = { 0 };
        uint32_t state = rules->start, word;
        int r;

        r = phx_automaton_read(
                        (const char *) matcher->blob + rules->offset,
                        rules->size,
                        &automaton,
                        error);
        if (r < 0)
                return r;
        if (!is_file)
                state = phx_automaton_run(&automaton, state, query->match.data, 1);
        if (!is_file && state == 0)
                return 0;
        state = phx_automaton_run(&automaton, state, query->match.data + 1, query->match.size - 1);
        word = phx_automaton_accept(&automaton, state);
        *ret_permissions = is_file ? file_permissions(word) : other_permissions(word);
        return 0;
}

static int load(void *data, const void *blob, size_t size, struct phx_error *error) {
        struct phx_policy_matcher *matcher = data;

        matcher->blob = blob;
        return phx_policy_parse(blob, size, &matcher->policy, error);
}

static void unload(void *data) {
        struct phx_policy_matcher *matcher = data;

        phx_policy_done(&matcher->policy);
        matcher->blob = NULL;
}

static int ask(void *data,
               const char *profile,
               const struct phx_policy_query *query,
               uint32_t mask,
               bool *ret_allowed,
               struct phx_error *error) {
        const struct phx_policy_matcher *matcher = data;
        const struct phx_policy_entry *entry = phx_policy_find(&matcher->policy, profile);
        const struct phx_policy_rules *rules;
        bool is_file;
        uint32_t permissions = UINT32_MAX;
        int r = 0;

        if (!entry)
                return phx_error_set(error, -ENOENT, "'%s' is not in the policy", profile);
        if (query->match.size == 0)
                return phx_error_set(error, -EINVAL, "'%s': nothing to match", query->what);
        if (entry->has_permission_table)
                return phx_error_set(
                                error,
                                -EPROTONOSUPPORT,
                                "'%s' has a table of permissions, which only a kernel reads",
                                profile);
        is_file = query->class == PHX_QUERY_FILE && entry->files.size > 0;
        rules = is_file ? &entry->files : &entry->others;
        if (rules->size > 0)
                r = find_permissions(matcher, rules, is_file, query, &permissions, error);
        if (r < 0)
                return r;
        *ret_allowed = (permissions & mask) == mask;
        return 0;
}

struct phx_policy_prober phx_policy_matcher_prober(struct phx_policy_matcher *matcher) {
        return (struct phx_policy_prober){ load, ask, unload, matcher };
}
