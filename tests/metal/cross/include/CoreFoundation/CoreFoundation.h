// The few names of Apple's header that metal-cpp needs. For the cross build on Linux only.
#pragma once
#include <Availability.h>
#include <TargetConditionals.h>
#include <stdint.h>
typedef double CFTimeInterval;
