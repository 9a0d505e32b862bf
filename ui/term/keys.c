// SPDX-License-Identifier: MIT
#include "ui/term/keys.h"

#include <curses.h>

#include "ui/term/term.h"

enum { ESC = 27 };

static struct {
    int row, col, wheel;
} mouse;

// Read after an Esc that turned out to be alone.
static int pending = TKEY_NONE;

// Terminals send these whatever their terminfo entry says: an entry names one form of a key, and
// which one comes depends on modes that not every terminal has.
static const struct {
    const char *bytes;
    int curses;
} forms[] = {
    { "\033[A", KEY_UP },     { "\033OA", KEY_UP },     { "\033[B", KEY_DOWN },
    { "\033OB", KEY_DOWN },   { "\033[C", KEY_RIGHT },  { "\033OC", KEY_RIGHT },
    { "\033[D", KEY_LEFT },   { "\033OD", KEY_LEFT },   { "\033[H", KEY_HOME },
    { "\033OH", KEY_HOME },   { "\033[1~", KEY_HOME },  { "\033[7~", KEY_HOME },
    { "\033[F", KEY_END },    { "\033OF", KEY_END },    { "\033[4~", KEY_END },
    { "\033[8~", KEY_END },   { "\033[3~", KEY_DC },    { "\033[5~", KEY_PPAGE },
    { "\033[6~", KEY_NPAGE }, { "\033[Z", KEY_BTAB },   { "\033OM", KEY_ENTER },
    { "\033OP", KEY_F(1) },   { "\033[11~", KEY_F(1) }, { "\033[[A", KEY_F(1) },
};

void keys_start(void)
{
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    pending = TKEY_NONE;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (key_defined(forms[i].bytes) == 0)
            define_key(forms[i].bytes, forms[i].curses);
}

static int special_key(int key)
{
    static const struct {
        int curses, ours;
    } keys[] = { { KEY_RESIZE, TKEY_RESIZE },
                 { KEY_UP, TKEY_UP },
                 { KEY_DOWN, TKEY_DOWN },
                 { KEY_LEFT, TKEY_LEFT },
                 { KEY_RIGHT, TKEY_RIGHT },
                 { KEY_HOME, TKEY_HOME },
                 { KEY_END, TKEY_END },
                 { KEY_PPAGE, TKEY_PAGE_UP },
                 { KEY_NPAGE, TKEY_PAGE_DOWN },
                 { KEY_BTAB, TKEY_BACKTAB },
                 { KEY_BACKSPACE, TKEY_BACKSPACE },
                 { KEY_DC, TKEY_DELETE },
                 { KEY_ENTER, TKEY_ENTER },
                 { KEY_F(1), TKEY_F1 } };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].curses == key)
            return keys[i].ours;
    return TKEY_NONE;
}

static int read_mouse(void)
{
    MEVENT event;
    if (getmouse(&event) != OK)
        return TKEY_NONE;
    mouse.row = event.y;
    mouse.col = event.x;
    mouse.wheel = event.bstate & BUTTON4_PRESSED ? -1 : event.bstate & BUTTON5_PRESSED ? 1 : 0;
    return TKEY_MOUSE;
}

static int plain_key(wint_t ch)
{
    if (ch == '\r' || ch == '\n')
        return TKEY_ENTER;
    if (ch == 127 || ch == 8)
        return TKEY_BACKSPACE;
    return (int)ch;
}

// The next key of curses; TKEY_NONE for one that stands for nothing here. False if there is none.
static bool read_key(int *key)
{
    wint_t ch;
    int kind = get_wch(&ch);
    if (kind == ERR)
        return false;
    *key = kind != KEY_CODE_YES      ? plain_key(ch)
           : ch == (wint_t)KEY_MOUSE ? read_mouse()
                                     : special_key((int)ch);
    return true;
}

// After an Esc: takes the rest of a sequence that stands for no key of ours (a function key with a
// modifier, a report), so that its letters are not taken for keys. False: the Esc was alone, and
// what followed it is pending.
static bool skip_sequence(void)
{
    int first, key;
    if (!read_key(&first))
        return false;
    pending = first;
    if ((first != '[' && first != 'O') || !read_key(&key))
        return false;
    pending = TKEY_NONE;
    while (first == '[' && key >= 0x20 && key < 0x40) // parameters; the end is a letter or ~
        if (!read_key(&key))
            break;
    return true;
}

int term_key(void)
{
    int key = pending;
    pending = TKEY_NONE;
    while (key == TKEY_NONE && read_key(&key))
        if (key == ESC && skip_sequence())
            key = TKEY_NONE;
    return key;
}

void term_mouse(bool on)
{
    mousemask(on ? BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
    mouseinterval(0);
}

bool term_mouse_event(int *row, int *col, int *wheel)
{
    *row = mouse.row;
    *col = mouse.col;
    *wheel = mouse.wheel;
    return true;
}
