// SPDX-License-Identifier: MIT
#ifndef TESTS_ENGINE_NET_TEXT_H
#define TESTS_ENGINE_NET_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "tests/engine/nets.h"

// Graphs as text, so that C and PyTorch (tests/reference/make_goldens.py) build the same network:
//   input H W C
//   table NAME ROWS COLS
//   KIND NAME in=0,3 key=value ...      (mix: shape=h:w:c refs=table:row:col,...)

typedef struct {
    const char *key;
    size_t at;
    bool real;
} AttrKey;

#define KEY(field)                                                                                 \
    {                                                                                              \
#field, offsetof(LayerAttr, field), false                                                  \
    }
#define REAL_KEY(field)                                                                            \
    {                                                                                              \
#field, offsetof(LayerAttr, field), true                                                   \
    }
static const AttrKey attr_keys[] = { KEY(channels),    KEY(kernel),        KEY(stride),
                                     KEY(pad),         KEY(dilation),      KEY(groups),
                                     KEY(bias),        KEY(affine),        KEY(count_pad),
                                     KEY(replace),     KEY(heads),         KEY(slice_from),
                                     REAL_KEY(eps),    REAL_KEY(momentum), REAL_KEY(rate),
                                     REAL_KEY(weight), REAL_KEY(smoothing) };
enum { ATTR_KEYS = sizeof attr_keys / sizeof *attr_keys };

static inline void write_attr(FILE *f, const LayerAttr *a)
{
    for (int i = 0; i < ATTR_KEYS; i++) {
        const char *at = (const char *)a + attr_keys[i].at;
        float real;
        int whole;
        memcpy(&real, at, sizeof real);
        memcpy(&whole, at, sizeof whole);
        if (attr_keys[i].real && real != 0)
            fprintf(f, " %s=%.9g", attr_keys[i].key, (double)real);
        if (!attr_keys[i].real && whole != 0)
            fprintf(f, " %s=%d", attr_keys[i].key, whole);
    }
}

static inline void write_node(FILE *f, const Graph *g, int node)
{
    const int *in;
    int n = graph_inputs(g, node, &in);
    const LayerAttr *a = graph_attr(g, node);
    fprintf(f, "%s %s", layer_name(a->kind), graph_name(g, node));
    for (int i = 0; i < n; i++)
        fprintf(f, "%s%d", i ? "," : " in=", in[i]);
    write_attr(f, a);
    if (a->kind == LAYER_MIX) {
        Shape s = graph_shape(g, node);
        const MixRef *r = graph_mix_refs(g, node);
        fprintf(f, " shape=%d:%d:%d", s.h, s.w, s.c);
        for (int i = 0; i < n; i++)
            fprintf(f, "%s%d:%d:%d", i ? "," : " refs=", r[i].table, r[i].row, r[i].col);
    }
    fprintf(f, "\n");
}

static inline void write_net(FILE *f, const Graph *g)
{
    Shape in = graph_shape(g, 0);
    fprintf(f, "input %d %d %d\n", in.h, in.w, in.c);
    for (int t = 0; t < graph_tables(g); t++) {
        int rows, cols;
        graph_table_size(g, t, &rows, &cols);
        fprintf(f, "table %s %d %d\n", graph_table_name(g, t), rows, cols);
    }
    for (int i = 1; i < graph_count(g); i++)
        write_node(f, g, i);
}

enum { TEXT_INPUTS = 256 };

typedef struct {
    LayerAttr attr;
    Shape shape;
    int in[TEXT_INPUTS], n;
    MixRef ref[TEXT_INPUTS];
} TextLine;

static inline void read_refs(TextLine *line, char *text)
{
    int i = 0;
    for (char *p = strtok(text, ","); p; p = strtok(NULL, ","), i++) {
        MixRef *r = &line->ref[i];
        assert_int_equal(sscanf(p, "%d:%d:%d", &r->table, &r->row, &r->col), 3);
    }
}

static inline void read_word(TextLine *line, char *word)
{
    char *value = strchr(word, '=');
    assert_non_null(value);
    *value++ = '\0';
    if (strcmp(word, "in") == 0) {
        for (char *p = value; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
            line->in[line->n++] = atoi(p);
    } else if (strcmp(word, "shape") == 0) {
        Shape *s = &line->shape;
        assert_int_equal(sscanf(value, "%d:%d:%d", &s->h, &s->w, &s->c), 3);
    } else if (strcmp(word, "refs") == 0) {
        read_refs(line, value);
    }
    for (int i = 0; i < ATTR_KEYS; i++) {
        float real = (float)atof(value);
        int whole = atoi(value);
        if (strcmp(word, attr_keys[i].key) == 0)
            memcpy((char *)&line->attr + attr_keys[i].at,
                   attr_keys[i].real ? (void *)&real : (void *)&whole, sizeof real);
    }
}

static inline void read_line(Graph **g, char *text)
{
    static TextLine line;
    Error err = { 0 };
    char *words[64], *rest = text;
    int n = 0;
    for (char *w; n < 64 && (w = strsep(&rest, " \n")) != NULL;)
        if (*w)
            words[n++] = w;
    if (n == 0 || words[0][0] == '#')
        return;
    if (strcmp(words[0], "input") == 0) {
        *g = graph_new((Shape){ atoi(words[1]), atoi(words[2]), atoi(words[3]) });
        return;
    }
    if (strcmp(words[0], "table") == 0) {
        graph_add_table(*g, words[1], atoi(words[2]), atoi(words[3]), &err);
        return;
    }
    memset(&line, 0, sizeof line);
    line.attr.kind = (LayerKind)layer_kind(words[0]);
    for (int i = 2; i < n; i++)
        read_word(&line, words[i]);
    int node = line.attr.kind == LAYER_MIX
                   ? graph_add_mix(*g, words[1], line.shape, line.in, line.ref, line.n, &err)
                   : graph_add(*g, words[1], &line.attr, line.in, line.n, &err);
    if (node < 0)
        fail_msg("%s: %s", words[1], err.msg);
}

static inline Graph *read_net(const char *path)
{
    static char text[16384];
    Graph *g = NULL;
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    while (fgets(text, sizeof text, f))
        read_line(&g, text);
    fclose(f);
    return g;
}

#endif
