// SPDX-License-Identifier: MIT
#include "src/watch/tags.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool has(const char *tag, const char *word)
{
    return strcasestr(tag, word) != NULL;
}

// As a word of its own: not inside another one.
static bool has_word(const char *tag, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = tag; (at = strcasestr(at, word)); at++)
        if ((at == tag || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[n]))
            return true;
    return false;
}

TagKind tag_kind(const char *tag, bool *error)
{
    // Lightning writes batches beside epochs
    size_t n = strlen(tag);
    if (n > 5 && strcmp(tag + n - 5, "_step") == 0) {
        *error = false;
        return TAG_OTHER;
    }
    bool valid = has(tag, "valid") || has_word(tag, "val") || has_word(tag, "eval");
    bool train = !valid && has(tag, "train");
    bool test = !valid && !train && has(tag, "test");
    bool loss = has(tag, "loss") || has_word(tag, "obj") || has_word(tag, "objs");
    *error = has_word(tag, "err") || has(tag, "error");
    bool five = has(tag, "top5") || has(tag, "acc5") || has(tag, "top_5") || has(tag, "@5") ||
                has(tag, "top 5") || has(tag, "top-5");
    bool acc =
        !loss && !five && (has(tag, "acc") || has(tag, "top1") || has(tag, "prec") || *error);
    if (has_word(tag, "lr") || has(tag, "learning_rate"))
        return TAG_LR;
    if (train)
        return loss ? TAG_TRAIN_LOSS : acc ? TAG_TRAIN_ACC : TAG_OTHER;
    if (valid)
        return loss ? TAG_VALID_LOSS : acc ? TAG_VALID_ACC : TAG_OTHER;
    return test && acc ? TAG_TEST_ACC : TAG_OTHER;
}

// ---- patterns -----------------------------------------------------------------------------------

static void put_part(TagAlpha *out, char which, const char *part, size_t n)
{
    int number = 0;
    bool numeric = n > 0 && n < 5;
    for (size_t i = 0; i < n && numeric; i++) {
        numeric = isdigit((unsigned char)part[i]) != 0;
        number = numeric ? number * 10 + (part[i] - '0') : 0;
    }
    if (which == 'c') {
        bool reduce = (n == 6 && strncasecmp(part, "reduce", 6) == 0) ||
                      (n == 9 && strncasecmp(part, "reduction", 9) == 0);
        snprintf(out->cell, sizeof out->cell, "%.*s", reduce ? 9 : (int)(n < 31 ? n : 31),
                 reduce ? "reduction" : part);
    } else if (which == 'e') {
        out->edge = numeric ? number : -2;
    } else if (numeric) {
        out->op = number;
    } else {
        out->op = -2;
        snprintf(out->op_name, sizeof out->op_name, "%.*s", (int)(n < 31 ? n : 31), part);
    }
}

// Length of "{cell}", "{edge}" or "{op}" at the beginning, 0 if it is none of them.
static size_t place_length(const char *pattern)
{
    static const char *const places[] = { "{cell}", "{edge}", "{op}" };
    for (int i = 0; i < 3; i++)
        if (strncmp(pattern, places[i], strlen(places[i])) == 0)
            return strlen(places[i]);
    return 0;
}

bool tag_match(const char *pattern, const char *tag, TagAlpha *out)
{
    *out = (TagAlpha){ .edge = -1, .op = -1 };
    while (*pattern) {
        size_t place = place_length(pattern);
        if (!place) {
            if (*pattern++ != *tag++)
                return false;
            continue;
        }
        char which = pattern[1];
        pattern += place;
        // a part ends where the next letter of the pattern stands
        size_t n = 0;
        while (tag[n] && tag[n] != *pattern)
            n++;
        if (!n || (*pattern && !tag[n]))
            return false;
        put_part(out, which, tag, n);
        tag += n;
    }
    return !*tag && out->edge != -2;
}

bool tag_alpha(const char *pattern, const char *tag, TagAlpha *out)
{
    static const char *const usual[] = {
        "alpha/{cell}",
        "alphas/{cell}",
        "alpha_{cell}",
        "alphas_{cell}",
        "arch/{cell}",
        "alpha/{cell}/{edge}/{op}",
        "alphas/{cell}/{edge}/{op}",
        "arch/{cell}/{edge}/{op}",
    };
    if (pattern)
        return tag_match(pattern, tag, out);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (tag_match(usual[i], tag, out) && !strchr(out->cell, '/'))
            return true;
    return false;
}
