// SPDX-License-Identifier: MIT
// Text logs in the forms of the family, made up here.
#include "src/base/str.h"
#include "tests/watch/logs.h"

#define GENO(a, b)                                                                                 \
    "Genotype(normal=[('" a "', 0), ('" b "', 1), ('skip_connect', 0), ('sep_conv_3x3', 2)], "     \
    "normal_concat=range(2, 4), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), "                \
    "('max_pool_3x3', 0), ('skip_connect', 2)], reduce_concat=range(2, 4))"

// A softmax table as torch prints it: the skip column stands out by `lead`.
static void add_table(Str *out, const char *before, int rows, int cols, int skip, double lead)
{
    str_addf(out, "%stensor([", before);
    for (int r = 0; r < rows; r++) {
        str_add(out, r ? "        [" : "[");
        for (int k = 0; k < cols; k++)
            str_addf(out, "%s%.4f", k ? ", " : "", k == skip ? lead : (1 - lead) / (cols - 1));
        str_add(out, r + 1 < rows ? "],\n" : "]], device='cuda:0',\n       grad_fn=<X>)\n");
    }
}

static void genotype_before_and_after_the_epoch_get_the_same_index(void **state)
{
    (void)state;
    read_text("2019-07-16 13:28:39,383 epoch 0 lr 2.500000e-02\n"
              "2019-07-16 13:38:49,215 train_acc 43.372000\n"
              "2019-07-16 13:39:20,852 valid_acc 53.916000\n"
              "2019-07-16 13:39:20,853 genotype = " GENO(
                  "sep_conv_3x3",
                  "sep_conv_3x3") "\n"
                                  "2019-07-16 13:39:20,857 epoch 1 lr 2.497632e-02\n"
                                  "2019-07-16 13:49:20,857 train_acc 50\n"
                                  "2019-07-16 13:49:20,857 valid_acc 60\n"
                                  "2019-07-16 13:49:20,857 genotype = " GENO("skip_connect",
                                                                             "skip_connect") "\n");
    const ModelRun *run = model.runs[0];
    assert_string_equal(model.dialect, "robustdarts");
    assert_int_equal(skips_at(run, "normal", 0), 1);
    assert_int_equal(skips_at(run, "normal", 1), 3);
    assert_int_equal(skips_at(run, "reduction", 1), 1);
    assert_true(near(run->rows[0].train_acc, 0.43372, 1e-9));
    assert_true(near(run->rows[0].seconds, 641.474, 1e-3));
    model_free(&model);
    read_text("epoch 0 lr 0.1\ngenotype = " GENO(
        "sep_conv_3x3", "sep_conv_3x3") "\n"
                                        "train_acc 43\nvalid_acc 53\n"
                                        "epoch 1 lr 0.09\ngenotype = " GENO(
                                            "skip_connect",
                                            "skip_connect") "\n"
                                                            "train_acc 50\nvalid_acc 60\n");
    assert_int_equal(skips_at(model.runs[0], "normal", 0), 1);
    assert_int_equal(skips_at(model.runs[0], "normal", 1), 3);
    assert_int_equal(model.skipped_lines, 0);
}

static void accuracy_and_loss_on_one_line_and_test_apart(void **state)
{
    (void)state;
    read_text("epoch 0 lr 2.500000e-02\nepoch 0 epsilon_alpha 3.000000e-02\n"
              "param size = 2.875438\n"
              "train_acc 41.140505 | train_obj 1.588817\n"
              "valid_acc 50.816000 | valid_obj 1.342316\n"
              "test_acc 50.740000 | test_obj 1.337754\n");
    const EpochRow *row = &model.runs[0]->rows[0];
    assert_int_equal(model.runs[0]->n_rows, 1);
    assert_true(near(row->train_loss, 1.588817, 1e-9));
    assert_true(near(row->valid_acc, 0.50816, 1e-9));
    assert_true(near(row->valid_loss, 1.342316, 1e-9));
    assert_true(near(row->test_acc, 0.5074, 1e-9));
}

static void projection_after_the_last_epoch_is_no_restart(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "args = Namespace(method='darts-proj', epochs=2, seed=7)\n");
    for (int e = 0; e < 2; e++) {
        str_addf(&text, "epoch %d lr 2.5e-02\n", e);
        str_add(&text, "genotype = Structure(4 nodes with |none~0|+|none~0|none~1|+|none~0|"
                       "none~1|skip_connect~2|)\n");
        add_table(&text, "", 6, 5, 1, 0.25 + 0.1 * e);
        str_addf(&text, "train_acc  30.%d\nvalid_acc  34.%d\n", e, e);
        str_add(&text, "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|\n");
    }
    add_table(&text, "", 6, 5, 1, 0.9);
    str_add(&text, "train_acc  95.7\nvalid_acc  86.0\nepoch 0\nproject\n"
                   "valid_acc 85.4\nvalid_acc 54.6\nbest opid 1\n");
    add_table(&text, "", 6, 5, 1, 1.0);
    str_add(&text, "epoch 1\nproject\nvalid_acc 11\n"
                   "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|none~2|\n");
    read_text(text.text);
    str_fini(&text);
    assert_int_equal(model.n, 1);
    const ModelRun *run = model.runs[0];
    assert_true(run->complete);
    assert_int_equal(run->seed, 7);
    assert_int_equal(run->n_rows, 2);
    assert_int_equal(run->cells[0].n_looks, 2);
    assert_int_equal(run->cells[0].n_genos, 2);
    assert_string_equal(run->cells[0].shape.name, "cell");
    assert_true(near(run->rows[1].valid_acc, 0.341, 1e-9));
    assert_true(near(run->cells[0].looks[1].p[1], 0.35, 1e-6));
}

static void tables_a_node_and_epochs_from_one(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "07/24 12:15:41 AM | SEED=2\n07/24 12:15:41 AM | EPOCHS=2\n"
                   "07/24 12:15:41 AM | Logger is set - training start\n"
                   "07/24 12:28:09 AM | Logger is set - training start\n");
    for (int e = 1; e <= 2; e++) {
        str_add(&text, "####### ALPHA #######\n# Alpha - normal\n");
        for (int n = 2; n <= 5; n++)
            add_table(&text, "", n, 8, 2, 0.2 * e);
        str_add(&text, "\n# Alpha - reduce\n");
        for (int n = 2; n <= 5; n++)
            add_table(&text, "", n, 8, 7, 0.3);
        str_addf(&text,
                 "#####################\n"
                 "07/24 %02d:28:32 AM | Train: [ %d/2] Step 000/390 Loss 4.726 Prec@(1,5) (1.6%%, "
                 "9.4%%)\n07/24 %02d:40:00 AM | Train: [ %d/2] Final Prec@1 10.5720%%\n"
                 "07/24 %02d:45:00 AM | Valid: [ %d/2] Final Prec@1 16.5320%%\n"
                 "07/24 %02d:45:00 AM | genotype = Genotype(normal=[[('skip_connect', 0), "
                 "('dil_conv_3x3', 1)], [('sep_conv_3x3', 0), ('sep_conv_3x3', 1)]], "
                 "normal_concat=range(2, 4), reduce=[[('skip_connect', 0), ('none', 1)]], "
                 "reduce_concat=range(2, 3))\n",
                 e == 1 ? 12 : e, e, e == 1 ? 12 : e, e, e == 1 ? 12 : e, e, e == 1 ? 12 : e);
    }
    read_text(text.text);
    str_fini(&text);
    assert_int_equal(model.n, 1);
    const ModelRun *run = model.runs[0];
    assert_true(run->complete);
    assert_int_equal(run->epochs, 2);
    assert_int_equal(run->seed, 2);
    const ModelCell *normal = &run->cells[model_cell_index(run, "normal")];
    assert_string_equal(normal->shape.op[7], "none");
    assert_string_equal(normal->shape.op[2], "skip_connect");
    assert_int_equal(normal->n_looks, 2);
    assert_int_equal(normal->looks[0].epoch, -1);
    assert_int_equal(normal->looks[1].epoch, 0);
    assert_int_equal(normal->shape.n_edges, 14);
    assert_true(near(run->rows[1].valid_acc, 0.16532, 1e-9));
    assert_true(near(run->rows[0].seconds, 2 * 3600, 1)); // 12:28 AM to 2:28 AM
}

static void logits_wrapped_over_lines_become_probabilities(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "2022-07-26 18:36:37,132 \nEpoch: 0 lr: 2.495266e-02\n"
                   "2022-07-26 18:36:38,429 Genotype: " GENO(
                       "sep_conv_3x3", "sep_conv_5x5") "\n"
                                                       "2022-07-26 18:36:38,431 alpha_normal: "
                                                       "Parameter containing:\ntensor([");
    for (int r = 0; r < 14; r++)
        str_addf(&text,
                 "%s[-1.7602e-04,  6.6729e-04, -1.1738e-04,  1.0000e+00,  2.0953e-03,\n"
                 "          1.8927e-03, -2.8905e-04,  2.6138e-04]%s",
                 r ? "        " : "", r < 13 ? ",\n" : "");
    str_add(&text, "], device='cuda:0',\n       requires_grad=True)\n"
                   "2022-07-26 19:12:07,939 train acc: 41.740000\n"
                   "2022-07-26 19:12:10,932 >> Validation:   0 1.345993e+00 50.000000 93.750000\n"
                   "2022-07-26 19:13:10,323 valid acc: 51.020000\n"
                   "2022-07-26 19:13:11,323 Final " GENO("skip_connect", "skip_connect") "\n");
    read_text(text.text);
    str_fini(&text);
    const ModelRun *run = model.runs[0];
    const AlphaLook *look = model_look(run, model_cell_index(run, "normal"), 0);
    assert_non_null(look);
    double e = exp(1.0);
    assert_true(near(look->p[3], e / (e + 7), 1e-3));
    assert_int_equal(run->cells[model_cell_index(run, "normal")].n_genos, 1);
    assert_true(near(run->rows[0].train_acc, 0.4174, 1e-9));
    assert_int_equal(model.skipped_lines, 0);
}

static void sigmoid_rows_are_divided_by_their_sum(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "epoch 0 lr 0.025\n");
    for (int t = 0; t < 2; t++) {
        str_add(&text, "tensor([");
        for (int r = 0; r < 14; r++)
            str_addf(&text, "[0.5, 0.5, 0.5, 0.9, 0.5, 0.5, 0.5]%s", r < 13 ? ",\n" : "])\n");
    }
    str_add(&text, "train_acc 10\n");
    read_text(text.text);
    str_fini(&text);
    const AlphaLook *look = model_look(model.runs[0], 0, 0);
    assert_true(near(look->p[3], 0.9 / 3.9, 1e-6));
    assert_int_equal(model.runs[0]->n_cells, 2);
}

static void old_torch_prints_rows_without_brackets(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "11/05 02:03:05 PM epoch 0 lr 2.500000e-02\n"
                   "11/05 02:03:05 PM genotype = " GENO("sep_conv_3x3", "sep_conv_3x3") "\n");
    for (int t = 0; t < 2; t++) {
        str_add(&text, "Variable containing:\n");
        for (int r = 0; r < 14; r++)
            str_add(&text, " 0.1000  0.1000  0.1000  0.3000  0.1000  0.1000  0.1000  0.1000\n");
        str_add(&text, "[torch.cuda.FloatTensor of size 14x8 (GPU 0)]\n\n");
    }
    str_add(&text, "11/05 02:13:05 PM train_acc 43\n11/05 02:14:05 PM valid_acc 50\n");
    read_text(text.text);
    str_fini(&text);
    const ModelRun *run = model.runs[0];
    assert_int_equal(run->cells[model_cell_index(run, "reduction")].n_looks, 1);
    assert_true(near(model_look(run, model_cell_index(run, "normal"), 0)->p[3], 0.3, 1e-6));
    assert_true(near(run->rows[0].valid_acc, 0.5, 1e-9));
    assert_int_equal(model.skipped_lines, 0);
}

static void glued_units_and_one_validation_at_the_end(void **state)
{
    (void)state;
    read_text("epoch 0 lr 9.980277e-02\ngenotype = " GENO(
        "sep_conv_3x3",
        "sep_conv_3x3") "\n"
                        "train 000steps 2.279015e+00objs.avg 13.671875top1.avg 58.593750top5.avg\n"
                        "train_acc 35.144000\n"
                        "epoch 1 lr 9.9e-02\ngenotype = " GENO(
                            "skip_connect",
                            "sep_conv_3x3") "\n"
                                            "train_acc 45\nvalid 000steps 5.0e-01objs.avg "
                                            "80.8top1.avg 99.6top5.avg\n"
                                            "valid_acc 84.676000\n");
    const ModelRun *run = model.runs[0];
    assert_string_equal(model.dialect, "pc-darts");
    assert_true(isnan(run->rows[0].valid_acc));
    assert_true(near(run->rows[1].valid_acc, 0.84676, 1e-9));
    assert_true(near(run->rows[0].train_loss, 2.279015, 1e-9));
    assert_int_equal(skips_at(run, "normal", 1), 2);
}

static void autodl_lines_give_epochs_and_cells(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 2; e++) {
        str_addf(&text, "[Search the %03d-002-th epoch] Time Left: [00:01:00], tau=9.8, LR=0.02\n",
                 e);
        str_addf(&text,
                 "*SEARCH* [2021-03-15-05:09:53] [%03d-002][000/195] Time 1.0\n"
                 "[%03d-002] searching : loss=2.03, accuracy@1=24.20%%, accuracy@5=76.41%%, "
                 "time-cost=93.7 s\n"
                 "[%03d-002] evaluate  : loss=1.87, accuracy@1=31.10%%, accuracy@5=80.00%%\n"
                 "<<<--->>> The %03d-002-th epoch : Structure(4 nodes with |skip_connect~0|+|"
                 "none~0|none~1|+|none~0|none~1|skip_connect~2|)\narch-parameters :\n",
                 e, e, e, e);
        add_table(&text, "", 6, 5, 1, 0.3);
    }
    read_text(text.text);
    str_fini(&text);
    const ModelRun *run = model.runs[0];
    assert_string_equal(model.dialect, "autodl");
    assert_int_equal(run->n_rows, 2);
    assert_true(run->complete);
    assert_true(near(run->rows[1].train_acc, 0.242, 1e-9));
    assert_true(near(run->rows[1].valid_acc, 0.311, 1e-9));
    assert_int_equal(skips_at(run, "cell", 1), 2);
    assert_int_equal(run->cells[0].n_looks, 2);
}

static void two_searches_in_a_file_are_two_runs(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int k = 0; k < 2; k++)
        for (int e = 0; e < 3; e++)
            str_addf(&text, "epoch %d lr 0.025\ntrain_acc %d\nvalid_acc %d\ngenotype = %s\n", e,
                     20 + e, 30 + e + k, GENO("sep_conv_3x3", "sep_conv_3x3"));
    str_add(&text, "epoch 0 lr 0.025\n"); // a third one that did not come far
    read_text(text.text);
    str_fini(&text);
    assert_int_equal(model.n, 3);
    assert_int_equal(model.runs[0]->n_rows, 3);
    assert_true(near(model.runs[1]->rows[2].valid_acc, 0.33, 1e-9));
    assert_int_equal(model.runs[2]->epoch, -1);
    assert_string_equal(model.runs[1]->name, "test (2)");
}

static void a_resumed_search_goes_on(void **state)
{
    (void)state;
    read_text("epoch 0 lr 0.02\ntrain_acc 10\nepoch 1 lr 0.02\ntrain_acc 20\n"
              "epoch 2 lr 0.02\ntrain_acc 30\nargs = Namespace(epochs=4)\n"
              "epoch 2 lr 0.02\ntrain_acc 31\nepoch 3 lr 0.02\ntrain_acc 40\n"
              "epoch 2 lr 0.02\ntrain_acc 32\n");
    assert_int_equal(model.n, 1);
    assert_int_equal(model.runs[0]->n_rows, 3);
    assert_true(near(model.runs[0]->rows[2].train_acc, 0.32, 1e-9));
}

static void colours_crlf_and_progress_bars_are_looked_through(void **state)
{
    (void)state;
    read_text(
        "\033[32m2019-07-16 13:28:39,383\033[0m \033[1mepoch 0 lr 2.5e-02\033[0m\r\n"
        " 10%|#   | 5/50\r 20%|##  | 10/50\r2019-07-16 13:38:49,215 train_acc 43.37\r\n"
        "INFO:root:valid_acc 53.9\r\n"
        "[2019-07-16 13:39:00] INFO - genotype = " GENO("skip_connect", "skip_connect") "\r\n");
    const ModelRun *run = model.runs[0];
    assert_true(near(run->rows[0].train_acc, 0.4337, 1e-9));
    assert_true(near(run->rows[0].valid_acc, 0.539, 1e-9));
    assert_int_equal(skips_at(run, "normal", 0), 3);
}

static void fractions_and_errors_are_told_from_percent(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int e = 0; e < 6; e++)
        str_addf(&text, "epoch %d lr 0.025\ntrain_acc 0.%d\nvalid_acc 0.%d\n", e, 30 + e, 40 + e);
    read_text(text.text);
    str_fini(&text);
    assert_true(near(model.runs[0]->rows[0].train_acc, 0.30, 1e-9));
    assert_true(near(model.runs[0]->rows[5].valid_acc, 0.45, 1e-9));
    model_free(&model);
    read_text("epoch 0 lr 0.025\ntrain_err 70.0\nvalid_error: 60.0\n");
    assert_true(near(model.runs[0]->rows[0].train_acc, 0.30, 1e-9));
    assert_true(near(model.runs[0]->rows[0].valid_acc, 0.40, 1e-9));
}

static void planned_epochs_come_from_the_learning_rate(void **state)
{
    (void)state;
    double lr[8];
    for (int e = 0; e < 8; e++)
        lr[e] = 0.001 + 0.012 * (1 + cos(acos(-1) * e / 50));
    Str text = { 0 };
    for (int e = 0; e < 9; e++)
        str_addf(&text, "epoch %d lr %e\ntrain_acc 2%d\n", e, e < 8 ? lr[e] : lr[7], e);
    read_text(text.text);
    str_fini(&text);
    assert_int_equal(model.runs[0]->epochs, 50);
    assert_false(model.runs[0]->complete);
}

static void clocks_that_wrap_and_jump_do_not_spoil_the_pace(void **state)
{
    (void)state;
    read_text("12/31 11:50:00 PM epoch 0 lr 0.025\n12/31 11:59:00 PM train_acc 10\n"
              "01/01 12:10:00 AM epoch 1 lr 0.025\n01/01 12:20:00 AM train_acc 20\n"
              "01/01 12:30:00 AM epoch 2 lr 0.025\n01/01 12:05:00 AM train_acc 30\n"
              "01/01 12:15:00 AM epoch 3 lr 0.025\n01/01 12:25:00 AM train_acc 40\n");
    const ModelRun *run = model.runs[0];
    assert_true(near(run->rows[0].seconds, 1200, 1e-6));
    assert_true(near(run->rows[1].seconds, 1200, 1e-6));
    assert_true(isnan(run->rows[2].seconds));
    assert_true(near(run->seconds_per_epoch, 1200, 1e-6));
}

static void what_is_broken_is_counted_with_its_line(void **state)
{
    (void)state;
    static const char text[] = "epoch 0 lr 0.025\n"
                               "genotype = Genotype(normal=[('sep_conv\n"
                               "\x01\x02\xff garbage\n"
                               "qwertz uiop\n"
                               "tensor([[0.1, 0.2],\n"
                               "        [0.1, 0.2, 0.3]])\n"
                               "train_acc \n"
                               "train_acc 43\0\n"
                               "valid_acc 150\n";
    read_with(&log_reader, NULL, text, sizeof text - 1, &model);
    static const int64_t lines[] = { 2, 3, 4, 6, 7, 8, 9 };
    assert_int_equal(model.skipped_lines, 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(model.skips[i].line, lines[i]);
    assert_true(near(model.runs[0]->rows[0].train_acc, 0.43, 1e-9));
    assert_true(isnan(model.runs[0]->rows[0].valid_acc));
}

static void a_line_of_many_megabytes_is_passed_over(void **state)
{
    (void)state;
    enum { LONG = 5 << 20 };
    Str text = { 0 };
    str_add(&text, "epoch 0 lr 0.025\n");
    for (int i = 0; i < LONG / 16; i++)
        str_add(&text, "0123456789abcdef");
    str_add(&text, "\ntrain_acc 43\n");
    read_with(&log_reader, NULL, text.text, text.len, &model);
    str_fini(&text);
    assert_int_equal(model.skipped_lines, 1);
    assert_int_equal(model.skips[0].line, 2);
    assert_true(near(model.runs[0]->rows[0].train_acc, 0.43, 1e-9));
}

static void lines_of_another_writer_inside_a_table_do_not_break_it(void **state)
{
    (void)state;
    Str text = { 0 };
    str_add(&text, "epoch 0 lr 0.025\ntensor([");
    for (int r = 0; r < 6; r++)
        str_addf(&text, "[0.1, 0.6, 0.1, 0.1, 0.1]%s",
                 r == 2   ? ",\n2019-07-16 13:38:49,215 train 050 2.3e+00 9.3 57.8\nhello there\n"
                 : r == 5 ? "])\n"
                          : ",\n");
    str_add(&text, "train_acc 43\n");
    read_text(text.text);
    str_fini(&text);
    assert_int_equal(model.runs[0]->cells[0].n_looks, 1);
    assert_true(near(model.runs[0]->rows[0].train_acc, 0.43, 1e-9));
}

static void the_first_of_two_writers_counts(void **state)
{
    (void)state;
    read_text("epoch 0 lr 0.025\nepoch 0 lr 0.025\ntrain_acc 10\ntrain_acc 77\n"
              "epoch 1 lr 0.024\nepoch 1 lr 0.024\ntrain_acc 20\ntrain_acc 78\n");
    assert_int_equal(model.n, 1);
    assert_true(near(model.runs[0]->rows[1].train_acc, 0.20, 1e-9));
    assert_int_equal(model.skipped_lines, 2);
    assert_int_equal(model.skips[1].line, 6);
}

static void a_named_space_tells_the_operators(void **state)
{
    (void)state;
    HealthCell shape = { .inputs = 2,
                         .nodes = 2,
                         .keep = 2,
                         .n_edges = 5,
                         .n_ops = 2,
                         .edge = { { 0, 2 }, { 1, 2 }, { 0, 3 }, { 1, 3 }, { 2, 3 } },
                         .name = "normal",
                         .op = { "skip_connect", "sep_conv_3x3" } };
    SourceOptions options = {
        .majority = NAN, .until_epoch = INT_MAX, .shapes = &shape, .n_shapes = 1
    };
    static const char text[] =
        "epoch 0 lr 0.1\ntrain_acc 1\ngenotype = " GENO("skip_connect", "sep_conv_3x3") "\n";
    read_with(&log_reader, &options, text, sizeof text - 1, &model);
    const ModelRun *run = model.runs[0];
    assert_int_equal(run->cells[model_cell_index(run, "normal")].shape.n_ops, 2);
    assert_false(run->cells[model_cell_index(run, "normal")].shape.alpha_known);
    assert_int_equal(run->cells[model_cell_index(run, "reduction")].shape.n_ops, 0);
}

static void stages_go_on_counting_and_lose_columns(void **state)
{
    (void)state;
    Str text = { 0 };
    static const char *const ops[] = { "'none', 'skip_connect', 'sep_conv_3x3'",
                                       "'skip_connect', 'sep_conv_3x3'" };
    str_add(&text, "P-DARTS Search Started at 2026-02-21T12:47:23\n");
    for (int s = 1; s <= 2; s++) {
        str_addf(&text, "  Stage %d/2\n  Primitives: [%s]\n", s, ops[s - 1]);
        for (int e = 1; e <= 5; e += 4)
            str_addf(&text,
                     "S%d E  %d/5 │ w_loss=6.7  a_loss=0.0  train_acc=0.0%d │ val_loss=6.6  "
                     "val_acc=0.1%d │ lr=0.02498  skip_drop=0.01  38.7s\n",
                     s, e, e, e);
        str_add(&text, "Stage 1 Genotype:\n  Normal: [('skip_connect', 0), ('sep_conv_3x3', 1), "
                       "('skip_connect', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), "
                       "('skip_connect', 2), ('skip_connect', 0), ('skip_connect', 1)]\n"
                       "  Reduce: [('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
                       "('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
                       "('sep_conv_3x3', 0), ('sep_conv_3x3', 1)]\n  Normal Cell Alphas\n");
        for (int to = 2; to < 6; to++)
            for (int from = 0; from < to; from++)
                str_addf(&text, "    edge(%d→%d):   %sskip_conne=0.%d  sep_conv_3=0.%d\n", from, to,
                         s == 1 ? "none=0.1  " : "", s == 1 ? 5 : 6, 4);
    }
    read_text(text.text);
    str_fini(&text);
    const ModelRun *run = model.runs[0];
    assert_int_equal(model.n, 1);
    assert_int_equal(run->n_rows, 4);
    assert_int_equal(run->rows[3].epoch, 9);
    assert_true(near(run->rows[3].valid_acc, 0.15, 1e-9));
    assert_true(near(run->rows[3].seconds, 38.7, 1e-9));
    assert_true(run->complete);
    int cell = model_cell_index(run, "normal");
    assert_int_equal(run->cells[cell].shape.n_ops, 3);
    assert_int_equal(run->cells[cell].n_looks, 2);
    const AlphaLook *look = model_look(run, cell, 9);
    assert_true(near(look->p[0], 0, 1e-9) && near(look->p[1], 0.6, 1e-6));
    assert_int_equal(skips_at(run, "normal", 9), 6);
}

// One file of very many searches: the last ones are only counted.
static void too_many_searches_in_one_file_are_counted(void **state)
{
    (void)state;
    Str text = { 0 };
    for (int i = 0; i < 5000; i++)
        str_add(&text,
                "10:00:00 epoch 0 lr 2.5e-02\n"
                "10:00:00 genotype = " GENO(
                    "skip_connect",
                    "sep_conv_3x3") "\n"
                                    "10:00:00 train_acc 43.3\n10:00:00 valid_acc 45.9\n"
                                    "10:00:00 epoch 1 lr 2.4e-02\n10:00:00 valid_acc 55.9\n");
    read_text(text.text);
    str_fini(&text);
    assert_in_range(model.n, 1000, 4999);
    assert_true(model.skipped_lines > 0);
    assert_int_equal(model.runs[model.n - 1]->n_rows, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tidy)
    const struct CMUnitTest tests[] = {
        TEST(genotype_before_and_after_the_epoch_get_the_same_index),
        TEST(too_many_searches_in_one_file_are_counted),
        TEST(accuracy_and_loss_on_one_line_and_test_apart),
        TEST(projection_after_the_last_epoch_is_no_restart),
        TEST(tables_a_node_and_epochs_from_one),
        TEST(logits_wrapped_over_lines_become_probabilities),
        TEST(sigmoid_rows_are_divided_by_their_sum),
        TEST(old_torch_prints_rows_without_brackets),
        TEST(glued_units_and_one_validation_at_the_end),
        TEST(autodl_lines_give_epochs_and_cells),
        TEST(two_searches_in_a_file_are_two_runs),
        TEST(a_resumed_search_goes_on),
        TEST(colours_crlf_and_progress_bars_are_looked_through),
        TEST(fractions_and_errors_are_told_from_percent),
        TEST(planned_epochs_come_from_the_learning_rate),
        TEST(clocks_that_wrap_and_jump_do_not_spoil_the_pace),
        TEST(what_is_broken_is_counted_with_its_line),
        TEST(a_line_of_many_megabytes_is_passed_over),
        TEST(lines_of_another_writer_inside_a_table_do_not_break_it),
        TEST(the_first_of_two_writers_counts),
        TEST(a_named_space_tells_the_operators),
        TEST(stages_go_on_counting_and_lose_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
