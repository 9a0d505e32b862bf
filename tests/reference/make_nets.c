// SPDX-License-Identifier: MIT
#include "tests/engine/net_text.h"
#include "tests/engine/random_net.h"

// Writes the networks of the goldens as text: make_nets FOLDER. Run by hand, see make_goldens.py.

static void write_file(const char *folder, const char *name, Graph *g)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.net", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    write_net(f, g);
    fclose(f);
    graph_free(g);
}

int main(int argc, char **argv)
{
    char name[32];
    if (argc != 2)
        return 2;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        snprintf(name, sizeof name, "random%02u", (unsigned)seed);
        write_file(argv[1], name, random_net_with(seed, 20, true));
    }
    write_file(argv[1], "darts_digits", darts_net(&(DartsNet){ 8, 8, 1, 3, 4, 2, 10, 0x2, false }));
    write_file(argv[1], "darts_odd", darts_net(&(DartsNet){ 7, 9, 3, 2, 5, 3, 10, 0x2, true }));
    return 0;
}
