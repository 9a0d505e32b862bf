// SPDX-License-Identifier: MIT
#ifndef UI_DRAW_UTF8_H
#define UI_DRAW_UTF8_H

#include <stdint.h>

// UTF-8 by hand, independent of the locale: the same text takes the same columns everywhere.

// Decodes one code point and moves *text behind it; a byte that is not UTF-8 gives '?' and moves
// by one. At the end of the text: 0, and *text stays.
uint32_t utf8_next(const char **text);
// Encodes into out (NUL added); returns bytes, 1..4.
int utf8_encode(uint32_t ch, char out[5]);
// Columns of a code point: 0 for combining marks, 2 for wide ones, else 1. Control characters
// count 1 (they are drawn as '?').
int utf8_width(uint32_t ch);
int utf8_cols(const char *text); // columns of a whole text

#endif
