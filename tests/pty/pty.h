// SPDX-License-Identifier: MIT
#ifndef TESTS_PTY_PTY_H
#define TESTS_PTY_PTY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

// A program in a pseudo-terminal of its own, its screen kept by libvterm. Everything waits for a
// condition with a deadline; nothing sleeps. One Pty is one terminal; tests close it.

#if defined(__has_include)
#if __has_include(<vterm.h>)
#define PTY_HAS_SCREEN 1
#endif
#endif

enum { PTY_SECONDS = 40 }; // deadline of every wait: long, for machines under load

typedef struct {
    pid_t pid;
    int fd;     // master; -1 closed
    int status; // of waitpid, once `ended`
    bool ended;
    int rows, cols;
    char *raw; // every byte since the start
    size_t used, cap;
    void *vt; // VTerm
} Pty;

typedef struct {
    int rows, cols;
    const char *dir;         // working directory, NULL: the present one
    const char *const *env;  // "NAME=VALUE" or "NAME" to unset; NULL-ended, may be NULL
    const char *const *argv; // NULL-ended; argv[0] NULL stands for the dashboard
} PtyStart;

extern char pty_bin[4096];  // the dashboard, absolute
extern char pty_home[4096]; // the repository root, absolute
extern char pty_temp[4096]; // scratch directory of this test program

Pty *pty_start(const PtyStart *start);
// The dashboard with up to six arguments in the scratch directory.
Pty *pty_dashboard(int rows, int cols, const char *const *argv);
void pty_close(Pty *p);    // kills what is left
void pty_close_last(void); // the one a failed test left open; one is open at a time
void pty_send(Pty *p, const char *bytes);
void pty_resize(Pty *p, int rows, int cols);
void pty_wipe(Pty *p);         // the screen as another program leaves it: blank
bool pty_read(Pty *p, int ms); // what comes within ms; false if nothing did
bool pty_shows(const Pty *p, const char *text);
void pty_see(Pty *p, const char *text);  // waits; fails the test with the screen printed
void pty_gone(Pty *p, const char *text); // waits until it is no longer there
bool pty_raw_has(const Pty *p, const char *bytes);
void pty_see_raw(Pty *p, const char *bytes);
size_t pty_settle(Pty *p, int quiet_ms); // reads until a silence of that length; bytes read
int pty_wait_exit(Pty *p);               // status of waitpid
bool pty_is_cooked(const Pty *p);        // echo and line mode, as shells leave it
// Copies tests/runs/NAME (its first `lines` lines, 0: all) to DIR/TO in the scratch directory.
void pty_record(const char *name, const char *to, int lines);
// Appends lines [from, to) of tests/runs/NAME to the scratch file.
void pty_append(const char *name, const char *to, int from, int until);
char *pty_path(const char *name); // of a scratch file; static memory, four at a time
char *pty_text(const char *path); // whole file, caller frees; NULL if absent
// Waits until `done(arg)` holds, while the terminal is read.
void pty_until(Pty *p, bool (*done)(const char *arg), const char *arg, const char *what);

int views_group(void);
int life_group(void);
int bytes_group(void);
int search_group(void);

#endif
