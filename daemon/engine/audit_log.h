/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's audit records as the journal keeps them. Blocks: for the engine. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* journald needs some 100 ms to pass a record on: a good patience. */
#define AUDIT_LOG_PATIENCE_USEC UINT64_C(1000000)

/* Calls TAKE with each of AppArmor's records, see audit_log_record(), since SINCE_USEC (the clock
 * on the wall). When there are no more, it waits for others, unless IS_ENOUGH says so; and it ends
 * with its patience, PATIENCE_USEC, however many there are. HAS_AUDIT: journald has the record from
 * the audit itself. A host that does so has it a second time from the kernel's log, which drops
 * some when there are many. */
void audit_log_read(
                uint64_t since_usec,
                uint64_t patience_usec,
                void (*take)(void *data, const char *record, bool has_audit),
                bool (*is_enough)(const void *data),
                void *data);

/* The record in MESSAGE, as the journal has it from the kernel's log or, with HAS_AUDIT, from the
 * audit: from "apparmor=" on. NULL when it is another message of the kernel, such as those that
 * quote what a user has chosen. Public for its test. */
const char *audit_log_record(const char *message, bool has_audit);

/* The value of KEY="VALUE" or KEY=VALUE; KEY has its '='. False when it is not there, or is longer
 * than SIZE. */
bool audit_log_value(const char *message, const char *key, char *value, size_t size);

/* The same of a value that comes from outside of the kernel, which writes it in hexadecimal digits
 * when it has a blank, a quote or anything that cannot be seen. One that is too long is cut. What
 * cannot be seen is escaped. */
bool audit_log_name(const char *message, const char *key, char *name, size_t size);
