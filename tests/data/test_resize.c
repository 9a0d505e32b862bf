// SPDX-License-Identifier: MIT
#include "tests/data/made.h"

#include "src/data/resize.h"

// x[y][x] = k * k / 10 with k = 4 y + x, 3 x 4; wanted values from PyTorch 2,
// interpolate(x, size, mode="bilinear", align_corners=False).
static const struct {
    int h, w;
    float want[35];
} cases[] = {
    { 5, 7, { 0.0f,         0.035714291f, 0.0928571448f, 0.25000003f, 0.435714394f, 0.721428633f,
              0.899999976f, 0.640000045f, 0.790000021f,  1.03000009f, 1.37000012f,  1.73857176f,
              2.20714331f,  2.50000024f,  1.60000002f,   1.92142856f, 2.43571448f,  3.05000019f,
              3.69285727f,  4.43571424f,  4.9000001f,    4.48000097f, 4.97285795f,  5.76142979f,
              6.65000105f,  7.56714392f,  8.58428669f,   9.22000122f, 6.4000001f,   7.00714302f,
              7.97857189f,  9.05000019f,  10.1499996f,   11.3500013f, 12.0999994f } },
    { 2, 3, { 0.450000018f, 0.949999988f, 1.78333342f, 5.45000029f, 7.55000019f, 9.98333359f } },
    { 1, 1, { 3.04999995f } },
    { 6,
      2,
      { 0.0500000007f, 0.649999976f, 0.550000012f, 1.54999995f, 1.54999995f, 3.3499999f,
        3.35000014f, 5.94999981f, 5.94999981f, 9.35000038f, 7.25f, 11.0500002f } },
};

static void agrees_with_pytorch(void **state)
{
    (void)state;
    float x[12], y[35];
    for (int k = 0; k < 12; k++)
        x[k] = (float)(k * k) / 10;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        resize_bilinear(x, 3, 4, 1, y, cases[i].h, cases[i].w);
        for (int k = 0; k < cases[i].h * cases[i].w; k++)
            assert_true(fabsf(y[k] - cases[i].want[k]) < 2e-6f);
    }
}

static void the_same_size_is_the_same_picture(void **state)
{
    (void)state;
    float x[24], y[24];
    for (int k = 0; k < 24; k++)
        x[k] = (float)(k * k % 7);
    resize_bilinear(x, 3, 4, 2, y, 3, 4);
    assert_memory_equal(x, y, sizeof x);
}

static void channels_do_not_mix(void **state)
{
    (void)state;
    float x[8] = { 1, 5, 1, 5, 1, 5, 1, 5 }, y[2 * 49];
    resize_bilinear(x, 2, 2, 2, y, 7, 7);
    for (int k = 0; k < 49; k++)
        assert_true(y[2 * k] == 1 && y[2 * k + 1] == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_pytorch),
        cmocka_unit_test(the_same_size_is_the_same_picture),
        cmocka_unit_test(channels_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
