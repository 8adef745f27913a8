#include <stdio.h>

void loud(void);

void loud(void) {
        fprintf(stderr, "hello\n");
}
