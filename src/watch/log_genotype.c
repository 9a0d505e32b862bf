// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/str.h"
#include "src/watch/log.h"

// Genotypes as programs of the family print them, rewritten to the two forms that src/arch reads:
//
//   {'normal': [(('sep_conv_3x3', 0), ('skip_connect', 1)), ...], 'normal_concat': [2, 3], ...}
//                                                AutoDL-Projects on the DARTS space
//   Genotype(normal=[('sep_conv_3x3', 2, 0), ...], ...)    FairDARTS: operator, node, source; any
//                                                          number of genes a node
//   Genotype(recurrent=[('tanh', 0), ...], concat=range(1, 9))   recurrent cells: a gene a node
//   [('skip_connect', 0), ('none', 0), ('none', 1), ...]         a cell of NAS-Bench-201
//   [('sep_conv_3x3', 0), ...]                                   a normal cell

enum { GENES = 64 };

typedef struct {
    char op[GENO_NAME];
    int number[2], n_numbers;
} Gene;

static const char *blanks(const char *at)
{
    return at + strspn(at, " \t");
}

// ('op', 1) or ('op', 2, 0): the place after it, NULL if it is none.
static const char *gene_read(const char *at, Gene *gene)
{
    *gene = (Gene){ .n_numbers = 0 };
    if (*at != '(' && *at != '[')
        return NULL;
    at = blanks(at + 1);
    char quote = *at;
    if (quote != '\'' && quote != '"')
        return NULL;
    size_t n = strcspn(at + 1, "'\"");
    if (!n || n >= GENO_NAME || at[1 + n] != quote)
        return NULL;
    snprintf(gene->op, sizeof gene->op, "%.*s", (int)n, at + 1);
    at = blanks(at + n + 2);
    while (*at == ',' && gene->n_numbers < 2) {
        at = scan_int(at + 1, &gene->number[gene->n_numbers++]);
        if (!at)
            return NULL;
        at = blanks(at);
    }
    return *at == ')' || *at == ']' ? at + 1 : NULL;
}

// [gene, gene, ...]: how many, and the place after the list in *end; -1 if it is no such list.
static int genes_read(const char *at, Gene *genes, const char **end)
{
    int n = 0;
    if (*at != '[')
        return -1;
    for (at = blanks(at + 1); *at != ']'; at = blanks(at)) {
        if (n == GENES || !(at = gene_read(at, &genes[n])))
            return -1;
        n++;
        at = blanks(at);
        if (*at == ',')
            at = blanks(at + 1);
        else if (*at != ']')
            return -1;
    }
    *end = at + 1;
    return n;
}

// ---- rewriting ----------------------------------------------------------------------------------

// Python's dict to the call, tuples of tuples to lists of them.
static bool rewrite_dict(const char *text, Str *out)
{
    bool list[16];
    int depth = 0;
    for (const char *at = text; *at; at++) {
        size_t word = *at == '\'' || *at == '"' ? strcspn(at + 1, "'\"") : 0;
        if (word && at[1 + word] == *at && *blanks(at + word + 2) == ':') {
            str_addf(out, "%.*s=", (int)word, at + 1);
            at = blanks(at + word + 2);
        } else if (*at == '{') {
            str_add(out, "Genotype(");
        } else if (*at == '}') {
            str_addc(out, ')');
            return depth == 0;
        } else if (*at == '(') {
            if (depth == 16)
                return false;
            list[depth] = *blanks(at + 1) == '(';
            str_addc(out, list[depth++] ? '[' : '(');
        } else if (*at == ')') {
            if (!depth)
                return false;
            str_addc(out, list[--depth] ? ']' : ')');
        } else {
            str_addc(out, *at);
        }
    }
    return false;
}

// Genes by node, as lists of lists: those with a node of their own, or one after the other.
static void put_nested(Str *out, const Gene *genes, int n, int last)
{
    bool named = genes[0].n_numbers == 2;
    int first = 2, at = 0;
    for (int i = 0; i < n; i++)
        last = named && genes[i].number[0] > last ? genes[i].number[0] : last;
    int nodes = named ? last - first + 1 : n;
    str_addc(out, '[');
    for (int node = 0; node < nodes && node < GENES; node++) {
        str_add(out, node ? ", [" : "[");
        int put = 0;
        for (int i = named ? 0 : at; i < (named ? n : at + 1); i++) {
            if (named && genes[i].number[0] != first + node)
                continue;
            str_addf(out, "%s('%s', %d)", put++ ? ", " : "", genes[i].op,
                     genes[i].number[named ? 1 : 0]);
        }
        str_addc(out, ']');
        at++;
    }
    str_addc(out, ']');
}

// The last node that is joined, as range(2, 6) says: nodes after the last gene are empty.
static int last_node(const char *text)
{
    int first, end;
    const char *at = strstr(text, "range(");
    if (!at || !(at = scan_int(at + 6, &first)) || *blanks(at) != ',' ||
        !scan_int(blanks(at) + 1, &end) || end > 16)
        return 0;
    return end - 1;
}

// Lists of triples, and those of recurrent cells, to nested lists; the rest stays.
static void rewrite_lists(const char *text, Str *out)
{
    bool recurrent = strstr(text, "recurrent=") != NULL;
    for (const char *at = text; *at;) {
        Gene genes[GENES];
        const char *end;
        int n = genes_read(at, genes, &end);
        if (n > 0 && (recurrent || genes[0].n_numbers == 2)) {
            put_nested(out, genes, n, last_node(text));
            at = end;
        } else if (recurrent && str_starts(at, "concat=")) {
            str_add(out, "recurrent_concat=");
            at += strlen("concat=");
        } else {
            str_addc(out, *at++);
        }
    }
}

static bool is_bench_201(const Gene *genes, int n)
{
    static const int source[] = { 0, 0, 1, 0, 1, 2 };
    for (int i = 0; i < n && i < 6; i++)
        if (genes[i].n_numbers != 1 || genes[i].number[0] != source[i])
            return false;
    return n == 6;
}

// A list by itself.
static bool rewrite_bare(const char *text, Str *out)
{
    Gene genes[GENES];
    const char *end;
    int n = genes_read(text, genes, &end);
    if (n < 2)
        return false;
    if (!is_bench_201(genes, n)) {
        str_addf(out, "Genotype(normal=%.*s)", (int)(end - text), text);
        return true;
    }
    for (int i = 0; i < n; i++) {
        bool opens = i == 0 || i == 1 || i == 3;
        str_addf(out, "%s%s~%d|", opens ? (i ? "+|" : "|") : "", genes[i].op, genes[i].number[0]);
    }
    return true;
}

bool log_genotype_read(const char *text, Genotype *out)
{
    Str other = { 0 };
    if (genotype_parse(text, out, NULL, NULL) == STATUS_OK)
        return true;
    bool rewritten = true;
    if (*text == '{')
        rewritten = rewrite_dict(text, &other);
    else if (*text == '[')
        rewritten = rewrite_bare(text, &other);
    else
        rewrite_lists(text, &other);
    bool read = rewritten && !other.failed && other.text &&
                genotype_parse(other.text, out, NULL, NULL) == STATUS_OK;
    str_fini(&other);
    return read;
}
