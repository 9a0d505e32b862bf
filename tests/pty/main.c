// SPDX-License-Identifier: MIT
#include <limits.h>
#include <unistd.h>

#include "tests/pty/pty.h"

// The dashboard end to end in a pseudo-terminal. DARTBOARD_BIN names the program; runs from the
// repository root. An argument names one group, a second one the tests in it (as a shell pattern).

static const struct {
    const char *name;
    int (*run)(void);
} groups[] = { { "views", views_group },
               { "life", life_group },
               { "bytes", bytes_group },
               { "search", search_group } };

static bool find_places(void)
{
    const char *bin = getenv("DARTBOARD_BIN"), *temp = getenv("TMPDIR");
    if (!bin || !realpath(bin, pty_bin) || !getcwd(pty_home, sizeof pty_home) ||
        access("tests/runs", R_OK) != 0) {
        fputs("pty: set DARTBOARD_BIN and run from the repository root\n", stderr);
        return false;
    }
    snprintf(pty_temp, sizeof pty_temp, "%s/dartboard-pty-XXXXXX", temp ? temp : "/tmp");
    return mkdtemp(pty_temp) != NULL;
}

static void remove_places(void)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", pty_temp);
    if (system(command) != 0)
        fprintf(stderr, "pty: left behind: %s\n", pty_temp);
}

int main(int argc, char **argv)
{
    int failed = 0;
#ifndef PTY_HAS_SCREEN
    fputs("pty: libvterm-dev is not installed: skipped\n", stderr);
    return 0;
#endif
    if (!find_places())
        return 1;
    if (argc > 2)
        cmocka_set_test_filter(argv[2]);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (argc < 2 || strcmp(argv[1], groups[i].name) == 0)
            failed += groups[i].run();
    pty_close_last();
    remove_places();
    return failed ? 1 : 0;
}
