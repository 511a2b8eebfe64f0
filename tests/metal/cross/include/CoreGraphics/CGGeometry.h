// The names of Apple's header that metal-cpp needs. For the cross build on Linux only.
#pragma once
typedef double CGFloat;
struct CGSize {
  CGFloat width, height;
};
typedef struct CGSize CGSize;
