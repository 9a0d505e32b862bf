// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/str.h"

const CmdOption cmd_common_options[] = {
    { "--json", 0, NULL, "one JSON document on standard output and nothing else" },
    { "--glyphs", 0, "TIER", "braille, block, ascii or auto" },
    { "--color", 0, "WHEN", "auto, always or never (NO_COLOR is honoured)" },
    { "--theme", 0, "NAME", "dark or light" },
    { "--delay", 0, "SECONDS", "shortest time between two pictures (0.25)" },
    { "--play", 0, "FILE", "drive the dashboard from a file of keys and commands" },
    { "--help", 'h', NULL, "this text" },
    { "--version", 0, NULL, "name and version" },
    { NULL, 0, NULL, NULL },
};

static void print_options(const CmdOption *o)
{
    for (; o->name; o++) {
        char left[64];
        if (o->letter)
            snprintf(left, sizeof left, "-%c, %s%s%s", o->letter, o->name, o->arg ? " " : "",
                     o->arg ? o->arg : "");
        else
            snprintf(left, sizeof left, "    %s%s%s", o->name, o->arg ? " " : "",
                     o->arg ? o->arg : "");
        printf("  %-28s %s\n", left, o->help);
    }
}

void cmd_help(const Command *c)
{
    printf("usage: dartboard %s [OPTIONS]%s%s\n\n%s\n", c->name, c->args[0] ? " " : "", c->args,
           c->summary);
    if (c->details)
        printf("\n%s\n", c->details);
    if (c->options && c->options->name) {
        printf("\noptions:\n");
        print_options(c->options);
    }
    printf("\neverywhere:\n");
    print_options(cmd_common_options);
}

static const CmdOption *find_in(const CmdOption *o, const char *name, size_t len, char letter)
{
    for (; o && o->name; o++)
        if ((letter && o->letter == letter) ||
            (!letter && strlen(o->name) == len && strncmp(o->name, name, len) == 0))
            return o;
    return NULL;
}

static const CmdOption *find_option(const Command *c, const char *name, size_t len, char letter)
{
    const CmdOption *own = find_in(c->options, name, len, letter);
    return own ? own : find_in(cmd_common_options, name, len, letter);
}

static int unknown_option(const Command *c, const char *text)
{
    const char *names[CMD_MAX_ARGS];
    int n = 0;
    for (const CmdOption *o = c->options; o && o->name && n < CMD_MAX_ARGS; o++)
        names[n++] = o->name;
    for (const CmdOption *o = cmd_common_options; o->name && n < CMD_MAX_ARGS; o++)
        names[n++] = o->name;
    const char *near = str_nearest(text, names, n);
    if (near)
        fprintf(stderr, "dartboard %s: unknown option '%s' (did you mean '%s'?)\n", c->name, text,
                near);
    else
        fprintf(stderr, "dartboard %s: unknown option '%s' ('dartboard %s --help' lists all)\n",
                c->name, text, c->name);
    return 2;
}

// One option at argv[*i]; advances over its value.
static int take_option(CmdArgs *a, int argc, char **argv, int *i)
{
    const char *text = argv[*i];
    bool is_long = text[1] == '-';
    size_t len = is_long ? strcspn(text, "=") : 2;
    const CmdOption *o = find_option(a->command, text, len, is_long ? '\0' : text[1]);
    if (!o)
        return unknown_option(a->command, text);
    const char *value = is_long && text[len] == '=' ? text + len + 1 : NULL;
    if (!is_long && text[2])
        value = text + 2;
    if (!o->arg && value) {
        fprintf(stderr, "dartboard %s: %s takes no value\n", a->command->name, o->name);
        return 2;
    }
    if (o->arg && !value) {
        if (*i + 1 >= argc) {
            fprintf(stderr, "dartboard %s: %s needs a value: %s\n", a->command->name, o->name,
                    o->arg);
            return 2;
        }
        value = argv[++*i];
    }
    if (a->n_options == CMD_MAX_ARGS) {
        fprintf(stderr, "dartboard %s: too many options\n", a->command->name);
        return 2;
    }
    a->option[a->n_options].name = o->name;
    a->option[a->n_options++].value = value;
    return 0;
}

static int take_all(CmdArgs *a, int argc, char **argv)
{
    bool options = true;
    for (int i = 1; i < argc; i++) {
        int code = 0;
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1])
            code = take_option(a, argc, argv, &i);
        else if (a->n_args < CMD_MAX_ARGS)
            a->arg[a->n_args++] = argv[i];
        if (code)
            return code;
    }
    return 0;
}

bool cmd_parse(const Command *c, int argc, char **argv, CmdArgs *a, int *exit_code)
{
    *a = (CmdArgs){ .command = c };
    *exit_code = take_all(a, argc, argv);
    if (*exit_code)
        return false;
    if (cmd_has(a, "--help")) {
        cmd_help(c);
        return false;
    }
    if (cmd_has(a, "--version")) {
        puts("dartboard " DARTBOARD_VERSION);
        return false;
    }
    if (a->n_args < c->min_args || a->n_args > c->max_args) {
        fprintf(stderr, "dartboard %s: expected %s\n", c->name,
                c->args[0] ? c->args : "no arguments");
        *exit_code = 2;
        return false;
    }
    return true;
}

const char *cmd_value_at(const CmdArgs *a, const char *name, int at)
{
    for (int i = 0; i < a->n_options; i++)
        if (strcmp(a->option[i].name, name) == 0 && at-- == 0)
            return a->option[i].value ? a->option[i].value : "";
    return NULL;
}

const char *cmd_value(const CmdArgs *a, const char *name)
{
    const char *value = NULL;
    for (int i = 0; i < a->n_options; i++)
        if (strcmp(a->option[i].name, name) == 0)
            value = a->option[i].value;
    return value;
}

bool cmd_has(const CmdArgs *a, const char *name)
{
    return cmd_value_at(a, name, 0) != NULL;
}

bool cmd_int(const CmdArgs *a, const char *name, int64_t low, int64_t high, int64_t *value)
{
    const char *text = cmd_value(a, name);
    if (!text)
        return true;
    if (str_to_int(text, value) && *value >= low && *value <= high)
        return true;
    fprintf(stderr, "dartboard %s: %s: expected a whole number from %lld to %lld, got '%s'\n",
            a->command->name, name, (long long)low, (long long)high, text);
    return false;
}

int cmd_fail(const Command *c, const Error *err)
{
    char text[1024];
    fprintf(stderr, "dartboard %s: %s\n", c->name, error_text(err, text, sizeof text));
    return err->code == STATUS_ARG ? 2 : 1;
}

bool cmd_dashboard(const CmdArgs *a, Dashboard *d)
{
    const char *delay = cmd_value(a, "--delay");
    *d = (Dashboard){ .wanted = true,
                      .glyphs = cmd_value(a, "--glyphs"),
                      .color = cmd_value(a, "--color"),
                      .theme = cmd_value(a, "--theme"),
                      .play = cmd_value(a, "--play"),
                      .delay = 0.25,
                      .speed = 2,
                      .until = -1 };
    if (!delay || (str_to_double(delay, &d->delay) && d->delay >= 0.02 && d->delay <= 60))
        return true;
    fprintf(stderr, "dartboard %s: --delay: expected 0.02 to 60 seconds, got '%s'\n",
            a->command->name, delay);
    return false;
}

bool cmd_wants_plain(const CmdArgs *a)
{
    const char *term = getenv("TERM");
    return cmd_has(a, "--plain") || cmd_has(a, "--once") || cmd_has(a, "--json") ||
           !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || strcmp(term, "dumb") == 0;
}
