// SPDX-License-Identifier: MIT
#ifndef WATCH_TAGS_H
#define WATCH_TAGS_H

#include <stdbool.h>

#include "src/arch/arch.h"

// What the tags of event files mean.

typedef enum {
    TAG_OTHER,
    TAG_TRAIN_ACC,
    TAG_TRAIN_LOSS,
    TAG_VALID_ACC,
    TAG_VALID_LOSS,
    TAG_TEST_ACC,
    TAG_LR,
    TAG_KINDS
} TagKind;

// "train/top1", "Accuracy/val", "valid_acc", "train/lr": by the words in it. *error: the value is
// an error rate.
TagKind tag_kind(const char *tag, bool *error);

// Matches a tag with a pattern in which {cell}, {edge} and {op} stand for parts of it:
// "alpha/{cell}" for tables, "alpha/{cell}/{edge}/{op}" for numbers. edge and op are -1 where the
// pattern has none; op_name is set if the part is not a number.
typedef struct {
    char cell[GENO_NAME], op_name[GENO_NAME];
    int edge, op;
} TagAlpha;
bool tag_match(const char *pattern, const char *tag, TagAlpha *out);
// With the pattern of the user, else the usual ones.
bool tag_alpha(const char *pattern, const char *tag, TagAlpha *out);

#endif
