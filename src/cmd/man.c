// SPDX-License-Identifier: MIT
#include "src/cmd/man.h"

#include <stdio.h>
#include <string.h>

#include "src/conf/settings.h"

// Text of a macro line or paragraph: backslashes and hyphens are literal, a leading dot is none.
static void put(const char *text)
{
    bool start = true;
    for (const char *c = text; *c; c++) {
        if (start && (*c == '.' || *c == '\''))
            fputs("\\&", stdout);
        start = *c == '\n';
        if (*c == '\\')
            fputs("\\e", stdout);
        else if (*c == '"')
            fputs("\\(dq", stdout);
        else if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '\n' && (c[1] == '\n' || !c[1]))
            continue; // blank lines are none of mdoc's
        else
            putchar(*c);
        // Sentences begin on lines of their own.
        if ((*c == '.' || *c == ';') && c[1] == ' ' && c[2]) {
            putchar('\n');
            start = true;
            while (c[1] == ' ')
                c++;
        }
    }
}

static void paragraph(const char *text)
{
    put(text);
    putchar('\n');
}

// One item of a list: macro `It` takes up to nine words, so that the head is one quoted argument.
static void item(const char *head)
{
    fputs(".It \"", stdout);
    put(head);
    puts("\"");
}

static void print_options(const CmdOption *options)
{
    puts(".Bl -tag -width Ds");
    for (const CmdOption *o = options; o->name; o++) {
        char head[128];
        int n = o->letter ? snprintf(head, sizeof head, "-%c, ", o->letter) : 0;
        snprintf(head + n, sizeof head - (size_t)n, "%s%s%s", o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        item(head);
        paragraph(o->help);
    }
    puts(".El");
}

static void print_commands(const Command *const *commands, int n)
{
    puts(".Sh COMMANDS");
    for (int i = 0; i < n; i++) {
        const Command *c = commands[i];
        printf(".Ss ");
        put(c->name);
        if (c->args[0]) {
            putchar(' ');
            put(c->args);
        }
        putchar('\n');
        paragraph(c->summary);
        if (c->details) {
            puts(".Pp");
            paragraph(c->details);
        }
        if (c->options && c->options->name)
            print_options(c->options);
    }
    puts(".Ss Options of every command");
    print_options(cmd_common_options);
}

static void print_keys(const ManKey *keys, int n)
{
    puts(".Sh KEYS\nKeys of the dashboard.\nEach is also a command of the\n.Sq \\&:\nline.\n"
         ".Bl -tag -width Ds");
    for (int i = 0; i < n; i++) {
        item(keys[i].keys);
        paragraph(keys[i].does);
    }
    puts(".El");
}

static void print_settings(void)
{
    int n;
    const SettingKey *keys = settings_keys(&n);
    puts(".Sh SETTINGS\nGiven by\n.Fl \\-set Ar KEY=VALUE ,\nby\n.Fl c Ar FILE\nas YAML, and by\n"
         "the\n.Ql defaults\nof a space; the later of built\\-in, space, file, option holds.\n"
         ".Bl -tag -width Ds");
    for (int i = 0; i < n; i++) {
        const SettingKey *k = &keys[i];
        char head[256];
        snprintf(head, sizeof head, "%s = %s%s%s", k->key, k->fallback[0] ? k->fallback : "\"\"",
                 k->unit && k->unit[0] ? " " : "", k->unit ? k->unit : "");
        item(head);
        put(k->doc);
        if (k->choices && k->choices[0]) {
            fputs("\n(", stdout);
            put(k->choices);
            putchar(')');
        }
        if (k->source && k->source[0]) {
            fputs("\n[", stdout);
            put(k->source);
            putchar(']');
        }
        putchar('\n');
    }
    puts(".El");
}

static const char head_text[] =
    ".Dd $Mdocdate$\n.Dt DARTBOARD 1\n.Os\n.Sh NAME\n.Nm dartboard\n"
    ".Nd terminal workbench for neural architecture search\n.Sh SYNOPSIS\n.Nm\n"
    ".Op Ar COMMAND\n.Op Ar ARGS\n.Sh DESCRIPTION\nA search runs in its own process;\n.Nm\n"
    "shows it live: accuracy, entropy of the mixing weights, the cell, signs of collapse.\n"
    "Leaving the dashboard never stops a search.\n"
    "Without a command it opens the dashboard on\n.Pa ./runs .\n"
    "Without a terminal, or with\n.Ev TERM Ns = Ns dumb ,\nit prints plain lines.\n";

static const char tail_text[] =
    ".Sh ENVIRONMENT\n.Bl -tag -width DARTBOARD_SHARE\n.It Ev DARTBOARD_SHARE\n"
    "directory with\n.Pa scripts\\-lua ,\n.Pa spaces\nand\n.Pa assets\n.It Ev NO_COLOR\n"
    "if not empty: no colours\n.It Ev TERM , COLORTERM\nthe terminal and its colours\n"
    ".It Ev LC_ALL , LC_CTYPE , LANG\nbraille and block characters need UTF\\-8\n"
    ".It Ev VISUAL , EDITOR\neditor of the space script\n.El\n"
    ".Sh FILES\nA run is a directory\n.Pa runs/NAME :\n.Bl -tag -width Ds\n"
    ".It Pa run.yaml\nevery setting, resolved\n.It Pa space.lua , lua/\nthe script as it was\n"
    ".It Pa journal.jsonl\nthe record, a JSON object a line\n.It Pa checkpoints/\n"
    "weights and state, as safetensors\n.It Pa control , lock , log.txt\n"
    "socket, owner and messages of the process\n.El\n"
    ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\ndone\n.It 1\nfailed\n.It 2\nwrong use\n"
    ".It 3\nstopped by an alarm; from\n.Cm health :\na run is COLLAPSED or DEAD\n.It 130\n"
    "interrupted\n.El\n.Sh EXAMPLES\n.Bd -literal\n"
    "dartboard run digits\ndartboard watch log.txt\ndartboard health log.txt\n"
    "dartboard fork RUN \\-\\-at 6 \\-\\-set search.beta_decay=50\n.Ed\n";

int man_print(const Command *const *commands, int n, const ManKey *keys, int n_keys)
{
    fputs(head_text, stdout);
    print_commands(commands, n);
    print_keys(keys, n_keys);
    print_settings();
    fputs(tail_text, stdout);
    return ferror(stdout) ? 1 : 0;
}
