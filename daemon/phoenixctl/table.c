/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/table.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#include "base/macros.h"

#define GAP 2
/* No column gets narrower than this, wide as the table may be. */
#define NARROWEST 4
#define COLUMN_LIMIT 16

void table_done(struct table *table) {
        phx_strings_done(&table->cells);
}

int table_add(struct table *table, const char *text) {
        return phx_strings_add(&table->cells, text && text[0] ? text : "-");
}

/* The bytes of the first character, and what it takes in RET_WIDTH. What is no character takes one
 * column. */
static size_t table_step(const char *text, mbstate_t *state, size_t *ret_width) {
        wchar_t wide = 0;
        /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
        size_t n = mbrtowc(&wide, text, strlen(text), state);
        int width;

        if (n == 0 || n > strlen(text)) {
                *state = (mbstate_t){ 0 };
                *ret_width = 1;
                return 1;
        }
        width = wcwidth(wide);
        *ret_width = width < 0 ? 1 : (size_t) width;
        return n;
}

/* One byte, and one column, in all locales that there are. */
static bool table_is_simple(char c) {
        return c >= ' ' && c <= '~';
}

/* The bytes of TEXT that fit into LIMIT columns; what they take in RET_WIDTH. */
static size_t fit(const char *text, size_t limit, size_t *ret_width) {
        mbstate_t state = { 0 };
        size_t at = 0, width = 0, one = 0, n;

        while (text[at]) {
                if (table_is_simple(text[at]) && mbsinit(&state))
                        n = one = 1;
                else
                        n = table_step(text + at, &state, &one);
                if (width + one > limit)
                        break;
                at += n;
                width += one;
        }
        *ret_width = width;
        return at;
}

/* Rows are short: those of a few hundred containers. */
struct row {
        char **cells;
        size_t column;
};

static int compare_rows(const void *a, const void *b) {
        const struct row *x = a, *y = b;
        int r = strverscmp(x->cells[x->column], y->cells[y->column]);

        /* Where they stood decides, so that the order is a stable one. */
        return r != 0 ? r : (x->cells > y->cells) - (x->cells < y->cells);
}

int table_sort(struct table *table, const char *header) {
        size_t columns = table->columns, count = table->cells.count / columns, column = 0;
        phx_autofree struct row *rows = calloc(count + 1, sizeof(*rows));
        phx_autofree char **sorted = calloc(table->cells.count + 1, sizeof(*sorted));

        if (!rows || !sorted)
                return -ENOMEM;
        while (column < columns && strcasecmp(table->cells.items[column], header) != 0)
                column++;
        if (column == columns)
                return -EINVAL;
        for (size_t i = 0; i < count; i++)
                rows[i] = (struct row){ table->cells.items + i * columns, column };
        if (count > 2)
                qsort(rows + 1, count - 1, sizeof(*rows), compare_rows);
        for (size_t i = 0; i < count; i++)
                memcpy(sorted + i * columns, rows[i].cells, columns * sizeof(*sorted));
        memcpy(table->cells.items, sorted, count * columns * sizeof(*sorted));
        return 0;
}

/* How many columns of a terminal TEXT takes, in the locale of the process. */
static size_t table_width(const char *text) {
        size_t width = 0;

        (void) fit(text, SIZE_MAX / 2, &width);
        return width;
}

/* Takes from the widest column, one by one, until a line fits or nothing is left to take. */
static void shrink(size_t *widths, size_t columns, size_t limit) {
        for (;;) {
                size_t total = (columns - 1) * GAP, widest = 0;

                for (size_t i = 0; i < columns; i++) {
                        total += widths[i];
                        if (widths[i] > widths[widest])
                                widest = i;
                }
                if (total <= limit || widths[widest] <= NARROWEST)
                        return;
                widths[widest]--;
        }
}

static void print_cell(const char *text, size_t width, bool is_last, FILE *file) {
        bool is_short = table_width(text) > width;
        size_t taken = 0, bytes;

        bytes = fit(text, is_short ? width - 3 : width, &taken);
        (void) fwrite(text, 1, bytes, file);
        if (is_short) {
                (void) fputs("...", file);
                taken += 3;
        }
        for (size_t i = taken; !is_last && i < width + GAP; i++)
                (void) putc(' ', file);
}

void table_print(const struct table *table, const struct ctl *ctl, FILE *file) {
        size_t widths[COLUMN_LIMIT] = { 0 }, n = table->columns;
        size_t first = ctl->no_legend ? n : 0;

        if (n == 0 || n > COLUMN_LIMIT)
                return;
        for (size_t i = first; i < table->cells.count; i++) {
                size_t width = table_width(table->cells.items[i]);

                if (width > widths[i % n])
                        widths[i % n] = width;
        }
        if (ctl->width > 0 && !ctl->full)
                shrink(widths, n, (size_t) ctl->width);
        for (size_t i = first; i < table->cells.count; i++) {
                bool is_last = i % n == n - 1;

                print_cell(table->cells.items[i], widths[i % n], is_last, file);
                if (is_last)
                        (void) fputc('\n', file);
        }
}
