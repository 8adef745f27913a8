const char *text(void);

const char *text(void) {
        return "profile: no longer\ttrue";
}
