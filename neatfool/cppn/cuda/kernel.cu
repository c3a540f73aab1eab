// Draws tapes of CPPNs: a block is a genome and a tile of its pixels, a thread a pixel.
//
// All threads of a block do the same operations in the same order, so no switch diverges. The values
// of nodes that are still needed lie in shared memory, each thread's own; no thread waits for
// another. This source is compiled for a GPU by NVRTC, and for the tests by a C++ compiler.

extern __shared__ Number values[];

__device__ Number read_term(int term, const int *sources, const float *factors) {
  return factors[term] * values[sources[term] * blockDim.x + threadIdx.x];
}

// How many terms come before this one in the order of their values.
__device__ int rank_of(int own, int begin, int end, const int *sources, const float *factors) {
  float z = mean_of(read_term(own, sources, factors));
  int rank = 0;
  for (int term = begin; term < end; ++term) {
    float other = mean_of(read_term(term, sources, factors));
    rank += other < z || (other == z && term < own);
  }
  return rank;
}

__device__ Number aggregate(int kind, int begin, int end, const int *sources,
                            const float *factors) {
  if (kind == MEDIAN) {
    int low = begin, high = begin, count = end - begin;
    for (int term = begin; term < end; ++term) {
      int rank = rank_of(term, begin, end, sources, factors);
      if (rank == (count - 1) / 2) low = term;
      if (rank == count / 2) high = term;
    }
    return 0.5f * (read_term(low, sources, factors) + read_term(high, sources, factors));
  }
  Number best = constant(kind == PRODUCT ? 1.0f : 0.0f);
  for (int term = begin; term < end; ++term) {
    Number z = read_term(term, sources, factors);
    float own = mean_of(z), other = mean_of(best);
    if (kind == PRODUCT) {
      best = product(best, z);
    } else if (term == begin || (kind == MAX && own > other) || (kind == MIN && own < other) ||
               (kind == MAXABS && fabsf(own) > fabsf(other))) {
      best = z;
    }
  }
  return best;
}

// bounds [N + 1], nodes [M][7] with a slot in place of the row, numbers [M][2], sources [T] slots,
// factors [T], outputs [N][O] slots, inputs [1 or 3][I][P], images [N][C][P].
extern "C" __global__ void draw(const int *bounds, const int *nodes, const float *numbers,
                                const int *sources, const float *factors, const int *outputs,
                                const float *inputs, int input_count, int pixels,
                                unsigned char *images) {
  int genome = blockIdx.y, pixel = blockIdx.x * blockDim.x + threadIdx.x;
  if (pixel >= pixels) return;
  for (int i = 0; i < input_count; ++i) {
    values[i * blockDim.x + threadIdx.x] = read_input(inputs + i * pixels + pixel,
                                                      input_count * pixels);
  }
  for (int place = bounds[genome]; place < bounds[genome + 1]; ++place) {
    const int *node = nodes + 7 * place;
    Number z = constant(numbers[2 * place + 1]);
    if (node[1] == SUM) {
      for (int term = node[2]; term < node[3]; ++term) z = z + read_term(term, sources, factors);
    } else {
      z = z + numbers[2 * place] * aggregate(node[1], node[2], node[3], sources, factors);
    }
    values[node[4] * blockDim.x + threadIdx.x] = activate(node[0], z);
  }
  Number given[OUTPUTS];
  for (int i = 0; i < OUTPUTS; ++i) {
    given[i] = values[outputs[OUTPUTS * genome + i] * blockDim.x + threadIdx.x];
  }
  Colour shown = colour(given);
  for (int i = 0; i < CHANNELS; ++i) {
    images[(long long)(CHANNELS * genome + i) * pixels + pixel] =
        (unsigned char)rintf(255.0f * shown.levels[i]);
  }
}
