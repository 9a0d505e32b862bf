// SPDX-License-Identifier: MIT
#ifndef WATCH_LOG_TENSOR_H
#define WATCH_LOG_TENSOR_H

#include <stdbool.h>

// Collects a printed tensor that runs over several lines:
//
//   tensor([[-1.7602e-04,  6.6729e-04,            torch 0.4 and later; rows may be wrapped, and
//             1.8927e-03, -2.8905e-04],           device=, grad_fn=, requires_grad= may follow
//           [ 0.1, 0.2, 0.3, 0.4]], device='cuda:0',
//          grad_fn=<SoftmaxBackward>)
//
//   Variable containing:                          torch 0.3
//    0.1249  0.1251
//    0.1250  0.1250
//   [torch.cuda.FloatTensor of size 2x2 (GPU 0)]
//
// A numpy array, [[0.1 0.2]\n [0.3 0.4]], reads like the first.

enum { TENSOR_VALUES = 64 * 32 };

typedef enum { TENSOR_IDLE, TENSOR_NUMBERS, TENSOR_TAIL, TENSOR_PLAIN } TensorState;

typedef struct {
    TensorState state;
    int depth, depth_seen;  // open brackets; most that were open
    int rows, cols, in_row; // of the last two dimensions
    int n;
    double scale; // torch 0.3 prints "1.00000e-03 *"
    bool bad;     // rows of different lengths, too many values, text inside
    bool used;
    int foreign; // lines of others since the last piece
    double value[TENSOR_VALUES];
} LogTensor;

typedef enum { TENSOR_NOT, TENSOR_MORE, TENSOR_DONE, TENSOR_BROKEN } TensorPiece;

// A line of text: not part of a tensor, part of one, or the end of one (rows, cols, value hold).
// BROKEN: a tensor was given up; `used` says whether the line was a part of it.
TensorPiece log_tensor_read(LogTensor *tensor, const char *text);

#endif
