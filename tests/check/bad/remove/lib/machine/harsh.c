const char *path(void);

const char *path(void) {
        return "/sys/kernel/security/apparmor/.remove";
}
