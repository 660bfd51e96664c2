// Precompiled header of every test program.
#pragma once

#include <gtest/gtest.h>

#include "src/cmake/pch.h"
