#include "state/needs.h"

#include <string.h>

#include "base/buffer.h"

/* Each key that the old system's scripts act upon, and what it takes. */
struct clue {
        const char *key; /* as it is to be named */
        const char *value;
        bool gpu;
        bool docker;
        bool nesting;
};

static const struct clue feature_clues[] = {
        { "features", "nvidia", .gpu = true },       { "features", "vllm", .gpu = true },
        { "features", "ollama", .gpu = true },       { "features", "docker", .docker = true },
        { "features", "portainer", .docker = true },
};

static const struct clue pct_clues[] = {
        { "pct_options", "nesting=1", .nesting = true },
};

static const struct clue option_clues[] = {
        { "lxc_options", "lxc.apparmor.allow_nesting=1", .nesting = true },
};

static bool wants_gpu(const struct phx_container_config *container) {
        return container->gpu_assignment && container->gpu_assignment[0] &&
               strcmp(container->gpu_assignment, "none") != 0;
}

static void take(struct phx_needs *needs, const struct clue *clue) {
        needs->gpu |= clue->gpu;
        needs->docker |= clue->docker;
        needs->nesting |= clue->nesting;
}

/* WORDS may be NULL. 0 or -ENOMEM. */
static int add_clue(const struct clue *clue, struct phx_needs *needs, struct phx_buffer *words) {
        take(needs, clue);
        if (!words)
                return 0;
        return phx_buffer_addf(
                        words,
                        "%s%s %s",
                        words->size > 0 ? "; " : "",
                        clue->key,
                        clue->value);
}

static int add_clues(
                const struct phx_strings *values,
                const struct clue *clues,
                size_t count,
                struct phx_needs *needs,
                struct phx_buffer *words) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                if (phx_strings_has(values, clues[i].value))
                        r = add_clue(&clues[i], needs, words);
        return r;
}

static int add_option_clues(
                const struct phx_lxc_options *options,
                struct phx_needs *needs,
                struct phx_buffer *words) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(option_clues); i++)
                if (phx_lxc_options_have(options, option_clues[i].value))
                        r = add_clue(&option_clues[i], needs, words);
        return r;
}

static int read_clues(
                const struct phx_container_config *container,
                struct phx_needs *needs,
                struct phx_buffer *words) {
        int r = 0;

        needs->gpu = wants_gpu(container);
        if (words && needs->gpu)
                r = phx_buffer_addf(words, "gpu_assignment %s", container->gpu_assignment);
        if (r >= 0)
                r = add_clues(&container->features,
                              feature_clues,
                              PHX_ELEMENTS(feature_clues),
                              needs,
                              words);
        if (r >= 0)
                r = add_clues(&container->pct_options,
                              pct_clues,
                              PHX_ELEMENTS(pct_clues),
                              needs,
                              words);
        if (r >= 0)
                r = add_option_clues(&container->options, needs, words);
        return r;
}

struct phx_needs phx_needs_of(const struct phx_container_config *container) {
        struct phx_needs needs = { 0 };

        (void) read_clues(container, &needs, NULL);
        return needs;
}

/* Proxmox's "nesting" is set for Docker and for newer systemds, too: it counts where nothing else
 * says what it is for. */
const char *phx_needs_profile(const struct phx_needs *needs) {
        if (needs->gpu)
                return "lxc-gpu-docker-storage";
        if (needs->docker)
                return "lxc-phoenix-v2";
        return needs->nesting ? "lxc-nesting-v1" : "lxc-baseline";
}

char *phx_needs_why(const struct phx_container_config *container) {
        phx_cleanup(phx_buffer_done) struct phx_buffer words = { 0 };
        struct phx_needs needs = { 0 };
        int r;

        r = read_clues(container, &needs, &words);
        if (r >= 0 && words.size == 0)
                r = phx_buffer_add_text(&words, "nothing special");
        return r < 0 ? NULL : PHX_TAKE(words.data);
}
