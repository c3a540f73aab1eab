// Lets a C++ compiler take the kernel for a GPU: one thread after another runs it.
#include <cmath>
#include <cstring>
#define __global__
#define __device__ static inline
#define __shared__
struct Index { int x, y; };
static Index blockIdx, threadIdx, blockDim;
static inline int __float_as_int(float z) { int bits; memcpy(&bits, &z, 4); return bits; }
static inline float __int_as_float(int bits) { float z; memcpy(&z, &bits, 4); return z; }

// SOURCE

Number values[VALUES];

extern "C" void launch(int across, int down, int threads, const void *const *a, const int *n) {
  blockDim.x = threads;
  for (blockIdx.y = 0; blockIdx.y < down; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < across; ++blockIdx.x)
      for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x)
        draw((const int *)a[0], (const int *)a[1], (const float *)a[2], (const int *)a[3],
             (const float *)a[4], (const int *)a[5], (const float *)a[6], n[0], n[1],
             (unsigned char *)a[7]);
}
