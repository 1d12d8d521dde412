// SPDX-License-Identifier: GPL-2.0
#define SMALLEST	knob_read(low)
#include "twin.h"
