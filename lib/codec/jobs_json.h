/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "codec/fields.h"
#include "state/job.h"

/* What is wanted of systemd, for the report. Lossless also for what is not UTF-8. */
extern const struct phx_shape phx_job_shape;

/* What came of it, as it travels to the engine: parse(render(x)) is x. The caller's to free. */
int phx_job_results_render(const struct phx_job_results *results, char **ret_text);
/* RET_RESULTS must be zero. -EINVAL for what is no such text, -ENOMEM. */
int phx_job_results_parse(
                const char *text,
                size_t size,
                struct phx_job_results *ret_results,
                struct phx_error *error);
