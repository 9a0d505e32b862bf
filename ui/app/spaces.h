// SPDX-License-Identifier: MIT
#ifndef UI_APP_SPACES_H
#define UI_APP_SPACES_H

#include <limits.h>

#include "src/base/err.h"
#include "ui/view/view.h"

// The search spaces that the workbench lists: ./spaces, then the share directory, whose are hidden
// by own ones of the same name.
enum { SPACES_MOST = 128 };

typedef struct {
    ViewSpace item[SPACES_MOST];
    int n;
} Spaces;

void spaces_scan(Spaces *s);
void spaces_path(const ViewSpace *space, char path[PATH_MAX]);
// Path of a script that may be edited: a shipped one is copied to ./spaces first.
Status spaces_own(const ViewSpace *space, char path[PATH_MAX], Error *err);

#endif
