// The one name of Apple's header that metal-cpp needs. For the cross build on Linux only.
#pragma once
typedef struct CGColorSpace* CGColorSpaceRef;
