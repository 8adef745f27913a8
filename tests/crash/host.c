/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "host.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "compiler/compiler.h"
#include "engine/work.h"
#include "order.h"
#include "policy/policy.h"

#define FEATURES "/usr/share/apparmor-features/features"
#define PARSER "/usr/sbin/apparmor_parser"
#define REPLACE "kernel/.replace"

static char root[PATH_MAX];

void host_init(const char *directory) {
        (void) snprintf(root, sizeof(root), "%s", directory);
        if (mkdir(root, 0755) < 0 && errno != EEXIST)
                err(1, "%s", root);
}

const char *host_directory(void) {
        return root;
}

void host_remove(void) {
        const struct tree_picture nothing = { 0 };

        tree_picture_restore(&nothing, root);
        (void) rmdir(root);
}

static const char *path_of(const char *name) {
        static char buffers[8][2 * PATH_MAX];
        static size_t next;
        char *buffer = buffers[next++ % PHX_ELEMENTS(buffers)];

        (void) snprintf(buffer, sizeof(buffers[0]), "%s/%s", root, name);
        return buffer;
}

static void make_directory(const char *name) {
        if (phx_directory_ensure(path_of(name), 0755) < 0)
                err(1, "%s", name);
}

static void put(const char *name, const char *format, ...) PHX_PRINTF(2, 3);

static void put(const char *name, const char *format, ...) {
        const char *path = path_of(name), *slash = strrchr(name, '/');
        char directory[PATH_MAX], text[8192];
        phx_autoclose int fd = -1;
        va_list arguments;
        int n;

        if (slash) {
                (void) snprintf(directory, sizeof(directory), "%.*s", (int) (slash - name), name);
                make_directory(directory);
        }
        va_start(arguments, format);
        n = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        (void) unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 || n < 0 || write(fd, text, (size_t) n) != n || fchmod(fd, 0644) < 0)
                err(1, "%s", path);
}

static void take_away(const char *name) {
        if (unlink(path_of(name)) < 0)
                err(1, "%s", name);
}

/* --- the kernel --- */

/* The kernel must not go back from what the change has brought. */
static void check_load(struct engine_run *run, const struct phx_policy_entry *loaded) {
        const struct tree_entry *after = NULL;
        char name[PATH_MAX];
        phx_autofree char *have = NULL;
        size_t size = 0;

        (void) snprintf(name, sizeof(name), "kernel/policy/profiles/%s.1/sha1", loaded->name);
        if (run->after)
                after = tree_picture_find(run->after, name);
        if (!after || run->violation[0] ||
            phx_file_read_at(AT_FDCWD, path_of(name), PATH_MAX, &have, &size) < 0)
                return;
        if (strcmp(have, after->content) == 0 && !phx_has_prefix(after->content, loaded->hash))
                (void) snprintf(run->violation,
                                sizeof(run->violation),
                                "%s: an older policy was loaded over the new one",
                                loaded->name);
}

/* One complete write is one load; each profile is shown by name, mode and hash, as the real one
 * does. */
static void on_load(struct engine_run *run, const char *blob, size_t size) {
        struct phx_policy policy = { 0 };
        struct phx_error error = { 0 };

        if (phx_policy_parse(blob, size, PHX_HASH_SHA1, &policy, &error) < 0)
                errx(1, "a policy that no kernel would take was loaded: %s", error.text);
        for (size_t i = 0; i < policy.count; i++) {
                const struct phx_policy_entry *entry = &policy.entries[i];
                char name[PATH_MAX];

                check_load(run, entry);
                (void) snprintf(name,
                                sizeof(name),
                                "kernel/policy/profiles/%s.1/name",
                                entry->name);
                put(name, "%s\n", entry->name);
                (void) snprintf(name,
                                sizeof(name),
                                "kernel/policy/profiles/%s.1/mode",
                                entry->name);
                put(name, "%s\n", phx_policy_mode_to_string(entry->mode));
                (void) snprintf(name,
                                sizeof(name),
                                "kernel/policy/profiles/%s.1/sha1",
                                entry->name);
                put(name, "%s\n", entry->hash);
        }
        phx_policy_done(&policy);
        /* The real one is no file, and holds nothing. */
        (void) truncate(path_of(REPLACE), 0);
}

/* --- what there is before, and what changes --- */

static void put_profile(const char *name, const char *rule) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "sources/%s", name);
        put(path, "profile %s {\n  include <abstractions/own/life>\n  %s\n}\n", name, rule);
}

static void put_config(const char *name, const char *more) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", name);
        put(path, "# of %s\nlxc.include = %s\n%s", name, path_of("lxc-common.conf"), more);
}

static void put_configuration(const char *entries) {
        put("etc/phoenix_lxc_configs.json", "{ \"lxc_configs\": {\n%s\n} }\n", entries);
}

#define ENTRY(id, profile, options) \
        "  \"" id "\": { \"apparmor_profile\": \"" profile "\", \"lxc_options\": [" options "] }"

void host_reset(void) {
        static const char *const names[] = { "kernel/policy/profiles",
                                             "kernel/policy/namespaces",
                                             "cgroup",
                                             "proc",
                                             "deployed" };
        const struct tree_picture nothing = { 0 };

        tree_picture_restore(&nothing, root);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                make_directory(names[i]);
        put("module/parameters/enabled", "Y\n");
        put("module/parameters/mode", "enforce\n");
        put("kernel/features/policy/set_load", "yes\n");
        put(REPLACE, "%s", "");
        put("lxc-common.conf", "lxc.arch = amd64\n");
        put("etc/phoenixd.json",
            "{ \"configuration\": \"%s\", \"profile_dir\": \"%s\", \"deployed_dir\": \"%s\", "
            "\"lxc_path\": \"%s\", \"compile_jobs\": 2 }\n",
            path_of("etc/phoenix_lxc_configs.json"),
            path_of("sources"),
            path_of("deployed"),
            path_of("lxc"));
}

static void begin_with_three(void) {
        host_reset();
        put("sources/abstractions/own/life", "file,\n");
        put_profile("lxc-a", "network inet,");
        put_profile("lxc-b", "network inet6,");
        put_profile("lxc-c", "network unix,");
        put_config("one", "lxc.uts.name = one\n");
        put_config("two", "lxc.apparmor.profile = unconfined\nlxc.cap.drop = mac_override\n");
        put_config("three", "");
        put_configuration(ENTRY("one", "lxc-a", "\"lxc.cap.drop=sys_time\"") ",\n" //
                          ENTRY("two", "lxc-b", "") ",\n"                          //
                          ENTRY("three", "lxc-c", ""));
}

static void change_everything(void) {
        put("sources/abstractions/own/life", "file,\nsignal,\n");
        put_profile("lxc-a", "network inet stream,");
        put_profile("lxc-b", "network inet6 dgram,");
        put_profile("lxc-d", "network netlink,");
        put_configuration(ENTRY("one", "lxc-b", "\"lxc.cap.drop=sys_nice\"") ",\n" //
                          ENTRY("two", "lxc-d", "\"lxc.cap.drop=sys_time\"") ",\n" //
                          ENTRY("three", "unconfined", ""));
}

static void withdraw_one(void) {
        take_away("sources/lxc-c");
        put_configuration(ENTRY("one", "lxc-a", "\"lxc.cap.drop=sys_time\"") ",\n" //
                          ENTRY("two", "lxc-b", "") ",\n"                          //
                          ENTRY("three", "lxc-b", ""));
}

static void begin_with_nothing(void) {
        begin_with_three();
        take_away("etc/phoenix_lxc_configs.json");
        for (const char *name = "abc"; *name; name++) {
                char path[32];

                (void) snprintf(path, sizeof(path), "sources/lxc-%c", *name);
                take_away(path);
        }
        take_away("sources/abstractions/own/life");
}

static void bring_everything(void) {
        put("sources/abstractions/own/life", "file,\n");
        put_profile("lxc-a", "network inet,");
        put_profile("lxc-b", "network inet6,");
        put_configuration(ENTRY("one", "lxc-a", "\"lxc.cap.drop=sys_time\"") ",\n" //
                          ENTRY("two", "lxc-b", ""));
}

const struct change changes[] = {
        { "a mass change", begin_with_three, change_everything },
        { "a withdrawal", begin_with_three, withdraw_one },
        { "a first start", begin_with_nothing, bring_everything, .is_degraded_before = true },
};
const size_t change_count = PHX_ELEMENTS(changes);

/* --- the engine --- */

struct arguments {
        const struct engine_run *run;
        struct work_options options;
};

static void on_record(void *data, const struct phx_record *record) {
        const struct engine_run *run = data;

        if (run->is_verbose)
                (void) fprintf(stderr, "# %s\n", record->message);
}

static void on_progress(void *data, const char *text) {
}

/* What the loop is told is not of interest. */
static int forget_all(void *data) {
        return 0;
}

static int forget_object(void *data, enum phx_object_kind kind, const char *key, const char *json) {
        return 0;
}

static int forget_rest(void *data, const char *json) {
        return 0;
}

/* True when there is nothing left to do. */
static bool look(
                const struct arguments *arguments,
                const struct engine_work *work,
                enum look_kind kind) {
        static const struct engine_sink sink = { forget_all, forget_object, forget_rest, NULL };
        phx_cleanup(engine_answer_done) struct engine_answer answer = { .sink = &sink };
        const struct phx_scope nothing = { 0 };
        const struct engine_request request = {
                .kind = kind,
                .scope = kind == LOOK_COMPILED ? &nothing : NULL,
        };
        struct phx_error error = { 0 };

        if (work->look(work->data, &request, &answer, &error) < 0)
                return false;
        if (arguments->run->is_verbose)
                (void) fprintf(stderr, "# %s\n", answer.report->status);
        return !answer.report->degraded && answer.report->changes == 0 &&
               answer.report->compiling == 0;
}

/* As an engine at rest does: until a compile is over. False when none runs. */
static bool wait_for_a_compile(const struct engine_work *work) {
        struct phx_process_watch watches[PHX_COMPILES_LIMIT];
        struct pollfd fds[PHX_COMPILES_LIMIT];
        size_t count = work->compiles(work->data, watches, PHX_COMPILES_LIMIT);
        uint64_t due = UINT64_MAX, now = phx_now_usec();

        for (size_t i = 0; i < count; i++) {
                fds[i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
                if (watches[i].due_usec < due)
                        due = watches[i].due_usec;
        }
        if (count > 0)
                (void) poll(fds, count, due > now ? (int) ((due - now) / 1000 + 1) : 0);
        return count > 0;
}

/* And all that it starts to compile. */
static bool look_and_compile(
                const struct arguments *arguments,
                const struct engine_work *work,
                enum look_kind kind) {
        bool is_clean = look(arguments, work, kind);

        while (wait_for_a_compile(work))
                is_clean = look(arguments, work, LOOK_COMPILED);
        return is_clean;
}

static unsigned count_descriptors(void) {
        unsigned count = 0;

        for (int fd = 0; fd < 4096; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

/* An engine looks some hundred times a day, for years. */
static bool leaks_nothing(const struct arguments *arguments, const struct engine_work *work) {
        unsigned before = count_descriptors();

        for (unsigned i = 0; i < 3; i++)
                if (!look(arguments, work, i == 0 ? LOOK_ASKED : LOOK_PLAIN))
                        return false;
        return count_descriptors() == before;
}

/* 0 when there is nothing left to do. */
static int engine_main(void *data) {
        const struct arguments *arguments = data;
        /* Only read. NOLINTNEXTLINE(*-casting-through-void) */
        const struct phx_audit audit = { on_record,
                                         on_progress,
                                         (void *) (uintptr_t) arguments->run };
        struct engine_work work = { 0 };
        struct phx_error error = { 0 };
        bool is_clean = false;

        /* As the loop does: again, until it can be set up. */
        for (unsigned i = 0; !work.look; i++)
                if (work_setup(&arguments->options, &audit, &work, &error) < 0 && i > 0)
                        return 2;
        for (unsigned i = 0; !is_clean && i < arguments->run->looks; i++)
                is_clean = look_and_compile(arguments, &work, i == 0 ? LOOK_FULL : LOOK_ASKED);
        if (is_clean && arguments->run->counts_descriptors)
                is_clean = leaks_nothing(arguments, &work);
        return is_clean ? 0 : 1;
}

struct watch {
        struct engine_run *run;
        struct order *order;
};

static bool is_change(const char *name) {
        static const char *const others[] = { "openat", "open", "fsync", "fdatasync", "mkdir" };

        for (size_t i = 0; i < PHX_ELEMENTS(others); i++)
                if (strcmp(name, others[i]) == 0)
                        return false;
        return true;
}

static void on_call(void *data, const struct call *call) {
        const struct watch *watch = data;

        if (!phx_has_prefix(call->path, root))
                return;
        /* The directory for compiles is made at each start: it does not outlive a boot. */
        if (call->is_done && call->result >= 0 && is_change(call->name) &&
            !phx_has_prefix(call->path, path_of("run/"))) {
                watch->run->written++;
                if (watch->run->is_verbose)
                        (void) fprintf(stderr, "# %s %s\n", call->name, call->path);
        }
        if (call->is_done && strcmp(call->path, path_of(REPLACE)) == 0 && call->data &&
            call->result == (long) call->size)
                on_load(watch->run, call->data, call->size);
        order_take(watch->order, call);
}

void host_run(struct tracer *tracer, struct engine_run *run) {
        static const struct work_roots no_roots = { 0 };
        struct work_roots roots = no_roots;
        struct order order = { 0 };
        struct watch watch = { run, &order };
        struct arguments arguments = { .run = run };
        char paths[8][PATH_MAX + 32];
        static const char *const names[] = {
                "etc/phoenixd.json", "state", "run", "cgroup", "proc", "kernel", "module"
        };

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                (void) snprintf(paths[i], sizeof(paths[i]), "%s/%s", root, names[i]);
        roots = (struct work_roots){ .tasks = { .cgroup = paths[3], .proc = paths[4] },
                                     .apparmorfs = paths[5],
                                     .module = paths[6],
                                     .parser = PARSER,
                                     .features_file = FEATURES };
        arguments.options = (struct work_options){ .settings = paths[0],
                                                   .state_dir = paths[1],
                                                   .runtime_dir = paths[2],
                                                   .roots = &roots,
                                                   .libraries = "one\n" };

        tracer->on_call = on_call;
        tracer->data = &watch;
        run->written = 0;
        run->violation[0] = '\0';
        run->has_converged = tracer_run(tracer, engine_main, &arguments) == 0;
        if (!run->violation[0])
                (void) snprintf(run->violation, sizeof(run->violation), "%s", order.violation);
        order_done(&order);
}

/* --- what must hold when it is dead --- */

static bool is_same(const struct tree_entry *a, const struct tree_entry *b) {
        return a && b && a->mode == b->mode && a->uid == b->uid && a->size == b->size &&
               (!a->content || memcmp(a->content, b->content, a->size) == 0);
}

static bool is_leftover(const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        return name[0] == '.' && phx_has_suffix(name, PHX_TEMPORARY_SUFFIX);
}

/* The value of the last line of the config that names a profile. */
static void find_profile(const struct tree_entry *config, char *profile, size_t size) {
        static const char key[] = "lxc.apparmor.profile = ";
        const char *line = config->content;

        profile[0] = '\0';
        for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (phx_has_prefix(line, key))
                        (void) snprintf(profile,
                                        size,
                                        "%.*s",
                                        (int) strcspn(line + strlen(key), "\n"),
                                        line + strlen(key));
}

/* What the config of a container says must be startable, at any time. */
static bool is_startable(const struct tree_picture *found, const struct tree_entry *config) {
        char profile[256], mode[512];
        const struct tree_entry *entry;

        find_profile(config, profile, sizeof(profile));
        if (!profile[0] || strcmp(profile, "unconfined") == 0)
                return true;
        (void) snprintf(mode, sizeof(mode), "kernel/policy/profiles/%s.1/mode", profile);
        entry = tree_picture_find(found, mode);
        return entry && strcmp(entry->content, "enforce\n") == 0;
}

const char *host_check_dead(
                const struct tree_picture *before,
                const struct tree_picture *after,
                const struct tree_picture *found) {
        static const char *const judged[] = { "deployed/", "lxc/", "kernel/policy/" };
        static char text[PATH_MAX + 128];

        for (size_t i = 0; i < found->count; i++) {
                const struct tree_entry *entry = &found->entries[i];
                bool is_judged = false;

                for (size_t j = 0; j < PHX_ELEMENTS(judged); j++)
                        is_judged |= phx_has_prefix(entry->path, judged[j]);
                if (!is_judged || !S_ISREG(entry->mode) || is_leftover(entry->path))
                        continue;
                if (!is_same(entry, tree_picture_find(before, entry->path)) &&
                    !is_same(entry, tree_picture_find(after, entry->path))) {
                        (void) snprintf(text, sizeof(text), "%s: neither old nor new", entry->path);
                        return text;
                }
                if (phx_has_suffix(entry->path, "/config") && !is_startable(found, entry)) {
                        (void) snprintf(text,
                                        sizeof(text),
                                        "%s: names what the kernel does not enforce",
                                        entry->path);
                        return text;
                }
        }
        for (size_t i = 0; i < before->count; i++)
                if (phx_has_prefix(before->entries[i].path, "kernel/policy/profiles/") &&
                    !tree_picture_find(found, before->entries[i].path)) {
                        (void) snprintf(text,
                                        sizeof(text),
                                        "%s: is gone from the kernel",
                                        before->entries[i].path);
                        return text;
                }
        return "";
}
