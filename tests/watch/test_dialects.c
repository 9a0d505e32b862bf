// SPDX-License-Identifier: MIT
// Logs in the forms of public programs, made up here: what each of them says in its own way.
#include "src/base/str.h"
#include "tests/watch/logs.h"

#define GENES(a, b)                                                                                \
    "[('" a "', 0), ('" b "', 1), ('" a "', 0), ('sep_conv_3x3', 2), ('sep_conv_3x3', 0), "        \
    "('sep_conv_5x5', 1), ('dil_conv_3x3', 2), ('sep_conv_3x3', 3)]"
#define GENO(a, b)                                                                                 \
    "Genotype(normal=" GENES(a, b) ", normal_concat=range(2, 6), reduce=" GENES(                   \
        "max_pool_3x3", "skip_connect") ", reduce_concat=range(2, 6))"

static const ModelRun *read_str(Str *text)
{
    assert_false(text->failed);
    read_with(&log_reader, NULL, text->text, text->len, &model);
    str_fini(text);
    return model.n ? model.runs[0] : NULL;
}

static double p_at(const ModelRun *run, const char *cell, int epoch, int at)
{
    const AlphaLook *look = model_look(run, model_cell_index(run, cell), epoch);
    return look && look->epoch == epoch ? look->p[at] : NAN;
}

// A table as torch prints it, one column ahead of the others.
static void add_table(Str *out, int rows, int cols, int lead, const char *tail)
{
    str_add(out, "tensor([");
    for (int r = 0; r < rows; r++) {
        str_add(out, r ? "        [" : "[");
        for (int k = 0; k < cols; k++)
            str_addf(out, "%s%.4f", k ? ", " : "", k == lead ? 0.5 : 0.5 / (cols - 1));
        str_add(out, r + 1 < rows ? "],\n" : "]]");
    }
    str_addf(out, "%s)", tail);
}

#define ACC(run, e, train, valid)                                                                  \
    do {                                                                                           \
        assert_int_equal((run)->rows[e].epoch, e);                                                 \
        assert_true(near((run)->rows[e].train_acc, train, 1e-9));                                  \
        assert_true(near((run)->rows[e].valid_acc, valid, 1e-9));                                  \
    } while (0)

static void stages_are_told_by_the_switches(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "args = Namespace(epochs=2, layers=5, note='try', seed=2)\n");
    for (int stage = 0; stage < 3; stage++) {
        str_add(&text, "param size = 1.3MB\n");
        for (int e = 0; e < 2; e++)
            str_addf(&text,
                     "Epoch: %d lr: 2.5e-02\nTRAIN Step: 000 Objs: 2.1e+00 R1: 9.0 R5: 50.0\n"
                     "Train_acc %d\nEpoch time: 93s\nvalid 000 1.9e+00 40 90\nValid_acc %d\n",
                     e, 10 * stage + e, 20 + stage);
        str_add(&text,
                "switches_normal = [[True, False], [False, True]]\n['none', 'max_pool_3x3']\n"
                "switches_reduce = [[True, False], [False, True]]\n['skip_connect']\n");
    }
    str_add(&text, GENO("skip_connect", "skip_connect") "\nRestricting skipconnect...\n"
                                                        "Number of skip-connect: 0\n" GENO(
                                                            "sep_conv_3x3", "sep_conv_3x3") "\n");
    const ModelRun *run = read_str(&text);
    assert_int_equal(model.n, 1);
    assert_string_equal(model.dialect, "p-darts");
    assert_int_equal(run->n_rows, 6);
    assert_int_equal(run->epochs, 6);
    assert_true(run->complete);
    ACC(run, 3, 0.11, 0.21);
    assert_true(near(run->rows[0].train_loss, 2.1, 1e-9));
    assert_int_equal(run->cells[0].n_genos, 1);
    assert_int_equal(skips_at(run, "normal", 5), 3);
    assert_int_equal(model.skipped_lines, 0);
}

static void genes_with_their_node_may_leave_nodes_out(void **state)
{
    (void)state;
    const ModelRun *run = read_text(
        "epoch 0 lr 5e-03\ngenotype = Genotype(normal=[('skip_connect', 2, 0), ('sep_conv_3x3', 2, "
        "1), ('skip_connect', 4, 3)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 5, 0), "
        "('sep_conv_3x3', 5, 1)], reduce_concat=range(2, 6))\n"
        "train 000 loss: 2.0e+00 top1: 12.0 top5: 50.0\nval cls_loss 2.1e+00; spe_loss -2.0e-01\n"
        "train_acc 30\nvalid 000 2.0e+00 12 50\nvalid_acc 35\n"
        "save checkpoint (epoch 0) in ./logs  dur_time: 1h\n");
    assert_string_equal(model.dialect, "fairdarts");
    assert_int_equal(skips_at(run, "normal", 0), 2);
    const GenoRow *row = model_geno(run, model_cell_index(run, "normal"), 0);
    assert_int_equal(row->geno.n_edges, 3);
    assert_int_equal(row->geno.edges[2].to, 4);
    assert_int_equal(row->geno.edges[2].from, 3);
    assert_int_equal(model.skipped_lines, 0);
}

static void an_evaluation_and_its_cell_may_share_a_line(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text,
            "rand_seed        : 777\n./configs/DARTS.config\nConfigure(LR=0.025, epochs=2, "
            "xshape=(1, 3, 32, 32))\nsearch-model :\nNetwork(\n  (stem): Sequential(\n    "
            "(0): Conv2d(3, 16, bias=False)\n  )\n)\n[2021-03-15-10:00:00] create API done\n");
    for (int e = 0; e < 2; e++)
        str_addf(
            &text,
            "\n[Search the %03d-002-th epoch] Time Left: [00:10:00], LR=0.02\n"
            "*SEARCH* [2021-03-15-10:%02d:00] [%03d-002][000/391] Time 1.00\n"
            "[%03d-002] search [base] : loss=2.00, accuracy@1=3%d.00%%, accuracy@5=90.00%%\n"
            "[%03d-002] search [arch] : loss=2.00, accuracy@1=11.00%%, accuracy@5=90.00%%\n"
            "[%03d-002] - [get_best_arch] : Structure(4 nodes with |none~0|) -> 12.0\n"
            "[%03d-002] evaluate : loss=1.80, accuracy@1=4%d.00%%, accuracy@5=95.00%% | "
            "Structure(4 nodes with |none~0|)\n"
            "<<<--->>> The %03d-002-th epoch : Structure(4 nodes with |skip_connect~0|+|none~0|"
            "none~1|+|none~0|none~1|skip_connect~2|)\n",
            e, 5 * e, e, e, e, e, e, e, e, e);
    const ModelRun *run = read_str(&text);
    ACC(run, 0, 0.30, 0.40);
    ACC(run, 1, 0.31, 0.41);
    assert_int_equal(run->seed, 777);
    assert_int_equal(run->epochs, 2);
    assert_int_equal(skips_at(run, "cell", 1), 2);
    assert_int_equal(run->cells[0].n_genos, 2);
    assert_true(near(run->rows[0].seconds, 300, 1e-6));
    assert_int_equal(model.skipped_lines, 0);
}

static void genotypes_may_be_dicts(void **state)
{
    (void)state;
    const ModelRun *run = read_text(
        "[Search the 000-001-th epoch] Time Left: [], tau=9.8, LR=0.02\n"
        "[000-001] searching : loss=2.00, accuracy@1=30.00%, accuracy@5=90.00%\n"
        "[000-001] evaluate  : loss=2.00, accuracy@1=40.00%, accuracy@5=90.00%\n"
        "<<<--->>> The 000-001-th epoch : {'normal': [(('skip_connect', 0), ('none', 1)), "
        "(('skip_connect', 1), ('sep_conv_3x3', 2))], 'normal_concat': [2, 3], 'reduce': "
        "[(('max_pool_3x3', 0), ('max_pool_3x3', 1))], 'reduce_concat': [2]}\n");
    assert_int_equal(skips_at(run, "normal", 0), 2);
    assert_int_equal(skips_at(run, "reduction", 0), 0);
    ACC(run, 0, 0.30, 0.40);
}

static void a_cell_of_bench_201_may_be_a_list(void **state)
{
    (void)state;
    const ModelRun *run =
        read_text("epoch 0 lr 2.5e-02\nepoch 0 epsilon_alpha 3.0e-02\n"
                  "genotype = [('skip_connect', 0), ('avg_pool_3x3', 0), ('nor_conv_1x1', 1), "
                  "('nor_conv_1x1', 0), ('skip_connect', 1), ('none', 2)]\n"
                  "train_acc 40\nvalid_acc 41\n");
    assert_string_equal(run->cells[0].shape.name, "cell");
    assert_int_equal(skips_at(run, "cell", 0), 2);
    assert_int_equal(run->cells[0].genos[0].parameter_free, 4);
}

static void decisions_of_edges_are_passed_over(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "total epochs: 2\nnormal_selected_idxs: tensor([-1, -1, -1],\n       "
                   "device='cuda:0', dtype=torch.int32)\n");
    for (int e = 0; e < 2; e++) {
        str_addf(&text, "epoch %d lr 2.5e-02\ntrain_acc 3%d\nvalid_acc 4%d\n", e, e, e);
        for (int c = 0; c < 2; c++) {
            add_table(&text, 14, 8, 4, "");
            str_addf(&text,
                     "\n############################## Not a Decision Epoch "
                     "##############################\nepoch %d, normal_selected_idxs tensor([-1, "
                     "-1, -1],\n       device='cuda:0', dtype=torch.int32)\nnormal_candidate_flags "
                     "tensor([True, True,\n        False], device='cuda:0')\n",
                     e);
        }
        str_add(&text, "post_valid_acc 12\ngenotype = " GENO("skip_connect", "sep_conv_3x3") "\n");
    }
    const ModelRun *run = read_str(&text);
    assert_string_equal(model.dialect, "sgas");
    assert_int_equal(run->epochs, 2);
    ACC(run, 1, 0.31, 0.41);
    assert_int_equal(skips_at(run, "normal", 1), 2);
    assert_true(near(p_at(run, "reduction", 1, 4), 0.5, 1e-6));
    assert_int_equal(model.skipped_lines, 0);
}

static void eigenvalues_in_the_log_are_used(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 3; e++) {
        str_addf(&text,
                 "epoch %d lr 2.5e-02\ngenotype = " GENO("skip_connect", "max_pool_3x3") "\n", e);
        for (int c = 0; c < 2; c++) { // softmax and, after it on the same line, what goes into it
            add_table(&text, 14, 8, 3, ", grad_fn=<SoftmaxBackward>");
            str_add(&text, " ");
            add_table(&text, 14, 8, 5, ", requires_grad=True");
            str_add(&text, "\n");
        }
        str_addf(&text, "Epoch %d: CURRENT MAX EV: (0.2%d+0j)\nCURRENT EV: 0.2%d\ntrain_acc 3%d\n",
                 e, e, e, e);
    }
    const ModelRun *run = read_str(&text);
    assert_int_equal(run->n_lambdas, 3);
    assert_true(near(run->lambdas[2].lambda_max, 0.22, 1e-9));
    assert_true(near(p_at(run, "normal", 2, 3), 0.5, 1e-6));
    assert_true(near(p_at(run, "reduction", 2, 3), 0.5, 1e-6));
    assert_int_equal(run->n_rows, 3);
}

static void a_roll_back_takes_epochs_back(void **state)
{
    (void)state;
    const ModelRun *run = read_text(
        "STARTING ITERATION: 1\nEPOCHS TO TRAIN: 3\nEPOCH 0 SKIP BETA DECAY RATE: 1.0e+00\n"
        "epoch 0 lr 0.02\ntrain_acc 10\nvalid_acc 20\ngenotype = " GENO(
            "sep_conv_3x3",
            "sep_conv_3x3") "\nepoch 1 lr 0.02\ntrain_acc 11\nvalid_acc 21\n"
                            "genotype = " GENO(
                                "skip_connect",
                                "skip_connect") "\n"
                                                "(ADA) Rolling back to epoch 0\n(ADA) Validation "
                                                "accuracy at stop epoch: 20\n(ADA) Genotype at "
                                                "stop "
                                                "epoch: " GENO(
                                                    "skip_connect",
                                                    "skip_connect") "\n"
                                                                    "EPOCHS TO TRAIN: 2\nEPOCH 1 "
                                                                    "SKIP BETA DECAY RATE: 1\n"
                                                                    "epoch 1 lr 0.02\ntrain_acc "
                                                                    "12\nvalid_acc 22\n"
                                                                    "genotype = " GENO(
                                                                        "sep_conv_3x3",
                                                                        "skip_connect") "\n");
    assert_int_equal(model.n, 1);
    ACC(run, 1, 0.12, 0.22);
    assert_int_equal(run->cells[0].n_genos, 2);
    assert_int_equal(skips_at(run, "normal", 1), 1);
    assert_int_equal(model.skipped_lines, 0);
}

static void prefixes_of_loggers_are_taken_off(void **state)
{
    (void)state;
    static const char *const prefixes[] = {
        "2021-03-15 10:00:00.123 | INFO     | __main__:main:12 - ",
        "[2021-03-15 10:00:00,123][root][INFO] - ",
        "2021-03-15 10:00:00,123 - nas.search - INFO - ",
        "2021-03-15T10:00:00.123456Z INFO ",
        "I0315 10:00:00.123456 4711 train_search.py:12] ",
        "[03/15 10:00:00 nl.defaults.trainer]: ",
        "INFO:nas.search:",
        "10:00:00 INFO ",
        "(RayWorker pid=12) ",
        "[1,0]<stdout>:",
        "\033[32m[2021-03-15 10:00:00]\033[0m INFO (darts.trainer/MainThread) ",
        "",
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        Str text = { 0 };
        for (int e = 0; e < 2; e++)
            str_addf(&text,
                     "%sepoch %d lr 2.5e-02\n%sgenotype = " GENO(
                         "skip_connect", "none") "\n%strain_acc 3%d\n%svalid_acc 4%d\n",
                     prefixes[i], e, prefixes[i], prefixes[i], e, prefixes[i], e);
        const ModelRun *run = read_str(&text);
        if (model.n != 1 || run->n_rows != 2 || model.skipped_lines)
            fail_msg("prefix '%s'", prefixes[i]);
        ACC(run, 1, 0.31, 0.41);
        assert_int_equal(skips_at(run, "normal", 1), 2);
        model_free(&model);
    }
}

static void an_epoch_may_be_one_line(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 1; e <= 5; e++)
        str_addf(&text,
                 "Epoch %d/5 - lr: 0.02 - train_loss: 1.%d - train_acc: 0.3%d - val_loss: 1.9 - "
                 "val_acc: 0.4%d - time: 61.2s\n",
                 e, e, e, e);
    const ModelRun *run = read_str(&text);
    assert_true(run->complete);
    ACC(run, 0, 0.31, 0.41);
    ACC(run, 4, 0.35, 0.45);
    assert_true(near(run->rows[4].train_loss, 1.5, 1e-9));
    model_free(&model);
    run = read_text("Epoch [1/2] lr=0.02\nTrain Loss: 2.0, Train Acc: 0.81%\n"
                    "Val Loss: 1.9, Val Acc: 0.92%\nEpoch [2/2] lr=0.02\nTrain Acc: 0.95%\n"
                    "Val Acc: 0.99%\n");
    ACC(run, 0, 0.0081, 0.0092);
    model_free(&model);
    Str errors = { 0 };
    for (int e = 0; e < 5; e++)
        str_addf(&errors, "epoch %d lr 0.02\ntrain_err 0.6%d\nvalid_err 0.7%d\n", e, e, e);
    run = read_str(&errors);
    ACC(run, 4, 0.36, 0.26);
}

static void percentages_near_chance_are_no_fractions(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 6; e++)
        str_addf(&text, "epoch %d lr 0.5\ntrain 000 6.9%de+00 0.085 0.6\ntrain_acc 0.09%d\n", e, e,
                 e);
    const ModelRun *run = read_str(&text);
    assert_true(near(run->rows[3].train_acc, 0.00093, 1e-9));
    model_free(&model);
    Str late = { 0 }; // without losses they look like fractions until one is above 1
    for (int e = 0; e < 8; e++)
        str_addf(&late, "epoch %d lr 0.5\ntrain_acc %s\n", e, e < 6 ? "0.5" : "2.5");
    run = read_str(&late);
    assert_true(near(run->rows[3].train_acc, 0.005, 1e-9));
    assert_true(near(run->rows[7].train_acc, 0.025, 1e-9));
}

static void steps_tell_the_accuracy_where_nothing_else_does(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 1; e <= 4; e++)
        str_addf(&text,
                 "Epoch [%d/4] Step [1/196]  acc1 0.1 (0.100000)  loss 2.3 (2.300000)\n"
                 "Epoch [%d/4] Step [196/196]  acc1 0.5 (0.3%d0000)  loss 2.1 (2.%d00000)\n"
                 "Epoch [%d/4] Step [1/79]  acc1 0.2 (0.200000)\n"
                 "Epoch [%d/4] Step [79/79]  acc1 0.6 (0.4%d0000)\n",
                 e, e, e, e, e, e, e);
    const ModelRun *run = read_str(&text);
    assert_string_equal(model.dialect, "nni");
    assert_true(run->complete);
    ACC(run, 0, 0.31, 0.41);
    ACC(run, 3, 0.34, 0.44);
    assert_true(near(run->rows[3].train_loss, 2.4, 1e-9));
    assert_int_equal(run->steps_per_epoch, 196);
    model_free(&model);
    run = read_text("epoch [0/2], train step [190/195], loss [   2.651,    2.155], train metrics "
                    "[accuracy:   20.142,  72.160]\nepoch [0/2], valid step [90/95], valid metrics "
                    "[accuracy:   30.500,  80.160]\nepoch [1/2], train step [190/195], loss [   "
                    "2.0,    1.9], train metrics [accuracy:   40.142,  72.160]\n");
    assert_string_equal(model.dialect, "vega");
    ACC(run, 0, 0.20142, 0.305);
    assert_true(near(run->rows[1].train_loss, 1.9, 1e-9));
}

static void rows_of_weights_by_source_become_cells(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 3; e++) {
        str_add(&text, "Arch weights (alphas, last column argmax): \n");
        for (int row = 0; row < 6; row++) // edges 01 02 03 12 13 23: skip leads on 12
            str_addf(&text, "%+.6f, +0.000000, %+.6f, +0.000000, +0.000000, %d\n",
                     row == 3 ? 2.0 : 0.0, row == 3 ? 0.0 : 2.0, row == 3 ? 0 : 2);
        str_addf(&text,
                 "Epoch %d-0, Train loss: 2.30000, validation loss: 2.29000, learning rate: "
                 "[0.025]\nEpoch %d done. Train accuracy: 3%d.00000, Validation accuracy: "
                 "4%d.00000\n",
                 e, e, e, e);
    }
    const ModelRun *run = read_str(&text);
    assert_string_equal(model.dialect, "naslib");
    ACC(run, 2, 0.32, 0.42);
    assert_true(near(run->rows[0].lr, 0.025, 1e-9));
    assert_int_equal(skips_at(run, "cell", 1), 1);
    const GenoRow *row = model_geno(run, 0, 1);
    assert_string_equal(row->geno.edges[2].op, "skip_connect"); // 1 to 2
    assert_int_equal(row->geno.edges[2].from, 1);
    assert_string_equal(row->geno.edges[3].op, "nor_conv_3x3");
    assert_int_equal(model.skipped_lines, 0);
}

static void numbered_alphas_follow_epochs_from_one(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 1; e <= 2; e++) {
        str_addf(&text,
                 "[%03d-002] Search: Model metrics  : loss=2.00, accuracy@1=3%d.00%%, "
                 "accuracy@5=90.00%%, time-cost=93.7 s\n[%03d-002] Search: Architecture metrics  : "
                 "loss=2.00, accuracy@1=11.00%%, accuracy@5=90.00%%\n[%03d-002] Evaluation:  : "
                 "loss=1.80, accuracy@1=4%d.00%%, accuracy@5=90.00%%\n",
                 e, e, e, e, e);
        for (int c = 0; c < 2; c++) {
            str_addf(&text, "alpha %d is Parameter containing:\n", c);
            add_table(&text, 14, 8, c ? 4 : 3, ", requires_grad=True");
            str_add(&text, "\n");
        }
    }
    const ModelRun *run = read_str(&text);
    assert_string_equal(model.dialect, "confopt");
    assert_true(run->complete);
    ACC(run, 0, 0.31, 0.41);
    assert_int_equal(skips_at(run, "normal", 1), 8);
    assert_int_equal(skips_at(run, "reduction", 1), 0);
}

static void recurrent_cells_have_a_gene_a_node(void **state)
{
    (void)state;
    Str text = { 0 };
    static const char geno[] =
        "Genotype(recurrent=[('tanh', 0), ('relu', 1), ('identity', 2), ('identity', 2), "
        "('identity', 4), ('identity', 3), ('relu', 5), ('relu', 5)], concat=range(1, 9))\n";
    str_addf(&text, "initial genotype:\n%sArgs: Namespace(epochs=2, seed=3, lr=20)\n", geno);
    for (int e = 1; e <= 2; e++) {
        str_add(&text, geno);
        add_table(&text, 36, 5, 4, "");
        str_addf(
            &text,
            "\n| epoch %3d |    50/  112 batches | lr 20.00 | ms/batch 12.50 | loss  6.5%d | "
            "ppl   665.14\n| end of epoch %3d | time: 501.20s | valid loss  6.2%d | valid ppl   "
            "497.70\n",
            e, e, e, e);
    }
    const ModelRun *run = read_str(&text);
    assert_string_equal(model.dialect, "darts-rnn");
    assert_int_equal(model.n, 1);
    assert_int_equal(run->n_rows, 2);
    assert_true(run->complete);
    assert_true(near(run->rows[1].valid_loss, 6.22, 1e-9));
    assert_true(near(run->rows[1].train_loss, 6.52, 1e-9));
    assert_true(near(run->rows[0].seconds, 501.2, 1e-9));
    assert_int_equal(run->n_cells, 1);
    assert_int_equal(run->cells[0].shape.inputs, 1);
    assert_string_equal(run->cells[0].shape.op[4], "identity");
    assert_int_equal(skips_at(run, "recurrent", 1), 4);
}

static void layers_of_a_supernet_count_epochs_too(void **state)
{
    (void)state;
    const ModelRun *run = read_text(
        "03/15 10:00:00 AM | Train: Layer 1/3 Epoch  1/2 Step 000/390 Loss 2.1 Prec@(1,5) (1.6%, "
        "9.4%)\n03/15 10:00:07 AM | Train: Layer 1/3 Epoch  1/2 Final Prec@1 31.0000%\n"
        "03/15 10:00:08 AM | Valid: Layer 1/3 Epoch  1/2 Final Prec@1 41.0000%\n"
        "03/15 10:00:09 AM | genotype = " GENO("skip_connect", "none") "\n");
    ACC(run, 0, 0.31, 0.41);
    assert_int_equal(run->epochs, 2);
    assert_int_equal(skips_at(run, "normal", 0), 2);
}

static void arrays_of_numpy_are_tables(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "epoch 0 lr 2.5e-02\n");
    for (int c = 0; c < 2; c++) {
        str_add(&text, c ? "alphas_reduce = [" : "2021-03-15 10:00:00,1 alphas_normal = [");
        for (int r = 0; r < 14; r++)
            str_addf(&text, "%s[0.05 0.05 0.1 %s 0.1 0.1 0.1 0.1]", r ? "\n " : "",
                     c ? "0.4" : "0.4");
        str_add(&text, "]\n");
    }
    str_add(&text, "train_acc 31\nvalid_acc 41\n");
    const ModelRun *run = read_str(&text);
    assert_true(near(p_at(run, "normal", 0, 3), 0.4, 1e-6));
    assert_int_equal(skips_at(run, "reduction", 0), 8);
    assert_int_equal(model.skipped_lines, 0);
}

static void what_is_no_search_is_said(void **state)
{
    (void)state;
    const ModelRun *run =
        read_text("args = Namespace(arch='DARTS', auxiliary=True, epochs=600, layers=20)\n"
                  "epoch 0 lr 2.5e-02\ntrain_acc 31\nvalid_acc 41\n");
    assert_true(run->retrain);
    assert_non_null(strstr(model.no_search, "trained"));
    model_free(&model);
    read_text("args = Namespace(method='darts-proj', proj_intv=5, epochs=50, resume_epoch=50)\n"
              "starting training at epoch 50\ntrain_acc  99.8\nvalid_acc  89.7\nepoch 0\n"
              "project op\nselected edge: 8 normal\nvalid_acc  89.1\nvalid_loss 0.48\n"
              "best opid: 1\ntrain_acc  99.4\nvalid_acc  88.8\nepoch 1\ntrain_acc  99.5\n"
              "projection finished\ngenotype = " GENO("sep_conv_3x3", "none") "\n");
    assert_non_null(strstr(model.no_search, "DARTS-PT"));
    for (int r = 0; r < model.n; r++) {
        assert_int_equal(model.runs[r]->epoch, -1);
        assert_int_equal(model.runs[r]->n_rows, 0);
    }
}

static void bars_and_wide_characters_are_looked_through(void **state)
{
    (void)state;
    static const char plain[] =
        "epoch 0 lr 0.02\n"
        " 10%|#     | 39/391 [00:10<01:30]\r 20%|##   | 78/391 [00:20<01:20]"
        "\rtrain_acc 31\nvalid_acc 41\n";
    char wide[2 * sizeof plain] = "\xff\xfe";
    const ModelRun *run = read_text(plain);
    ACC(run, 0, 0.31, 0.41);
    assert_int_equal(model.skipped_lines, 0);
    model_free(&model);
    for (size_t i = 0; i + 1 < sizeof plain; i++)
        wide[2 + 2 * i] = plain[i];
    read_with(&log_reader, NULL, wide, 2 * sizeof plain, &model);
    ACC(model.runs[0], 0, 0.31, 0.41);
    assert_int_equal(model.skipped_lines, 0);
}

// Epoch e of a search that is at `acc`: what it writes, a line an item.
static int put_epoch(char (*line)[512], int e, int acc, const char *op)
{
    int n = 0;
    snprintf(line[n++], sizeof *line, "epoch %d lr 2.5e-02", e);
    for (int step = 0; step <= 100; step += 50)
        snprintf(line[n++], sizeof *line, "train %03d 2.0e+00 %d.1 90.0", step, acc);
    snprintf(line[n++], sizeof *line, "train_acc %d", acc);
    for (int step = 0; step <= 100; step += 50)
        snprintf(line[n++], sizeof *line, "valid %03d 2.0e+00 %d.1 90.0", step, acc + 1);
    snprintf(line[n++], sizeof *line, "valid_acc %d", acc + 1);
    snprintf(line[n++], sizeof *line,
             "genotype = Genotype(normal=[('%s', 0), ('sep_conv_3x3', 1)], "
             "normal_concat=range(2, 3))",
             op);
    return n;
}

static void two_searches_that_write_one_file_are_told_apart(void **state)
{
    (void)state;
    static char a[120][512], b[120][512];
    int n_a = 0, n_b = 0, i = 0, j = 0;
    Str text = { 0 };
    for (int e = 0; e < 12; e++)
        n_a += put_epoch(a + n_a, e, 60 + 2 * e, "skip_connect");
    for (int e = 0; e < 6; e++)
        n_b += put_epoch(b + n_b, e, 20 + 2 * e, "dil_conv_3x3");
    for (; i < 45; i++) // four epochs and a half alone
        str_addf(&text, "2021-03-15 10:%02d:%02d,000 %s\n", i / 60, i % 60, a[i]);
    for (int t = i; i < n_a || j < n_b; t += 3) { // then in turns, a little slower than the other
        if (i < n_a)
            str_addf(&text, "2021-03-15 10:%02d:%02d,000 %s\n", t / 60, t % 60, a[i++]);
        if (j < n_b)
            str_addf(&text, "2021-03-15 10:%02d:%02d,500 %s\n", (t + 1) / 60, (t + 1) % 60, b[j++]);
    }
    read_str(&text);
    assert_int_equal(model.n, 2);
    assert_int_equal(model.runs[0]->n_rows, 12);
    assert_int_equal(model.runs[1]->n_rows, 6);
    for (int e = 0; e < 12; e++) {
        ACC(model.runs[0], e, 0.60 + 0.02 * e, 0.61 + 0.02 * e);
        assert_int_equal(skips_at(model.runs[0], "normal", e), 1);
    }
    for (int e = 0; e < 6; e++) {
        ACC(model.runs[1], e, 0.20 + 0.02 * e, 0.21 + 0.02 * e);
        assert_int_equal(skips_at(model.runs[1], "normal", e), 0);
    }
    assert_true(model.skipped_lines > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tidy)
    const struct CMUnitTest tests[] = {
        TEST(stages_are_told_by_the_switches),
        TEST(genes_with_their_node_may_leave_nodes_out),
        TEST(an_evaluation_and_its_cell_may_share_a_line),
        TEST(genotypes_may_be_dicts),
        TEST(a_cell_of_bench_201_may_be_a_list),
        TEST(decisions_of_edges_are_passed_over),
        TEST(eigenvalues_in_the_log_are_used),
        TEST(a_roll_back_takes_epochs_back),
        TEST(prefixes_of_loggers_are_taken_off),
        TEST(an_epoch_may_be_one_line),
        TEST(percentages_near_chance_are_no_fractions),
        TEST(steps_tell_the_accuracy_where_nothing_else_does),
        TEST(rows_of_weights_by_source_become_cells),
        TEST(numbered_alphas_follow_epochs_from_one),
        TEST(recurrent_cells_have_a_gene_a_node),
        TEST(layers_of_a_supernet_count_epochs_too),
        TEST(arrays_of_numpy_are_tables),
        TEST(what_is_no_search_is_said),
        TEST(two_searches_that_write_one_file_are_told_apart),
        TEST(bars_and_wide_characters_are_looked_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
