// SPDX-License-Identifier: MIT
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "src/conf/settings.h"
#include "src/data/dataset.h"
#include "src/data/split.h"
#include "src/search/search.h"
#include "src/space/space.h"

typedef struct Objective Objective;

// Everything a search or a retraining needs, opened from settings and a space script.
typedef struct {
    Settings settings; // resolved: data.name, data.path and data.hash filled in
    Space *space;
    Dataset *data;
    Split split;
    Objective *objective; // NULL: validation accuracy
} Session;

// Applies the space's defaults between the built-in ones and `user` (called with the settings to
// apply -c, --set and flags; may be NULL). script_dir: where the script's `require` also looks.
typedef struct {
    const char *space_path;
    const char *lua_dir; // NULL: beside the script
    Status (*user)(void *self, Settings *settings, Error *err);
    void *self;
    bool unseal; // with the test part: retraining only
} SessionRequest;
Status session_open(const SessionRequest *request, Session *session, Error *err);
void session_close(Session *session);

// Feeds and options of a search over the session, without sink, seed streams and stop flag.
void session_context(const Session *session, SearchContext *context);
void session_retrain_feeds(const Session *session, FeedOptions *train, FeedOptions *test);
void session_retrain_options(const Session *session, RetrainOptions *options);
// Where a bare space name is looked for: ./spaces, then the share directory; a path stays.
Status session_find_space(const char *name, char *path, Error *err);

#endif
