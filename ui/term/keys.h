// SPDX-License-Identifier: MIT
#ifndef UI_TERM_KEYS_H
#define UI_TERM_KEYS_H

// Decoding of keys, behind term_key. Needs a started screen; call once after initscr.
void keys_start(void);

#endif
