// What the functions of the kernel need, and what a node is: a number, or a mean and its derivatives
// where nodes fade.

#define intBitsToFloat __int_as_float
#define floatBitsToInt __float_as_int

__device__ float clamp(float z, float low, float high) { return fminf(fmaxf(z, low), high); }
__device__ float inverse_root(float z) { return 1.0f / sqrtf(z); }

#if LIMITED
struct Number { float x, y, z; };  // a mean, and its derivatives

__device__ Number operator+(Number a, Number b) {
  Number sum = {a.x + b.x, a.y + b.y, a.z + b.z};
  return sum;
}
__device__ Number operator*(float a, Number b) {
  Number scaled = {a * b.x, a * b.y, a * b.z};
  return scaled;
}
__device__ float mean_of(Number a) { return a.x; }
__device__ Number constant(float a) {
  Number whole = {a, 0.0f, 0.0f};
  return whole;
}
__device__ Number product(Number a, Number b) {
  Number whole = {a.x * b.x, a.y * b.x + a.x * b.y, a.z * b.x + a.x * b.z};
  return whole;
}
__device__ Number read_input(const float *there, int table) {
  Number own = {there[0], there[table], there[2 * table]};
  return own;
}
#else
typedef float Number;

__device__ float mean_of(float a) { return a; }
__device__ float constant(float a) { return a; }
__device__ float product(float a, float b) { return a * b; }
__device__ float read_input(const float *there, int) { return *there; }
#endif
