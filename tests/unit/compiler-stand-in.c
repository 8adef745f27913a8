/* SPDX-License-Identifier: GPL-2.0-or-later */

/* In the compiler's place, as a program that waits to be attacked: writes a policy once it gets
 * SIGUSR1, and not before. It does what apparmor_parser may do, and no more. */

#include <signal.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t released;

static void on_release(int number) {
        released = 1;
}

int main(void) {
        static const char policy[] = "honest";
        const struct timespec moment = { .tv_nsec = 5000000 };

        (void) signal(SIGUSR1, on_release);
        while (!released)
                (void) nanosleep(&moment, NULL);
        return write(1, policy, sizeof(policy) - 1) == (ssize_t) sizeof(policy) - 1 ? 0 : 1;
}
