/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/findings.h"

/* What phoenixctl validate --json answers, version 1. The caller's to free. 0 or -ENOMEM. */
int phx_findings_render(const struct phx_findings *findings, char **ret_text);
