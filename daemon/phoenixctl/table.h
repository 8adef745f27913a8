/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdio.h>

#include "base/strings.h"
#include "phoenixctl/ctl.h"

/* Columns of text. Cells are row by row, the headers first; the zero value with COLUMNS set is an
 * empty table. */
struct table {
        size_t columns;
        struct phx_strings cells;
};

void table_done(struct table *table);

/* NULL and "" become "-". 0 or -ENOMEM. */
int table_add(struct table *table, const char *text);

/* Orders the rows by the column with this header, numbers in words by their value. -EINVAL when
 * there is none, -ENOMEM. */
int table_sort(struct table *table, const char *header);

/* Two blanks between columns, none at the end of a line. Where CTL has a width and not FULL, the
 * widest columns are shortened until a line fits. */
void table_print(const struct table *table, const struct ctl *ctl, FILE *file);
