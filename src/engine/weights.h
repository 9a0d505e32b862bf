// SPDX-License-Identifier: MIT
#ifndef ENGINE_WEIGHTS_H
#define ENGINE_WEIGHTS_H

#include "src/base/safetensors.h"
#include "src/engine/plan.h"

// Parameters and buffers of a plan in and out of safetensors files, with PyTorch's names, shapes
// and order: load_state_dict takes what is written here, and state_dict()s written by PyTorch load
// here. Parameters are "NAME.weight", "NAME.bias", buffers "NAME.running_mean" and so on.

// Parameter `index` of `flat` (parameters, or anything in their layout) as a tensor without a name.
// copy: room for its count of floats, used where PyTorch's order is not the plan's.
SafeTensor weights_tensor(const Plan *plan, int index, const float *flat, float *copy);
// Reads tensor `name` into parameter `index` of `flat`. float32 and float64 are taken.
Status weights_take(const SafeFile *file, const char *name, const Plan *plan, int index,
                    float *flat, Error *err);

// All parameters and buffers, atomically.
Status weights_write(Plan *plan, const char *path, Error *err);
// Every parameter and buffer must be in the file; what else is in it is passed over.
Status weights_read(Plan *plan, const char *path, Error *err);

#endif
