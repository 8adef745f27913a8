/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Stands in for libFuzzer where there is none: gives each file named on the command line to the
 * target, so that the corpus is an ordinary test with any compiler. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define INPUT_LIMIT (16UL * 1024 * 1024)

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char *argv[]) {
        for (int i = 1; i < argc; i++) {
                phx_autofree char *data = NULL;
                size_t size = 0;
                int r;

                r = phx_file_read_at(AT_FDCWD, argv[i], INPUT_LIMIT, &data, &size);
                if (r < 0) {
                        (void) fprintf(stderr, "%s: %s\n", argv[i], strerrordesc_np(-r));
                        return 1;
                }
                (void) LLVMFuzzerTestOneInput((const uint8_t *) data, size);
        }
        return argc > 1 ? 0 : 77;
}
