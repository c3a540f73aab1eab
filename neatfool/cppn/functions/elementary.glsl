float power_of_two(float k) { return intBitsToFloat((int(k) + 127) << 23); }

// Sizes up to 25,000: Cody and Waite's reduction, whose products are exact.
float sine(float z) {
  float k = floor(z * 0.318309886 + 0.5);
  float r = ((z - k * 3.140625) - k * 0.0009670257568359375) - k * 6.2771141529083251953e-07;
  r -= k * 1.2154201256553420762e-10;
  float s = r * r;
  float value = r + (r * s) * $SINE;
  return (int(k) & 1) == 1 ? -value : value;
}

float cosine(float z) { return sine(z + 1.5707963); }

float exponential(float z) {
  z = clamp(z, $LEAST_EXPONENT, $LARGEST_EXPONENT);
  float k = floor(z * 1.44269504 + 0.5);
  float r = (z - k * $LN2_HEAD) - k * $LN2_TAIL;
  return (1.0 + (r + (r * r) * $EXPONENTIAL)) * power_of_two(k);
}

// Of positive numbers that are normal.
float logarithm(float z) {
  int bits = floatBitsToInt(z);
  int k = (bits - 0x3f3504f3) >> 23;
  float f = intBitsToFloat(bits - (k << 23)) - 1.0;
  float s = f * f;
  float value = (s * f) * $LOGARITHM + float(k) * $LN2_TAIL;
  return (f + (value - 0.5 * s)) + float(k) * $LN2_HEAD;
}

float hyperbolic_tangent(float z) {
  z = clamp(z, -$TANH_END, $TANH_END);
  float s = z * z;
  float above = $TANH_ABOVE;
  float below = $TANH_BELOW;
  return clamp(z * above / below, -1.0, 1.0);
}

float nearest(float z) { return floor(z + 0.5); }

float is_positive(float z) { return z >= 0.0 ? 1.0 : 0.0; }
